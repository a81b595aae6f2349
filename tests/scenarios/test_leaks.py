"""A rich day at LOG_LEVEL=DEBUG, then a search for everything that must be nowhere."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.logs import set_up
from bot.sandbox.stage import POLICY, Stage
from bot.storage import audit
from bot.storage.engine import open_engine
from bot.storage.tables import METADATA
from tests.conftest import OpenStage
from tests.leaks import found, needles_of
from tests.scenarios import acts
from tests.scenarios.evidence import WRITE, database, ended, standing, until, untold
from tests.storage.by_hand import by_hand


@contextmanager
def everything_logged(path: Path) -> Iterator[None]:
    """All that the process logs, as `python -m bot` would write it, from DEBUG on."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers.clear()
    with path.open("w") as kept:
        set_up(level="DEBUG", form="text", stream=kept)
        try:
            yield
        finally:
            logging.captureWarnings(capture=False)
            root.handlers[:] = before
            root.setLevel(level)


@pytest.mark.timeout(180)  # a log from DEBUG on takes its time
async def test_no_secret_is_in_anything_that_a_run_leaves_behind(
    open_stage: OpenStage, tmp_path: Path
) -> None:
    policy = POLICY | {"approvals_channel": "C0APPROVALS", "audit_channel": "C0AUDIT"}
    kept = tmp_path / "kept"
    kept.mkdir()
    with everything_logged(kept / "bot.log"):
        stage = await open_stage(policy=policy, settings={"LOG_LEVEL": "DEBUG"}, inventory=True)
        await _a_rich_day(stage)
        needles = needles_of(stage.slack, stage.monogoto)
        needles = replace(needles, secrets=(*needles.secrets, await _token(stage)))
        await stage.stop_bot()
    await _keep(stage, kept)
    assert [str(leak) for leak in found(kept, needles)] == []
    logged = (kept / "bot.log").read_text()
    assert "DEBUG" in logged or isinstance(database(stage), str)  # psycopg has none to say
    assert "WARNING" in logged
    assert "Stolen box" not in logged
    assert not re.search(r"(ChangeRequest|Thing|Seen|Submission|Config|LockThing)\(", logged)
    assert stage.monogoto.examples.fresh.iccid in (kept / "audit.jsonl").read_text()


async def _keep(stage: Stage, folder: Path) -> None:
    """All that came out of the run, file by file: what people saw, the records, the export."""
    sent = [call.args for call in stage.slack.requests], [d.body for d in stage.slack.deliveries]
    (folder / "slack.json").write_text(json.dumps(sent, default=str, ensure_ascii=False))
    _keep_records(stage, folder)
    engine = open_engine(stage.database_url, read_only=True)
    with (folder / "audit.jsonl").open("w") as file:
        async for line in audit.export(engine):
            file.write(line + "\n")
    await engine.close()


def _keep_records(stage: Stage, folder: Path) -> None:
    """Every byte of the file and its journal; of a server, every row."""
    records = database(stage)
    if isinstance(records, str):
        tables = [f"SELECT * FROM {table}" for table in METADATA.tables]
        rows = "\n".join(str(by_hand(stage.database_url, query)) for query in tables)
        (folder / "records.txt").write_text(rows)
        return
    for path in list(stage.folder.iterdir()):
        if path.name.startswith(records.name):
            shutil.copyfile(path, folder / path.name)


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


async def _token(stage: Stage) -> str:
    """The vendor's, of the moment."""
    assert stage.bot is not None
    return await stage.bot._platform._auth._keeper.token()
