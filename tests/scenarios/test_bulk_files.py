"""What people put into the form of `/lock-csv`, and what is refused of it, in one plain sentence."""

from __future__ import annotations

import csv
import io

import pytest

from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios.acts import ask_lock_group, form_of, idle, open_form, shown, submit, whisper
from tests.scenarios.bulk_acts import counted, planned, send_file
from tests.scenarios.evidence import database, rows


def requests_in(stage: Stage) -> int:
    return int(rows(database(stage), "select count(*) from requests")[0][0])


@pytest.mark.parametrize("both", [True, False])
async def test_a_form_with_both_or_with_nothing_is_sent_back_with_one_sentence_beside_the_field(
    open_stage: OpenStage, both: bool
) -> None:
    stage = await open_stage()
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-csv")
    if both:
        await engineer.upload(view, "file", "sims.csv", b"ICCID,IMEI")
    result = await submit(engineer, view, {"reason": "New", **({"lines": "x"} if both else {})})
    assert list(result.errors) == ["lines"]
    assert ("Remove one" if both else "Add a file") in result.errors["lines"]
    assert requests_in(stage) == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!doctype html><html><title>Sign in</title>", "web page"),
        (b"%PDF-1.7", "a PDF"),
        (b"Name,Phone\nAnn,12", "ICCID"),
        (b"ICCID,IMEI\n", "no rows"),
    ],
)
async def test_a_file_that_is_no_table_gives_the_form_back_with_what_was_typed(
    open_stage: OpenStage, content: bytes, said: str
) -> None:
    stage = await open_stage()
    view = await send_file(stage, stage.person("U0ENG1"), content, reason="Two pallets")
    assert said in shown(view)
    assert form_of(stage.person("U0ENG1")) is not None
    assert "Two pallets" in str(view.content)
    assert requests_in(stage) == 0


async def test_a_file_of_more_than_ten_megabytes_is_not_downloaded(open_stage: OpenStage) -> None:
    stage = await open_stage()
    view = await send_file(stage, stage.person("U0ENG1"), b"8" * 10_000_001)
    assert "larger than 10 MB" in shown(view)


async def test_a_sign_in_page_that_comes_instead_of_the_file_is_told_as_such(open_stage: OpenStage) -> None:
    stage = await open_stage()
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-csv")
    await engineer.upload(view, "file", "sims.csv", b"<html>Sign in</html>", "text/html")
    assert (await submit(engineer, view, {"reason": "New"})).ok
    await stage.until(lambda: "⏳" not in shown(view))
    assert "web page" in shown(view)


async def test_a_file_id_that_is_somebody_elses_is_not_read(open_stage: OpenStage) -> None:
    stage = await open_stage()
    other, engineer = stage.person("U0ENG2"), stage.person("U0ENG1")
    theirs = await open_form(stage, other, "/lock-csv")
    files = await other.upload(theirs, "file", "theirs.csv", b"ICCID,IMEI\n1,2")
    view = await open_form(stage, engineer, "/lock-csv")
    await engineer.upload(view, "file", "mine.csv", b"ICCID,IMEI")
    (element,) = view.values["file"].values()
    element["files"] = files
    assert (await submit(engineer, view, {"reason": "New"})).ok
    await stage.until(lambda: "⏳" not in shown(view))
    assert "not one that you uploaded" in shown(view)


async def test_what_was_typed_is_offered_again_where_the_form_was_closed(open_stage: OpenStage) -> None:
    stage = await open_stage()
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-csv")
    lines = "no number at all\n" * 100
    assert (await submit(engineer, view, {"lines": lines, "reason": "Two pallets"})).ok
    await engineer.close(view)
    message = await whisper(stage, engineer, "ICCID")
    await engineer.click(message, "bulk.reopen")
    form = await stage.until(lambda: form_of(engineer))
    assert lines.strip() in str(form.content["blocks"]).replace("\\n", "\n")
    assert "Two pallets" in str(form.content)


async def test_somebody_who_may_ask_for_nothing_opens_no_form(open_stage: OpenStage) -> None:
    stage = await open_stage()
    support = stage.person("U0SUP1")
    await support.command("/lock-csv")
    assert "only the role" in (await whisper(stage, support, "⛔")).text


@pytest.mark.parametrize("from_form", [True, False])
async def test_the_template_comes_by_direct_message_and_what_is_filled_in_is_read(
    open_stage: OpenStage, from_form: bool
) -> None:
    stage = await open_stage()
    engineer, sim = stage.person("U0ENG1"), stage.monogoto.examples.fresh
    if from_form:
        view = await open_form(stage, engineer, "/lock-csv")
        await engineer.click(view, "bulk.template")
    else:
        await engineer.command("/lock-csv", "template")
    await idle(stage)
    files = [
        f
        for channel in stage.slack.workspace.channels
        for m in stage.slack.messages(channel)
        for f in m.files
    ]
    (template,) = [stage.slack._state.files[file["id"]] for file in files]
    assert template.name == "imei-lock.csv"
    filled = template.content + f"{sim.iccid},{sim.imei}\r\n".encode()
    card = await planned(stage, await send_file(stage, engineer, filled, template.name))
    assert (counted(card)["ready"], counted(card)["all rows"]) == (1, 1)


async def test_the_list_of_a_groups_impact_is_read_once_somebody_says_what_to_do(
    open_stage: OpenStage,
) -> None:
    """Its ICCIDs come back as they are; the name that looks like a formula is no harm, and is not read."""
    stage = await open_stage()
    sims, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    stage.monogoto.console_edit(sims.hostile_formula.iccid, ThingsGroupId=sims.never_locked_group)
    card = await ask_lock_group(stage, engineer, sims.never_locked_group, "35305311")
    await stage.settle(5)
    [told] = [reply for reply in stage.replies(card) if reply.files]
    content = stage.slack._state.files[told.files[0]["id"]].content.decode("utf-8-sig")
    listed = list(csv.reader(io.StringIO(content)))
    assert not any(cell[:1] in set("=+-@") for row in listed for cell in row)
    mended = io.StringIO()
    csv.writer(mended).writerows([[*listed[0], "Action"], *([*row, "last seen"] for row in listed[1:])])
    plan = await planned(stage, await send_file(stage, engineer, mended.getvalue().encode()))
    assert counted(plan)["all rows"] == len(listed) - 1
    assert counted(plan)["refused"] == 0
    assert '"Last seen in IMEI"' in shown(plan)
