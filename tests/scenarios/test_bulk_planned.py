"""Many SIMs from a file: from `/lock-csv` to a plan, and from the plan to a request that is approved."""

from __future__ import annotations

import csv
import io

import pytest

from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios.acts import (
    approve,
    ask_lock,
    audited,
    cancel,
    deny,
    idle,
    request_id_in,
    shown,
    told,
)
from tests.scenarios.bulk_acts import (
    approval_card,
    counted,
    plan_file,
    planned,
    row_states,
    send_file,
    send_lines,
    send_on,
    status,
    verdicts,
)
from tests.scenarios.evidence import database
from tests.scenarios.evidence import rows as stored


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
    assert counted(card) | {"lose nothing": 2} == counted(card)
    assert (counted(card)["ready"], counted(card)["refused"]) == (2, 1)
    assert [row["Verdict"] for row in plan_file(stage, card)] == ["ready", "ready", "refused"]
    request_id = request_id_in(shown(view))
    assert status(stage, request_id) == "previewing"
    await send_on(stage, engineer, card)
    assert status(stage, request_id) == "pending"
    asked = await approval_card(stage, request_id)
    await approve(stage, stage.person("U0APP1"), asked)
    await idle(stage)
    assert status(stage, request_id) not in {"pending", "previewing"}
    assert row_states(stage, request_id)["skipped"] == 1
    events = [event for event, outcome, _ in await audited(stage, request_id) if outcome == "ok"]
    assert events[:3] == ["request.plan", "request.submit", "request.approve"]


async def test_every_kind_of_row_has_its_verdict_and_its_reason_in_the_file(open_stage: OpenStage) -> None:
    stage = await open_stage()
    sims, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    holder = request_id_in(shown(await ask_lock(stage, engineer, sims.suspended)))
    lines = [
        ("ICCID", "IMEI"),
        (sims.fresh.iccid, sims.fresh.imei),
        (sims.locked.iccid, "unlock keep"),
        (sims.never_seen.iccid, "last seen"),
        (sims.zeros.iccid, "last seen"),
        (sims.cleared.iccid, "unlock clear"),
        (sims.short_iccid.printed, "unlock keep"),
        ("8944476500000000009", "unlock keep"),
        (sims.online.iccid, "4.90154E+14"),
        (sims.retired.iccid, sims.retired.imei[:14]),
        (sims.suspended.iccid, sims.suspended.imei),
        (sims.outside_locked_group.iccid, "last seen"),
    ]
    content = "\r\n".join("\t".join(cells) for cells in lines).encode("utf-16")
    card = await planned(stage, await send_file(stage, engineer, content, "Excel.txt"))
    said = verdicts(stage, card)
    assert [said[line][0] for line in sorted(said)] == [
        *("ready", "ready", "needs a look", "needs a look", "already so"),
        *("needs a look", "refused", "refused", "needs a look", "needs a look", "ready"),
    ]
    assert "keeps service" in said[2][1]
    assert "loses its protection" in said[3][1]
    assert "never seen" in said[4][1]
    assert "zeros" in said[5][1]
    assert "4.90154E+14" not in said[9][1]
    assert holder in said[11][1]
    assert "another range" in said[12][1]
    shown_counts = counted(card)
    assert sum(shown_counts[label] for label in ("ready", "already so", "need a look", "refused")) == 11


async def test_pasted_lines_are_read_like_a_file(open_stage: OpenStage) -> None:
    stage = await open_stage()
    sims, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    lines = f"{sims.fresh.iccid} {sims.fresh.imei}\n{sims.locked.iccid}  unlock clear"
    card = await planned(stage, await send_lines(stage, engineer, lines))
    assert counted(card)["ready"] == 2
    assert "pasted lines" in shown(card)


