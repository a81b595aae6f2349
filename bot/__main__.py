"""The command line: run (the default), check, health, probe, audit verify, audit export, migrate, move."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from bot import terminal
from bot.health import health


def _health(*, alive: bool) -> int:
    return health(os.environ, Path(".env"), alive=alive)


if __name__ == "__main__" and sys.argv[1:] in (["health"], ["health", "--alive"]):
    # A container asks every few seconds: it must not load the whole bot for that.
    sys.exit(_health(alive="--alive" in sys.argv))

if __name__ == "__main__":
    gc.disable()  # loading makes no garbage, and looking for it takes a tenth of the start

from bot import auditing
from bot.app import build
from bot.clock import SystemClock
from bot.config import Config, ConfigError, database_url, environment, move_to
from bot.domain.errors import StoreUnavailable
from bot.logs import set_up
from bot.policy_file import PolicyError, load_policy
from bot.running import Bot
from bot.slack.http import HttpTransport
from bot.slack.socket import TransportFailed
from bot.storage.engine import migrate, open_engine
from bot.watch.ears import CanNotListen

if __name__ == "__main__":
    gc.freeze()  # what was loaded stays: nobody's ack ever waits for a look through it
    gc.enable()

log = logging.getLogger("bot")

TRY_AGAIN = 1
"""Of `run`, where the server is away: whoever watches the process starts it again. Not after a 2."""
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        return asyncio.run(_do(given, os.environ))
    except KeyboardInterrupt:
        terminal.say("Ended by Ctrl-C. Nothing was left half done.")
        return INTERRUPTED
    except (ConfigError, PolicyError, StoreUnavailable, TransportFailed, CanNotListen) as error:
        terminal.say(f"imei-lock can't go on:\n{error}")
        return 2


async def _do(given: argparse.Namespace, real: Mapping[str, str]) -> int:
    dotenv = Path(".env")
    if given.verb == "check":
        return await _check(real, dotenv, as_json=given.json)
    if given.verb == "health":
        return _health(alive=given.alive)
    env = environment(dotenv, real)
    match given.verb:
        case "audit" if given.what == "verify":
            return await auditing.verify(database_url(env).reveal(), given.expect)
        case "audit":
            return await auditing.export(database_url(env).reveal())
        case "migrate":
            return await _migrate(database_url(env).reveal())
        case "move":
            return await _move(env, given.to)
        case "probe":
            return await _probe(Config.from_env(env), given.iccid, as_json=given.json)
        case _:
            return await _run(Config.from_env(env))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot", description=__doc__)
    verbs = parser.add_subparsers(dest="verb")
    verbs.add_parser("run", help="run the bot (the default)")
    verbs.add_parser("migrate", help="bring the database to this version")
    move_parser = verbs.add_parser("move", help="copy all records into another, empty database")
    move_parser.add_argument(
        "--to",
        metavar="ADDRESS",
        help="postgresql://… or sqlite:///…; else MOVE_TO in the environment or .env, which keeps its "
        "password off the command line",
    )
    check_parser = verbs.add_parser("check", help="look at everything that the bot needs; changes nothing")
    check_parser.add_argument("--json", action="store_true", help="for scripts")
    health_parser = verbs.add_parser("health", help="ask the running bot whether it can work")
    health_parser.add_argument("--alive", action="store_true", help="only whether it lives")
    probe_parser = verbs.add_parser("probe", help="find out on one spare SIM what Monogoto leaves open")
    probe_parser.add_argument("iccid", metavar="ICCID")
    probe_parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    audit_parser = verbs.add_parser("audit", help="verify or export the audit log")
    what = audit_parser.add_subparsers(dest="what", required=True)
    verify = what.add_parser("verify", help="name the first bad entry, or say that the chain holds")
    verify.add_argument(
        "--expect",
        metavar="SEQ:DIGEST",
        type=auditing.noted,
        help="an entry noted earlier, elsewhere, that must still be there",
    )
    what.add_parser("export", help="all entries as JSON lines")
    return parser


async def _run(config: Config) -> int:
    set_up(level=config.log_level, form=config.log_format, secrets=config.secrets())
    policy = load_policy(Path(config.policy_file))
    try:
        bot = await build(config, policy, clock=SystemClock())
    except StoreUnavailable as error:
        if not config.database_url.is_server:
            raise
        terminal.say(f"imei-lock can't go on, and may as soon as the database is there:\n{error}")
        return TRY_AGAIN
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    try:
        return await _until_ended(bot, config, ended)
    finally:
        await bot.stop()
        log.info("ended")


async def _until_ended(bot: Bot, config: Config, ended: asyncio.Event) -> int:
    """Start, say what it is connected to, and wait for a signal or for Slack's final no."""
    starting = asyncio.create_task(bot.start())
    signalled = asyncio.create_task(ended.wait())
    await asyncio.wait({starting, signalled}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return 0
    await starting
    log.info("ready: %s", _connections(bot, config))
    failed = asyncio.create_task(bot.failed())
    await asyncio.wait({failed, signalled}, return_when=asyncio.FIRST_COMPLETED)
    if failed.done():
        signalled.cancel()
        raise failed.result()
    failed.cancel()
    log.info("ending: nothing new is taken, what is in hand is finished")
    return 0


def _connections(bot: Bot, config: Config) -> str:
    slack = f"Slack at {config.slack_api_url} over Socket Mode"
    if config.slack_transport == "http":
        port = bot.transport.port if isinstance(bot.transport, HttpTransport) else config.port
        slack = f"Slack at {config.slack_api_url}, signed HTTP on {config.host}:{port}/slack/events"
    watched = f"; health on {config.health_host}:{bot.watch.port}" if bot.watch else ""
    return (
        f"{slack}; Monogoto at {config.monogoto_url}; records in {config.database_url.shown}; "
        f"policy of team {bot.desk.policy.team}{watched}"
    )


async def _check(real: Mapping[str, str], dotenv: Path, *, as_json: bool) -> int:
    from bot.check import check  # noqa: PLC0415  a bot that starts has no use for it

    report = await check(real, clock=SystemClock(), dotenv=dotenv)
    terminal.report(report.as_json() if as_json else report.text())
    return report.exit_code


async def _probe(config: Config, iccid: str, *, as_json: bool) -> int:
    """Questions and warnings go to the terminal's error side, so that the report can be kept."""
    from bot import probe  # noqa: PLC0415  a bot that starts has no use for it

    try:
        probe.demand_a_person(there=sys.stdin.isatty())
        person = probe.Terminal(terminal.say, terminal.ask, terminal.shout)
        probed = await probe.run(config, iccid, clock=SystemClock(), terminal=person)
    except probe.Refused as no:
        terminal.say(f"imei-lock can't go on:\n{no}")
        if as_json:
            terminal.report(probe.refused_as_json(no))
        return probe.REFUSED
    terminal.report((probe.as_json if as_json else probe.as_text)(probed, iccid))
    return probe.exit_code(probed)


async def _migrate(database: str) -> int:
    engine = open_engine(database)
    try:
        await migrate(engine)
        if engine.is_shared:
            from bot.app_replicas import migrate_queue  # noqa: PLC0415  its libraries are an extra

            await migrate_queue(database)
    finally:
        await engine.close()
    print("The database is at this version.")
    return 0


async def _move(env: Mapping[str, str], typed: str | None) -> int:
    from bot import move  # noqa: PLC0415  as `check`
    from bot.storage.moving import NotMoved  # noqa: PLC0415

    try:
        print(await move.run(database_url(env), move_to(env, typed), terminal.say))
    except NotMoved as error:
        terminal.say(f"imei-lock can't go on:\n{error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
