"""A rich day at LOG_LEVEL=DEBUG, then a search for everything that must be nowhere."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.logs import set_up
from bot.sandbox.stage import POLICY, Stage
from bot.storage.tables import METADATA
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import WRITE, database, ended, standing, until, untold
from tests.storage.by_hand import by_hand


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """All that the process logs, as `python -m bot` would write it, from DEBUG on."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers.clear()
    kept = io.StringIO()
    set_up(level="DEBUG", form="text", stream=kept)
    try:
        yield kept
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:] = before
        root.setLevel(level)


@pytest.mark.timeout(180)  # a log from DEBUG on takes its time
async def test_no_secret_is_in_any_log_message_view_or_table(open_stage: OpenStage) -> None:
    policy = POLICY | {"approvals_channel": "C0APPROVALS", "audit_channel": "C0AUDIT"}
    with everything_logged() as log:
        stage = await open_stage(policy=policy, settings={"LOG_LEVEL": "DEBUG"}, inventory=True)
        await _a_rich_day(stage)
        tokens = await _tokens(stage)
        await stage.stop_bot()
    logged = log.getvalue()
    assert " DEBUG " in logged or isinstance(database(stage), str)  # psycopg has none to say
    assert " WARNING bot." in logged
    assert "Stolen box" not in logged
    _search(logged, [*tokens, *_sim_secrets(stage)], "log")
    assert not _grouped_numbers(logged, stage)
    assert not re.search(r"(ChangeRequest|Thing|Seen|Submission|Config|LockThing)\(", logged)

    shown = json.dumps(
        [call.args for call in stage.slack.requests] + [d.body for d in stage.slack.deliveries], default=str
    )
    _search(shown, [*tokens, *_sim_secrets(stage)], "message or view")

    stored = _stored(stage)
    assert stage.monogoto.examples.fresh.iccid in stored
    _search(stored, [*tokens, *_sim_secrets(stage)], "table")


async def _a_rich_day(stage: Stage) -> None:
    """Locks and an unlock, look-ups, refusals, a redraw, lost answers, failures, a restart."""
    examples = stage.monogoto.examples
    engineer, approver = stage.person("U0ENG1"), stage.person("U0APP1")
    card = await acts.ask_lock(stage, engineer, examples.fresh)
    stage.monogoto.fail(WRITE, "drop_after")
    stage.slack.fail("chat.postMessage", reset=True, after_applying=True)
    await approver.click(card, "request.approve", confirm=True)
    await ended(stage)
    await engineer.command("/imei", "help")
    for look_up in (f"status {examples.fresh.iccid}", f"status {examples.fresh.imei}", "requests"):
        await engineer.command("/imei", look_up)
    await acts.idle(stage)
    await engineer.command("/lock-thing", "8944 5003 1234")
    await stage.person("U0PLAIN").command("/unlock-thing", examples.locked.iccid)
    stage.monogoto.fail(("GET", "/thing/"), "wrong_thing")
    await engineer.command("/lock-thing", examples.online.iccid)
    await acts.idle(stage)
    card = await acts.ask_unlock(stage, engineer, examples.locked, keep="clear")
    stage.monogoto.console_edit(examples.locked.iccid, MasterIMEI=examples.unused_imeis[1])
    await acts.approve(stage, approver, card)
    await acts.whisper(stage, approver, "Nothing was approved")
    await stage.until(lambda: not untold(database(stage)))
    stage.monogoto.expire_tokens()
    stage.monogoto.fail(WRITE, "error_html")
    await approver.click(card, "request.approve", confirm=True)
    await ended(stage)
    card = await acts.ask_lock(stage, engineer, examples.zeros, examples.unused_imeis[2])
    stage.monogoto.settings.change(profile="monitor")
    stage.slack.fail("chat.update", error="restricted_action")
    await approver.click(card, "request.approve", confirm=True)
    await ended(stage)
    assert [status for status, _ in standing(database(stage))] == ["succeeded", "succeeded", "failed"]
    stage.monogoto.fail(("*", "/"), "drop_before", 3)
    await engineer.command("/lock-thing", examples.cleared.iccid)
    await acts.idle(stage)
    await stage.stop_bot()
    stage.monogoto.expire_tokens()
    stage.monogoto.clear_faults()
    stage.monogoto.fail(("POST", "/Auth"), "unauthorized")
    await stage.start_bot()
    await engineer.command("/lock-thing", examples.odd_time.iccid)
    await acts.idle(stage)
    await stage.settle(60)
    while engineer.modal:
        await engineer.close(engineer.modal)
    card = await acts.ask_lock(stage, engineer, examples.hostile_name)
    await until(stage, lambda: "request.approve" in str(card.blocks))


async def _tokens(stage: Stage) -> list[str]:
    """What opens a door: ours to Slack and to the vendor."""
    assert stage.bot is not None
    keeper = stage.bot._platform._auth._keeper
    slack = stage.slack
    tokens = [slack.bot_token, slack.app_token, slack.signing_secret, stage.monogoto.password]
    return [*tokens, await keeper.token()]


def _sim_secrets(stage: Stage) -> list[str]:
    return [secret for iccid in stage.monogoto.iccids for secret in stage.monogoto.secrets(iccid)]


def _stored(stage: Stage) -> str:
    """Every byte of the file and its journal; of a server, every row."""
    if isinstance(database(stage), str):
        tables = [f"SELECT * FROM {table}" for table in METADATA.tables]
        return "\n".join(str(by_hand(stage.database_url, query)) for query in tables)
    files = [path for path in stage.folder.iterdir() if path.name.startswith(database(stage).name)]
    return b"".join(path.read_bytes() for path in files).decode("latin-1")


def _search(text: str, secrets: list[str], where: str) -> None:
    found = [secret for secret in secrets if secret in text]
    assert not found, f"{len(found)} secrets in a {where}, such as {found[0][:6]}…"


def _grouped_numbers(text: str, stage: Stage) -> list[str]:
    """Full ICCIDs and IMEIs in any grouping: all separators are taken out first."""
    squeezed = re.sub(r"(?<=\d)[ \u00a0.\-_/'\u2009\u202f]{1,2}(?=\d)", "", text)
    examples = stage.monogoto.examples
    sims = [examples.fresh, examples.locked, examples.zeros, examples.online, examples.cleared]
    numbers = [*(sim.iccid for sim in sims), *(sim.imei for sim in sims if sim.imei.strip("0"))]
    return [number for number in [*numbers, *examples.unused_imeis] if number[:14] in squeezed]
