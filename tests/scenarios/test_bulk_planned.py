"""Many SIMs from a file: from `/lock-csv` to a plan, and from the plan to a request that is approved."""

from __future__ import annotations

import pytest

from tests.conftest import OpenStage
from tests.scenarios.acts import approve, idle, request_id_in, shown
from tests.scenarios.bulk_acts import (
    approval_card,
    counted,
    plan_file,
    planned,
    row_states,
    send_file,
    send_on,
    status,
)


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_a_file_becomes_a_plan_and_the_plan_a_request_for_exactly_its_ready_rows(
    open_stage: OpenStage, transport: str
) -> None:
    stage = await open_stage(transport=transport)
    examples, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    sims = [examples.fresh, examples.online]
    lines = ["ICCID;IMEI", *(f"{sim.iccid};{sim.imei}" for sim in sims), f"{examples.cleared.iccid};nonsense"]
    view = await send_file(stage, engineer, "\n".join(lines).encode())
    assert "3 rows read" in shown(view)
    card = await planned(stage, view)
    assert counted(card) | {"keep service": 2} == counted(card)
    assert (counted(card)["ready"], counted(card)["refused"]) == (2, 1)
    assert [row["Verdict"] for row in plan_file(stage, card)] == ["ready", "ready", "refused"]
    request_id = request_id_in(shown(view))
    assert status(stage, request_id) == "previewing"
    await send_on(stage, engineer, card)
    assert status(stage, request_id) == "pending"
    asked = await approval_card(stage, request_id)
    await approve(stage, stage.person("U0APP1"), asked)
    await idle(stage)
    assert status(stage, request_id) == "approved"
    assert row_states(stage, request_id) == {"queued": 2, "skipped": 1}
