"""The five steps of the guide, done by hand in the page."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import OpenWindow
from tests.browser.hands import MARIA, RAVI, Window, expecting
from tests.browser.shots import shoot
from tests.sandbox.demo_process import ROOT, DemoProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_five_steps_are_done_by_hand_and_each_is_ticked(window: OpenWindow, phone: bool) -> None:
    """A newcomer gets through the guide at either width; every tick comes from what really happened."""
    me = await window(MARIA, phone=phone)
    await _start_over(me)
    await _lock_and_approve(me)
    await _swap_the_device(me)
    await _make_a_typo(me)
    await _lose_an_answer(me)


async def _start_over(me: Window) -> None:
    await me.fold_guide()
    await me.show_monogoto("trouble")
    reset = me.tid("demo-reset")
    await reset.click()
    with expecting(me, "ERR_CONNECTION_REFUSED"):
        async with me.page.expect_event("load"):
            await reset.click()
        await expect(me.tid("act-as")).to_have_value(MARIA)
    await me.fold_guide()
    await me.leave_monogoto()


async def _lock_and_approve(me: Window) -> None:
    command = await me.take_me_there()
    await expect(me.tid("composer")).to_have_value(command)
    await me.ask(command)
    await me.expect_step(1)
    await me.take_me_there()
    await expect(me.tid("act-as")).to_have_value(RAVI)
    await me.press(me.card(command.split()[1]), "Approve")
    await me.expect_step(2)


async def _swap_the_device(me: Window) -> None:
    iccid = await me.take_me_there()
    row = me.tid("thing-row").filter(has_text=iccid)
    await row.click()
    await me.tid("session-start").click()
    await expect(me.tid("session-result")).to_contain_text("Refused by the SIM's own lock")
    await me.expect_step(3)
    await me.leave_monogoto()


async def _make_a_typo(me: Window) -> None:
    await me.fill_in(await me.take_me_there())
    await expect(me.form.locator(".field-error")).to_contain_text("digit")
    await me.close_form()
    await me.expect_step(4)


async def _lose_an_answer(me: Window) -> None:
    command = await me.take_me_there()
    await me.tid("fault-answer_lost").click()
    await expect(me.tid("trouble-waiting")).to_contain_text("Lose the answer")
    await me.leave_monogoto()
    await expect(me.tid("composer")).to_have_value(command)
    await me.ask(command)
    card = me.card(command.split()[1])
    await expect(card).to_be_visible()
    await me.act_as(RAVI)
    await me.press(card, "Approve")
    await me.expect_step(5)
    await _look_at_the_calls(me)


async def _look_at_the_calls(me: Window) -> None:
    """What the last step is about: the write without an answer, after it the reading that found the lock."""
    if await me.tid("guide-pill").is_visible():
        await me.tid("guide-pill").click()
    await expect(me.tid("guide-all-done")).to_be_visible()
    await me.tid("guide-calls").click()
    calls = me.tid("call-list").locator("> li")
    lost = calls.filter(has_text="no answer")
    await expect(lost).to_have_attribute("data-method", "PUT")
    written = int(await lost.get_attribute("data-number") or 0)
    numbers = [
        int(await call.get_attribute("data-number") or 0)
        for call in await calls.and_(me.page.locator("[data-method=GET]")).all()
    ]
    assert any(number > written for number in numbers)


async def test_the_readmes_picture_shows_what_the_demo_shows(browser: Browser, tmp_path: Path) -> None:
    """The same steps say word for word what stands beside the picture; else: make screenshot."""
    demo = await asyncio.to_thread(DemoProcess, tmp_path / "demo", "--things", "30")
    try:
        now = await shoot(browser, demo)
    finally:
        await asyncio.to_thread(demo.end)
    assert now == (ROOT / "docs/demo.txt").read_text(encoding="utf-8")
