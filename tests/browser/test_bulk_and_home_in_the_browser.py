"""A file of many SIMs, the app's Home, and a form out of a message, as people use them at either width."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import FilePayload, Locator, expect

from tests.browser.conftest import OpenWindow
from tests.browser.hands import MARIA, RAVI, Window
from tests.sandbox.demo_process import DemoProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOTH = pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
TOM = "U0ENG2"
APP = re.compile("IMEI Lock")


def sims(demo: DemoProcess, page: int, count: int) -> list[dict[str, Any]]:
    """SIMs in devices, not locked, that no other test here uses."""
    rows = demo.get("/control/monogoto/things", offset=50 * page)["rows"]
    free = [row for row in rows if row["imei"] and not row["locked"] and row["state"] == "ACTIVE"]
    assert len(free) >= count
    return free[:count]


def named(me: Window, text: str | re.Pattern[str]) -> Locator:
    """The newest message in the open channel with this text."""
    return me.page.locator("#channel [data-testid=message]").filter(has_text=text).last


async def open_app(me: Window) -> None:
    """From the list of channels."""
    back = me.page.get_by_role("button", name="Back to the channels")
    if me.is_phone:
        await back.click()
    await me.page.get_by_test_id("channel").filter(has_text=APP).click()


@BOTH
async def test_a_file_becomes_a_plan_a_request_and_results_to_download(
    window: OpenWindow, demo: DemoProcess, phone: bool
) -> None:
    """A bad row is left out; the end is a file in the thread, with a line for each."""
    good = sims(demo, 12 + phone, 2)
    name = f"depot-{phone:d}.csv"
    lines = ["ICCID,IMEI", *(f"{sim['iccid']},{sim['imei']}" for sim in good), f"{good[0]['iccid'][:-2]},1"]
    me = await window(MARIA, phone=phone)
    await me.fold_guide()
    await me.go_to("C0FIELD")
    await me.say("/lock-csv")
    field = me.form.locator("[data-block=file]")
    await field.locator("input[type=file]").set_input_files(csv(name, "\n".join(lines)))
    await expect(field.locator(".files li")).to_have_count(1)
    await me.form.get_by_label("Reason").fill("New boxes")
    await me.send_form()
    await expect(me.form).to_contain_text("3 rows")
    await me.close_form()
    card = named(me, name)
    await expect(card).to_contain_text("Send the 2 ready rows on?")
    await card.get_by_role("button", name="Send the 2 ready ones").click()
    await expect(card).to_contain_text("Change 2 SIMs, each as its row says?")
    await me.act_as(RAVI)
    await me.press(named(me, name), "Approve")
    await expect(named(me, name)).to_contain_text("Done: all 2 SIMs are as asked")
    await named(me, name).locator(".thread-link").click()
    result = me.tid("thread").get_by_test_id("file").filter(has_text="results")
    await expect(result).to_be_visible()
    async with me.page.expect_download() as coming:
        await result.click()
    told = await asyncio.to_thread(Path(await (await coming.value).path()).read_text, "utf-8-sig")
    assert told.count("done") == 2
    assert all(_now(demo, sim)["locked"] for sim in good)


def csv(name: str, text: str) -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": text.encode()}


def _now(demo: DemoProcess, sim: dict[str, Any]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = demo.get("/control/monogoto/things", search=sim["iccid"])["rows"]
    return rows[0]


@BOTH
async def test_the_home_opens_forms_and_leads_an_approver_to_the_card(
    window: OpenWindow, demo: DemoProcess, phone: bool
) -> None:
    """A form by one of its buttons; what was asked waits on the approver's Home, and is gone once decided."""
    (sim,) = sims(demo, 14 + phone, 1)
    me = await window(TOM, phone=phone)
    await me.fold_guide()
    await open_app(me)
    await me.page.get_by_role("tab", name="Home").click()  # else what is new in Messages comes first
    home = me.page.get_by_role("tabpanel", name="Home")
    await expect(home).to_contain_text("What you asked for, still open")
    await home.get_by_role("button", name="Lock a SIM", exact=True).focus()
    await me.page.keyboard.press("Enter")
    await me.form.get_by_label("ICCID").fill(sim["iccid"])
    await me.form.get_by_label("IMEI").fill(sim["imei"])
    await me.form.get_by_label("Reason").fill("From the Home")
    await me.send_form()
    await expect(me.form).to_contain_text("Request posted")
    await me.close_form()
    await home.get_by_role("button", name="Refresh").click()
    iccid = re.compile(r"\s?".join(sim["iccid"]))
    await expect(home).to_contain_text(iccid)
    await me.act_as(RAVI)
    await open_app(me)
    await me.page.get_by_role("tab", name="Messages").click()
    card = named(me, iccid)  # posted after what Tom follows, perhaps
    await expect(card.get_by_role("button", name="Approve")).to_be_visible()
    await me.page.get_by_role("tab", name="Home").click()
    await expect(home).to_contain_text("Waiting for your decision")
    await expect(home).to_contain_text(iccid)
    request_id = await home.locator("code", has_text=re.compile("^[2-9A-Z]{10}$")).first.inner_text()
    newest = home.get_by_text("Lock SIM: pending").first
    await newest.and_(home.get_by_role("link")).click()  # what was drawn before the card has no link to it
    card = named(me, request_id)
    await me.press(card, "Approve")
    await expect(card).to_contain_text("read back")
    await open_app(me)
    await me.page.get_by_role("tab", name="Home").click()
    await expect(home).not_to_contain_text(iccid)


@BOTH
async def test_a_form_out_of_a_message_is_filled_in_and_answered_in_its_thread(
    window: OpenWindow, demo: DemoProcess, phone: bool
) -> None:
    """By keyboard: the message's menu, its shortcut, the reason, Ctrl+Enter; Esc closes what says so."""
    (sim,) = sims(demo, 16 + phone, 1)
    me = await window(MARIA, phone=phone)
    await me.fold_guide()
    await me.go_to("C0FIELD")
    said = f"Ticket: box gone. ICCID {sim['iccid']}, IMEI {sim['imei']}"
    demo.post("/control/say", **{"as": TOM, "channel": "C0FIELD", "text": said})
    message = named(me, said)
    keys = me.page.keyboard
    await message.get_by_role("button", name="More actions").focus()
    await keys.press("Enter")
    await expect(me.page.get_by_role("menuitem", name="Lock SIM in this message")).to_be_focused()
    await keys.press("Enter")
    await expect(me.form.get_by_label("ICCID")).to_have_value(sim["iccid"])
    await expect(me.form.get_by_label("IMEI")).to_have_value(sim["imei"])
    await me.form.get_by_label("Reason").focus()
    await keys.type("Ticket")
    await keys.press("Control+Enter")
    await expect(me.form).to_contain_text("Request posted")
    await keys.press("Escape")
    await expect(me.form).to_have_count(0)
    await message.locator(".thread-link").click()
    await expect(me.tid("thread")).to_contain_text("Lock this SIM to one device?")
