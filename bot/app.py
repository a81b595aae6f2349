"""The composition root: the only module that knows all parts. Production and tests build the bot here."""

from __future__ import annotations

import hashlib
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from bot.app_alone import Alone
from bot.app_bulks import applying_parts, bulk_parts
from bot.config import Config
from bot.domain.changes import GROUP_KINDS, Kind
from bot.domain.policy import Policy
from bot.monogoto.auth import Credentials, ReadyToken, UserPassword
from bot.monogoto.client import Monogoto
from bot.monogoto.wire import OnCall
from bot.running import Bot, Transport
from bot.services.asking_again import AskingAgain
from bot.services.authority import Authority
from bot.services.bulk_results import BulkResults
from bot.services.bulk_undoing import BulkUndoing
from bot.services.census import CensusList, GroupCensus
from bot.services.clearance import Clearance
from bot.services.counting import Counter
from bot.services.documents import Documents
from bot.services.execution import Execution
from bot.services.group_execution import GroupExecution
from bot.services.inventory import InventoryReader
from bot.services.lookups import Lookups
from bot.services.places import Places
from bot.services.ports import Clock, Platform, Store
from bot.services.preview import Previews
from bot.services.progress import Progress
from bot.services.recount import Recount
from bot.services.replica_ports import Once
from bot.services.requests import Requests
from bot.services.sightings import Sightings
from bot.services.submission import Submissions
from bot.services.sweep import Sweep
from bot.services.thing_execution import ThingExecution
from bot.services.undoing import Undoing
from bot.services.vigil import Vigil
from bot.sheets.spooling import spool
from bot.sheets.verdicts import verdict_row
from bot.slack import listeners
from bot.slack.api import TIMEOUT, SlackApi
from bot.slack.background import Background
from bot.slack.desk import Desk
from bot.slack.dispatch import BoltDispatch, Dispatch
from bot.slack.files import Files
from bot.slack.http import HttpTransport
from bot.slack.notifier import SlackNotifier
from bot.slack.roles import SlackDirectory
from bot.slack.screens import Screens
from bot.slack.socket import SocketTransport
from bot.storage.archive import SqlArchive
from bot.storage.bulk_work import SqlBulkWork
from bot.storage.census import SqlCensus
from bot.storage.engine import Engine, migrate, open_engine
from bot.storage.gate import SqlGate
from bot.storage.inventory import SqlInventory
from bot.storage.outbox import SqlOutbox
from bot.storage.store import SqlStore

if TYPE_CHECKING:
    from bot.app_replicas import Replica

ID_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def id_from(seed: str) -> str:
    """An id as a request has one, the same for the same seed."""
    return "".join(ID_LETTERS[byte % len(ID_LETTERS)] for byte in hashlib.sha256(seed.encode()).digest()[:10])


@dataclass(frozen=True, slots=True)
class Seams:
    """What tests and the demo may replace or watch; production uses the defaults."""

    new_id: Callable[[], str] = lambda: "".join(secrets.choice(ID_LETTERS) for _ in range(10))
    jitter: Callable[[], float] = lambda: random.uniform(0.02, 0.2)  # noqa: S311  no secret hangs on it
    on_call: OnCall | None = None
    inventory: bool = True
    """Whether Things and groups are read in the background: calls to the vendor that nobody asked for."""
    wrap_store: Callable[[Store], Store] = field(default=lambda store: store)
    wrap_platform: Callable[[Platform], Platform] = field(default=lambda platform: platform)


