"""People at the page: by keyboard alone, two at once, and with fields that help and object."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.hands import MARIA, RAVI, Window, expecting
from tests.sandbox.demo_process import DemoProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def sim(demo: DemoProcess, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A SIM in a device, not locked, that neither the guide nor another test here uses."""
    rows = demo.get("/control/monogoto/things", offset=50 * (request.param + 1))["rows"]
    return next(row for row in rows if row["imei"] and not row["locked"] and row["state"] == "ACTIVE")


@pytest.mark.parametrize("sim", [0], indirect=True)
async def test_keyboard_alone_asks_for_a_lock_and_closes_with_esc(
    window: OpenWindow, sim: dict[str, Any]
) -> None:
    """`/` lists the commands, arrows and Enter choose one, Tab walks the form, Esc closes what is open."""
    me = await window(MARIA)
    keys = me.page.keyboard
    await me.fold_guide()
    await me.tid("composer").focus()
    await keys.type("/lo")
    offered = me.page.get_by_role("listbox", name="Commands").get_by_role("option")
    await expect(offered.filter(has_text="/")).to_have_count(3)
    await expect(offered.filter(has_text="Lock a SIM")).to_have_count(1)  # the shortcut
    await keys.press("ArrowDown")
    await keys.press("ArrowUp")
    await keys.press("Enter")
    await expect(me.tid("composer")).to_have_value("/lock-thing ")
    await keys.type(sim["iccid"])
    await keys.press("Enter")
    await expect(me.form.get_by_label("ICCID")).to_have_value(sim["iccid"])
    await expect(me.form).to_contain_text("seen in")
    await _tab(me, times=3, to="IMEI")  # past "Look up" and "Use the IMEI last seen"
    await keys.type(sim["imei"])
    await _tab(me, times=1, to="Reason")
    await keys.type("Stolen from the site")
    await keys.press("Control+Enter")
    await expect(me.form).to_contain_text("Request posted")
    await keys.press("Escape")
    await expect(me.form).to_have_count(0)
    await expect(me.card(sim["iccid"])).to_contain_text("Lock this SIM to one device?")
    await expect(me.tid("composer")).to_be_focused()


@pytest.mark.parametrize("sim", [4], indirect=True)
async def test_the_keyboard_keeps_its_place_in_a_card_that_it_decides(
    window: OpenWindow, sim: dict[str, Any]
) -> None:
    """After Approve, pressed by Enter, the focus is in the message as it is drawn anew, not at the top."""
    maria, ravi = await window(MARIA), await window(RAVI)
    await maria.fold_guide()
    await maria.ask(f"/lock-thing {sim['iccid']} {sim['imei']}")
    card = ravi.card(sim["iccid"])
    approve = card.get_by_role("button", name="Approve", exact=True)
    await approve.focus()
    await ravi.page.keyboard.press("Enter")
    await expect(card).to_contain_text("Locked: configured and read back")
    await expect(card).to_be_focused()
    await ravi.page.keyboard.press("Tab")
    assert await card.evaluate("node => node.contains(document.activeElement)")


async def test_the_composer_has_the_focus_once_the_guide_is_put_away(window: OpenWindow) -> None:
    """Wherever it was pressed from, the next key is not lost."""
    me = await window(MARIA)
    if await me.tid("guide-pill").is_visible():
        await me.tid("guide-pill").click()
    await me.step(2).get_by_role("button").focus()
    await me.page.keyboard.press("Enter")
    await expect(me.step(2).get_by_role("button")).to_be_focused()
    try:
        await me.tid("guide-dismiss").focus()
        await me.page.keyboard.press("Enter")
        await expect(me.tid("composer")).to_be_focused()
    finally:
        await me.page.request.post(
            f"{me.url}/control/guide/dismiss", data={"dismissed": False}, headers={"Origin": me.url}
        )


async def _tab(me: Window, *, times: int, to: str) -> None:
    """Exactly so many: each stop between two fields is one that somebody has to pass."""
    for _ in range(times):
        await me.page.keyboard.press("Tab")
    await expect(me.form.get_by_label(to, exact=True)).to_be_focused()


@pytest.mark.parametrize("sim", [1], indirect=True)
async def test_two_people_at_once_see_what_the_other_does(window: OpenWindow, sim: dict[str, Any]) -> None:
    """The request appears before the approver, and the approval before the requester, without a reload."""
    maria, ravi = await window(MARIA), await window(RAVI, phone=True)
    await maria.fold_guide()
    await ravi.fold_guide()
    await maria.ask(f"/lock-thing {sim['iccid']} {sim['imei']}")
    seen_by_ravi = ravi.card(sim["iccid"])
    await expect(seen_by_ravi).to_contain_text("Maria Santos")
    await ravi.press(seen_by_ravi, "Approve")
    seen_by_maria = maria.card(sim["iccid"])
    await expect(seen_by_maria).to_contain_text("Locked: configured and read back")
    await seen_by_maria.locator(".thread-link").click()
    await expect(maria.tid("thread")).to_contain_text("@Maria Santos, done.")


@pytest.mark.parametrize("sim", [2], indirect=True)
async def test_wrong_digit_is_said_beside_the_imei(window: OpenWindow, sim: dict[str, Any]) -> None:
    """The error stands in the IMEI's own field, has the focus, and what was typed stays."""
    me = await window(MARIA, phone=True)
    await me.fold_guide()
    wrong = "490154203237519"
    await me.fill_in(f"/lock-thing {sim['iccid']} {wrong}")
    imei = me.form.locator("[data-block=imei]")
    await expect(imei.locator(".field-error")).to_contain_text("digit")
    await expect(imei.get_by_role("textbox")).to_be_focused()
    await expect(imei.get_by_role("textbox")).to_have_value(wrong)
    await expect(me.form.get_by_label("Reason")).to_have_value("Stolen from the site")
    await me.close_form()


