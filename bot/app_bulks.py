"""The parts of bulks, put together: a chapter of `app.build`, which alone calls it."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain.policy import Policy
from bot.services.authority import Authority
from bot.services.bulk_execution import BulkExecution
from bot.services.bulk_intake import BulkIntake
from bot.services.bulk_ports import Tables
from bot.services.bulk_records import BulkRecords
from bot.services.bulk_rows import RowSteps
from bot.services.bulk_steering import Steering
from bot.services.bulk_submission import BulkSubmissions
from bot.services.documents import Documents
from bot.services.places import Places
from bot.services.plan_documents import PlanDocuments
from bot.services.planning import Planning
from bot.services.ports import Clock, Dispatcher, Notifier, Platform, Store
from bot.services.preview import Previews
from bot.services.row_reading import RowReader
from bot.services.unhurried import unhurried
from bot.sheets.reading import open_pasted, open_sheet
from bot.sheets.verdicts import VERDICT_HEADER, template, verdict_row
from bot.slack.api import SlackApi
from bot.slack.bulks import Bulks
from bot.slack.downloads import Downloads
from bot.storage.bulk_store import SqlBulkRows
from bot.storage.bulk_work import SqlBulkWork
from bot.storage.engine import Engine


def bulk_parts(
    *,
    engine: Engine,
    platform: Platform,
    store: Store,
    policy: Policy,
    authority: Authority,
    places: Places,
    api: SlackApi,
    notifier: Notifier,
    dispatcher: Dispatcher,
    clock: Clock,
    rate: float,
    documents: dict[str, Documents],
) -> tuple[Planning, Bulks]:
    """What checks the rows of a bulk, and what its listeners work with. `documents` gets the plan's table."""
    kept, slow = SqlBulkRows(engine), unhurried(platform)
    patient = Previews(platform=slow, store=store, policy=policy, clock=clock)
    planning = Planning(
        store=store,
        kept=kept,
        reader=RowReader(platform=slow, previews=patient, clock=clock),
        previews=patient,
        authority=authority,
        notifier=notifier,
        clock=clock,
    )
    intake = BulkIntake(
        store=store,
        kept=kept,
        authority=authority,
        places=places,
        clock=clock,
        dispatcher=dispatcher,
        notifier=notifier,
        rate=rate,
    )
    sending = BulkSubmissions(
        store=store,
        planning=planning,
        previews=Previews(platform=platform, store=store, policy=policy, clock=clock),
        authority=authority,
        places=places,
        clock=clock,
        dispatcher=dispatcher,
        notifier=notifier,
        rate=rate,
    )
    documents["plan"] = PlanDocuments(kept, verdict_row, VERDICT_HEADER)
    return planning, Bulks(intake, sending, Tables(open_sheet, open_pasted), Downloads(api), template)


def applying_parts(
    *,
    store: Store,
    work: SqlBulkWork,
    platform: Platform,
    policy: Policy,
    authority: Authority,
    dispatcher: Dispatcher,
    notifier: Notifier,
    clock: Clock,
    jitter: Callable[[], float],
) -> tuple[Steering, BulkExecution]:
    """What people do to a bulk while it is applied, and what applies it."""
    records = BulkRecords(store=store, work=work, clock=clock)
    steering = Steering(
        store=store,
        records=records,
        authority=authority,
        dispatcher=dispatcher,
        notifier=notifier,
        clock=clock,
    )
    rows = RowSteps.sharing(store, platform, authority, policy=policy, clock=clock, jitter=jitter)
    execution = BulkExecution(
        store=store,
        work=work,
        rows=rows,
        records=records,
        brakes=policy.brakes,
        clock=clock,
        notifier=notifier,
    )
    return steering, execution