async def build(config: Config, policy: Policy, *, clock: Clock, seams: Seams | None = None) -> Bot:
    """Put the parts together; opens and migrates the database, and calls nobody."""
    seams = seams or Seams()
    engine = await _database(config.database_url.reveal())
    session = aiohttp.ClientSession(timeout=TIMEOUT)
    api = SlackApi(token=config.slack_bot_token.reveal(), base_url=config.slack_api_url, session=session)
    standing = await _standing(config, engine, clock)
    store = seams.wrap_store(SqlStore(engine, standing.name))
    gate = SqlGate(engine, clock, config.monogoto_max_rate)
    vendor = Monogoto(config.monogoto_url, credentials(config), clock=clock, gate=gate, on_call=seams.on_call)
    sightings, known = Sightings(clock), SqlInventory(engine)
    platform = seams.wrap_platform(vendor)
    if seams.inventory:
        platform = sightings.watching(platform)
    directory = SlackDirectory(api=api, policy=policy, clock=clock)
    work = SqlBulkWork(engine)
    results = BulkResults(work, verdict_row)
    documents: dict[str, Documents] = {"results": results}
    outbox = SqlOutbox(engine, standing.fence)
    telling = standing.telling(api)
    files = Files(api=telling, outbox=outbox, documents=documents, write=spool)
    notifier = SlackNotifier(
        api=api,
        outbox=outbox,
        store=store,
        work=work,
        policy=policy,
        clock=clock,
        files=files,
        telling=telling,
        settling=standing.settling,
    )
    dispatcher = standing.dispatcher()
    authority = Authority(directory=directory, policy=policy, store=store, clock=clock)
    previews = Previews(platform=platform, store=store, policy=policy, clock=clock)
    requests = Requests(
        store=store,
        previews=previews,
        authority=authority,
        clock=clock,
        dispatcher=dispatcher,
        notifier=notifier,
    )
    places = Places(directory=directory, policy=policy)
    planning, bulks = bulk_parts(
        engine=engine,
        platform=platform,
        store=store,
        policy=policy,
        authority=authority,
        places=places,
        api=api,
        notifier=notifier,
        dispatcher=dispatcher,
        clock=clock,
        rate=config.monogoto_max_rate,
        documents=documents,
    )
    submissions = Submissions(
        store=store,
        previews=previews,
        authority=authority,
        places=places,
        clock=clock,
        dispatcher=dispatcher,
        notifier=notifier,
        new_id=seams.new_id,
    )
    progress = Progress(store=store, clock=clock)
    ledger = SqlCensus(engine, known)
    counter = Counter(things=vendor, ledger=ledger, clock=clock)
    recount = Recount(counter=counter, ledger=ledger, progress=progress, clock=clock)
    census = GroupCensus(
        counter=counter,
        ledger=ledger,
        store=store,
        previews=previews,
        clock=clock,
        notifier=notifier,
        dispatcher=dispatcher,
    )
    documents["census"] = CensusList(ledger)
    clearance = Clearance(
        progress=progress, previews=previews, authority=authority, clock=clock, recount=recount
    )
    vigil = Vigil(progress=progress, clock=clock)
    things = ThingExecution(
        platform=platform,
        previews=previews,
        authority=authority,
        clearance=clearance,
        progress=progress,
        vigil=vigil,
        clock=clock,
        jitter=seams.jitter,
    )
    groups = GroupExecution(
        platform=platform, clearance=clearance, progress=progress, vigil=vigil, clock=clock
    )
    execution = Execution(
        store=store, things=things, groups=groups, clearance=clearance, progress=progress, notifier=notifier
    )
    steering, bulk = applying_parts(
        store=store,
        work=work,
        platform=platform,
        policy=policy,
        authority=authority,
        dispatcher=dispatcher,
        notifier=notifier,
        clock=clock,
        jitter=seams.jitter,
    )
    lookups = Lookups(
        platform=platform,
        previews=previews,
        store=store,
        archive=SqlArchive(engine),
        inventory=known,
        authority=authority,
        clock=clock,
    )
    desk = Desk(
        api=api,
        authority=authority,
        submissions=submissions,
        requests=requests,
        undoing=Undoing(
            store=store,
            submissions=submissions,
            bulks=BulkUndoing(work=work, results=results, intake=bulks.intake),
            authority=authority,
            clock=clock,
        ),
        previews=previews,
        store=store,
        notifier=notifier,
        background=Background(),
        policy=policy,
        clock=clock,
        new_id=seams.new_id,
        forget_roles=standing.forgetting(directory.forget),
        screens=Screens(clock),
        shares=standing.once,
        lookups=lookups,
        inventory=known,
        steering=steering,
        again=AskingAgain(store=store, results=results, intake=bulks.intake, clock=clock, id_from=id_from),
        bulks=bulks,
    )
    app = listeners.build_app(token=config.slack_bot_token.reveal())
    listeners.register(app, desk)
    reader = InventoryReader(listing=vendor, ledger=known, sightings=sightings, clock=clock)
    reading = reader if seams.inventory else None
    return Bot(
        transport=_transport(config, standing.dispatch(BoltDispatch(app)), clock, standing.replays),
        desk=desk,
        notifier=notifier,
        dispatcher=dispatcher,
        sweep=Sweep(
            store=store,
            requests=requests,
            execution=execution,
            clock=clock,
            previewing={Kind.BULK: planning, **dict.fromkeys(GROUP_KINDS, census)},
            bulk=bulk,
            recount=recount,
        ),
        session=session,
        platform=vendor,
        engine=engine,
        reader=reading,
        shared=standing.shared(notifier, reading, desk),
    )


async def _database(url: str) -> Engine:
    engine = open_engine(url)
    try:
        await migrate(engine)
    except BaseException:
        await engine.close()
        raise
    return engine


async def _standing(config: Config, engine: Engine, clock: Clock) -> Alone | Replica:
    """Whether this process is the only one at its database, or one of several."""
    if not engine.is_shared:
        return Alone(clock)
    from bot.app_replicas import join  # noqa: PLC0415  its libraries are an extra

    return await join(config, engine, clock)


def _transport(config: Config, dispatch: Dispatch, clock: Clock, replays: Once | None) -> Transport:
    if config.slack_transport == "http":
        if config.slack_signing_secret is None:
            raise ValueError("Config let HTTP pass without a signing secret")
        return HttpTransport(
            dispatch,
            signing_secret=config.slack_signing_secret.reveal(),
            host=config.host,
            port=config.port,
            clock=clock,
            replays=replays,
        )
    if config.slack_app_token is None:
        raise ValueError("Config let Socket Mode pass without an app token")
    return SocketTransport(
        dispatch, app_token=config.slack_app_token.reveal(), api_url=config.slack_api_url, clock=clock
    )


def credentials(config: Config) -> Credentials:
    """How the vendor is logged in to."""
    if config.monogoto_token is not None:
        return ReadyToken(config.monogoto_token.reveal())
    if config.monogoto_username is None or config.monogoto_password is None:
        raise ValueError("Config let the bot pass without a way to log in")
    return UserPassword(config.monogoto_username, config.monogoto_password.reveal())