@pytest.mark.parametrize("sim", [3], indirect=True)
async def test_another_device_is_another_also_after_the_sim_was_locked_to_the_first(
    window: OpenWindow, sim: dict[str, Any]
) -> None:
    """Service in another device, a lock to that one, and the next other device is refused, on one screen."""
    me, ravi = await window(MARIA), await window(RAVI)
    await me.fold_guide()
    await me.show_monogoto("things")
    await me.tid("monogoto-search").fill(sim["iccid"])
    await me.tid("thing-row").filter(has_text=sim["iccid"]).click()
    said = me.tid("session-result")
    last_seen, other = (
        me.page.locator(".m-choice", has=me.tid(f"device-{which}")).locator("code")
        for which in ("seen", "other")
    )
    await expect(other).to_have_text(re.compile(r"[\d-]+"))
    first = await other.inner_text()
    await me.tid("session-start").click()
    await expect(said.locator("strong")).to_have_text("Service")
    await expect(last_seen).to_have_text(first)
    await me.say(f"/lock-thing {sim['iccid']}")
    await expect(me.form).to_contain_text("seen in")
    await me.form.get_by_label("IMEI", exact=True).fill(first.replace("-", ""))
    await me.form.get_by_label("Reason").fill("Stays in its router")
    await me.send_form()
    await expect(me.form).to_contain_text("Request posted")
    await me.close_form()
    await ravi.press(ravi.card(sim["iccid"]), "Approve")
    await expect(me.tid("thing-badges")).to_contain_text(f"locked to {first}")
    await me.tid("session-start").click()
    await expect(said).to_contain_text("Refused by the SIM's own lock")
    await me.tid("session-imei").fill("123")
    with expecting(me, "status of 400"):
        await me.tid("session-start").click()
        await expect(me.page.locator("#monogoto [role=alert]").first).to_contain_text("15 digits")
    await expect(said).to_be_empty()


async def test_group_is_found_while_one_types(window: OpenWindow, demo: DemoProcess) -> None:
    """Part of its name lists the groups that hold it and no other; arrow and Enter take one, and it stays."""
    names = [row["name"] for row in demo.get("/control/monogoto/groups")["rows"]]
    assert any("Malmö" in name for name in names), "there is one that must not be listed"
    me = await window(MARIA)
    await me.fold_guide()
    await me.say("/lock-group")
    group = me.form.get_by_role("combobox").first
    await group.click()
    await group.press_sequentially("lyon")
    options = me.form.get_by_role("option")
    await expect(options.filter(has_text="Malmö")).to_have_count(0)
    shown = options.filter(has_text="Lyon")
    await expect(shown.nth(1)).to_be_visible()
    assert await options.count() == await shown.count()
    second = (await shown.nth(1).inner_text()).splitlines()[0]
    await group.press("ArrowDown")
    await group.press("Enter")
    await expect(options).to_have_count(0)
    await expect(group).to_have_value(second)
    await me.page.keyboard.press("Escape")
    await expect(me.form).to_have_count(0)


async def test_a_persons_history_is_asked_for_by_picking_the_name(window: OpenWindow) -> None:
    """`/imei history @` lists people; the one that is taken reaches the bot as an id."""
    me = await window(RAVI)
    await me.fold_guide()
    await me.tid("composer").press_sequentially("/imei history @mar")
    names = me.page.get_by_role("listbox", name="People and groups")
    maria = names.get_by_role("option", name="Maria Santos")
    await expect(maria).to_be_visible()
    while await maria.get_attribute("aria-selected") != "true":
        await me.page.keyboard.press("ArrowDown")
    await me.page.keyboard.press("Tab")
    await expect(me.tid("composer")).to_have_value("/imei history @maria.santos ")
    await me.page.keyboard.press("Enter")
    answer = me.page.locator("#channel .ephemeral").last
    await expect(answer).to_contain_text("@Maria Santos")
    await expect(answer).not_to_contain_text("Slack did not say who that is")


@pytest.mark.timeout(240)  # 100,000 SIMs are made first, however busy the machine
async def test_one_of_100000_sims_is_found_in_the_pane(
    window: OpenWindow, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The last of 100,000 is found by the end of its number while one types, and its record opens."""
    big = DemoProcess(tmp_path_factory.mktemp("demo") / "big", "--things", "100000")
    try:
        last = big.get("/control/monogoto/things", offset=99_999)["rows"][0]
        me = await window(MARIA, url=big.url)
        await me.fold_guide()
        await me.show_monogoto("things")
        await expect(me.page.locator("#monogoto")).to_contain_text("100,000")
        await me.tid("monogoto-search").press_sequentially(last["iccid"][-8:])
        await expect(me.tid("thing-row")).to_have_count(1)
        await me.tid("thing-row").click()
        await expect(me.page.locator("#monogoto")).to_contain_text(last["iccid"])
        await me.page.goto("about:blank")
    finally:
        big.end()


async def test_other_pages_and_other_names_are_refused(demo: DemoProcess) -> None:
    """A page of another origin, or a name that was bent to this address, gets nothing and does nothing."""
    port = demo.url.rpartition(":")[2]
    async with httpx.AsyncClient(base_url=demo.url, trust_env=False) as outside:
        for path in ("/", "/control/workspace", "/control/monogoto/things", "/control/demo"):
            assert (await outside.get(path, headers={"Host": f"evil.example:{port}"})).status_code == 403
            assert (await outside.get(path, headers={"Origin": "http://evil.example"})).status_code == 403
        reset = await outside.post("/control/demo/reset", json={}, headers={"Origin": "http://evil.example"})
        assert reset.status_code == 403
        assert (await outside.get("/control/demo")).status_code == 200