async def test_the_plans_file_can_be_mended_and_sent_back(open_stage: OpenStage) -> None:
    stage = await open_stage()
    sims, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    lines = f"ICCID,IMEI\n{sims.fresh.iccid},last seen\n{sims.online.iccid},nonsense"
    first = await planned(stage, await send_file(stage, engineer, lines.encode()))
    rows = plan_file(stage, first)
    rows[1]["IMEI"] = sims.online.imei
    await cancel(stage, engineer, first)
    mended = io.StringIO()
    writer = csv.DictWriter(mended, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    again = await planned(stage, await send_file(stage, engineer, mended.getvalue().encode()))
    assert counted(again)["ready"] == 2


async def test_only_who_made_a_plan_sends_it_on_and_a_second_click_makes_nothing_new(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    sims, engineer, other = stage.monogoto.examples, stage.person("U0ENG1"), stage.person("U0ENG2")
    view = await send_lines(stage, engineer, f"{sims.fresh.iccid} {sims.fresh.imei}")
    card, request_id = await planned(stage, view), request_id_in(shown(view))
    await send_on(stage, other, card)
    assert "Only the person who made this plan" in await told(stage, other)
    assert status(stage, request_id) == "previewing"
    await engineer.click(card, "bulk.send")
    await engineer.click(card, "bulk.send")
    await idle(stage)
    assert status(stage, request_id) == "pending"
    assert "sent on already" in await told(stage, engineer, "sent on already")
    assert stored(database(stage), "select count(*) from holds")[0][0] == 1
    submits = [outcome for event, outcome, _ in await audited(stage, request_id) if event == "request.submit"]
    assert sorted(submits) == ["ok", "refused", "refused"]


async def test_an_answer_by_direct_message_which_stays_holds_no_button_that_decides(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    sims, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    view = await send_lines(stage, engineer, f"{sims.fresh.iccid} {sims.fresh.imei}")
    card = await planned(stage, view)
    stage.slack.fail("response_url", status=404)
    stage.slack.fail("chat.postEphemeral", error="not_in_channel")
    await send_on(stage, engineer, card)
    direct = stage.slack.messages("D0ENG1")
    assert [message.text for message in direct] == ["✅ 1 row sent on. It waits for approval."]
    assert "request.cancel" not in str(direct[0].blocks)
    assert "use its card" in str(direct[0].blocks)


async def test_a_sim_that_was_asked_for_elsewhere_meanwhile_sends_nothing_and_the_plan_is_drawn_anew(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    sims, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    lines = f"{sims.fresh.iccid} {sims.fresh.imei}\n{sims.online.iccid} {sims.online.imei}"
    view = await send_lines(stage, engineer, lines)
    card, request_id = await planned(stage, view), request_id_in(shown(view))
    await ask_lock(stage, stage.person("U0ENG2"), sims.fresh)
    await send_on(stage, engineer, card)
    assert "One of its SIMs is asked for in another open request" in await told(stage, engineer, "One of its")
    assert status(stage, request_id) == "previewing"
    await stage.until(lambda: counted(card)["ready"] == 1)
    await send_on(stage, engineer, card)
    assert status(stage, request_id) == "pending"


@pytest.mark.parametrize("end", ["denied", "cancelled", "expired"])
async def test_a_bulk_that_nobody_approves_changes_nothing_and_lets_its_sims_go(
    open_stage: OpenStage, end: str
) -> None:
    stage = await open_stage()
    sims, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    view = await send_lines(stage, engineer, f"{sims.fresh.iccid} {sims.fresh.imei}")
    card, request_id = await planned(stage, view), request_id_in(shown(view))
    await send_on(stage, engineer, card)
    asked = await approval_card(stage, request_id)
    if end == "denied":
        await deny(stage, stage.person("U0APP1"), asked, "Not now")
    elif end == "cancelled":
        await cancel(stage, engineer, asked)
    else:
        stage.clock.advance(24 * 3600 + 1)
        await stage.settle(10)
    assert status(stage, request_id) == end
    assert stored(database(stage), "select count(*) from holds")[0][0] == 0
    assert stage.monogoto.writes == {}


async def test_a_bulk_stands_in_the_lists_and_in_the_history_of_its_sims(open_stage: OpenStage) -> None:
    stage = await open_stage()
    sims, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    view = await send_lines(stage, engineer, f"{sims.fresh.iccid} {sims.fresh.imei}")
    card, request_id = await planned(stage, view), request_id_in(shown(view))
    await engineer.command("/imei", "requests mine")
    assert await _listed(stage, engineer.id, request_id)
    await send_on(stage, engineer, card)
    approver = stage.person("U0APP1")
    await approver.command("/imei", f"history {sims.fresh.iccid}")
    assert await _listed(stage, approver.id, request_id)
    await approver.command("/imei", f"status {sims.fresh.iccid}")
    await stage.until(lambda: any("pasted lines" in shown(m) for m in stage.whispers(approver.id)))


async def _listed(stage: Stage, user_id: str, request_id: str) -> bool:
    return bool(await stage.until(lambda: [m for m in stage.whispers(user_id) if request_id in shown(m)]))


async def test_a_bot_that_ends_while_rows_are_checked_goes_on_after_its_start(open_stage: OpenStage) -> None:
    stage = await open_stage()
    engineer = stage.person("U0ENG1")
    lines = "\n".join(f"{iccid} last seen" for iccid in stage.monogoto.iccids[:40])
    view = await send_lines(stage, engineer, lines)
    await stage.until(lambda: stage.monogoto.calls_to("GET", "/thing/"))
    await stage.stop_bot()
    await stage.start_bot()
    card = await planned(stage, view)
    assert counted(card)["all rows"] == 40
