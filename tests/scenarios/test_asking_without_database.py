"""A form was kept, and the database goes away: its sender is told, and nothing comes of it later."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from bot.app import Seams
from bot.domain.errors import StoreUnavailable
from bot.services.ports import Tx
from bot.slack.letting_go import TRY_AGAIN_SECONDS
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import database, rows


class Away:
    """The store, which can't be written while it is away."""

    def __init__(self) -> None:
        self.store: Any = None
        self.is_away = False

    def around(self, store: Any) -> Any:
        self.store = store
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        if self.is_away:
            raise StoreUnavailable("the disk is gone")
        found: AbstractAsyncContextManager[Tx] = self.store.transaction()
        return found


@pytest.mark.parametrize("command", ["/lock-thing", "/lock-csv"])
async def test_a_form_given_back_without_a_database_is_not_taken_up_by_the_next_process(
    open_stage: OpenStage, command: str
) -> None:
    away = Away()
    stage = await open_stage(seams=Seams(wrap_store=away.around))
    engineer, sim = stage.person("U0ENG1"), stage.monogoto.examples.fresh
    text = f"{sim.iccid} {sim.imei}" if command == "/lock-thing" else ""
    view = await acts.open_form(stage, engineer, command, text)
    stage.slack.fail("users.info", status=503)  # holds the check up, until the form is kept
    lines = {} if text else {"lines": f"ICCID,IMEI\n{sim.iccid},{sim.imei}"}
    kept = away.transaction

    def gone_after_the_first() -> AbstractAsyncContextManager[Tx]:
        found = kept()
        away.is_away = True
        return found

    away.transaction = gone_after_the_first  # type: ignore[method-assign]
    await acts.submit(engineer, view, {"reason": "Stolen box", **lines})
    away.transaction = kept  # type: ignore[method-assign]
    await stage.until(lambda: "⏳" not in acts.shown(view))
    assert _states(stage) == ["checking"]
    away.is_away = False
    await stage.settle(TRY_AGAIN_SECONDS + 1)
    assert _states(stage) == ["returned"]
    await stage.stop_bot()
    await stage.start_bot()
    await stage.settle(10)
    assert rows(database(stage), "select count(*) from requests") == [(0,)]


def _states(stage: Any) -> list[str]:
    return [state for (state,) in rows(database(stage), "select state from submissions")]
