"""Forms over forms, an app that is silent, a block that nobody knows: a small app on a still clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable

import pytest
import pytest_asyncio
from playwright.async_api import Route, expect

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack.delivery import ACK_SECONDS
from tests.browser.hands import MARIA, Blanks, Window
from tests.browser.small_app import SLOW_BUTTON, STACK, SmallApp

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIELD = "C0FIELD"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture(loop_scope="session")
async def app(clock: ManualClock) -> AsyncIterator[SmallApp]:
    app = SmallApp(clock)
    await app.start()
    yield app
    await app.stop()


@pytest_asyncio.fixture(loop_scope="session", params=[False, True], ids=["desktop", "phone"])
async def me(request: pytest.FixtureRequest, blanks: Blanks, app: SmallApp) -> AsyncIterator[Window]:
    """Maria at the page of that Slack, without a Monogoto side or a guide: who asks for them gets 404."""
    window = await Window.open(blanks, app.slack.url, MARIA, phone=request.param)
    window.tolerated = ("404", "400")
    await window.go_to(FIELD)
    yield window
    await window.close()


async def open_stack(me: Window) -> None:
    """Three forms, one over the other, each with something typed into it."""
    await me.say("/stack")
    for number, title in enumerate(STACK, start=1):
        await expect(me.form.get_by_role("heading")).to_have_text(title)
        await me.form.get_by_label(f"text of {title}").fill(f"typed into {number}")
        if number < len(STACK):
            await me.send_form()
            await expect(me.tid("modal")).to_have_count(number + 1)


async def test_esc_takes_the_top_one_of_three_forms_and_the_others_stay_as_they_were_left(me: Window) -> None:
    """Only the top one can be reached; each that comes to the top has the focus and its own words."""
    await open_stack(me)
    for left, title in ((3, "Third"), (2, "Second"), (1, "First")):
        layers = me.tid("modal")
        await expect(layers).to_have_count(left)
        await expect(me.page.locator("[data-testid=modal]:not([inert])")).to_have_count(1)
        field = me.form.get_by_label(f"text of {title}")
        await expect(field).to_have_value(f"typed into {left}")
        assert await me.form.evaluate("node => node.contains(document.activeElement)"), title
        await me.page.keyboard.press("Escape")
    await expect(me.tid("modal")).to_have_count(0)
    await expect(me.tid("composer")).to_be_focused()


async def silence(app: SmallApp, clock: ManualClock, heard: int, doing: Awaitable[None]) -> None:
    """Somebody does something, the app hears of it and says nothing for as long as Slack waits."""
    await doing
    await app.hears(heard)
    for _ in range(20):  # Slack's own waiting may begin a while after the app has heard
        clock.advance(ACK_SECONDS)
        await asyncio.sleep(0.05)


async def test_what_the_app_does_not_answer_in_three_seconds_slack_says_where_it_was_done(
    me: Window, app: SmallApp, clock: ManualClock
) -> None:
    """A command under the composer, a button in a notice, a form over its fields, what was typed staying."""
    await silence(app, clock, len(app.heard), me.say("/slow"))
    slackbot = me.page.locator("#channel [data-user=USLACKBOT]").last
    await expect(slackbot).to_contain_text('/slow failed with the error "operation_timeout"')
    await app.client.chat_postMessage(channel=FIELD, text="Slow", blocks=SLOW_BUTTON)
    button = me.page.get_by_role("button", name="Never answered")
    await silence(app, clock, len(app.heard), button.click())
    await expect(me.page.locator(".toast")).to_contain_text("Apps need to respond within 3 seconds.")
    await open_stack(me)
    await silence(app, clock, len(app.heard), me.send_form())
    banner = me.form.get_by_role("alert")
    await expect(banner).to_contain_text("We had some trouble connecting. Try again? (operation_timeout)")
    await expect(banner).to_be_in_viewport(ratio=1)
    await expect(me.form.get_by_label("text of Third")).to_have_value("typed into 3")


UNKNOWN = [
    {"type": "hologram", "block_id": "a"},
    {"type": "actions", "block_id": "b", "elements": [{"type": "lever", "action_id": "c"}]},
    {"type": "rich_text", "block_id": "d", "elements": [{"type": "rich_text_scent"}]},
]


async def test_what_the_page_cannot_draw_is_a_red_box_that_names_it(me: Window, app: SmallApp) -> None:
    """A block, an element, a part of a text; Slack lets none of them come, so they are put in between."""

    async def with_unknown(route: Route) -> None:
        answer = await route.fetch()
        seen = await answer.json()
        seen["messages"][-1]["blocks"] = UNKNOWN
        await route.fulfill(response=answer, json=seen)

    await app.client.chat_postMessage(channel=FIELD, text="A new kind of thing")
    await expect(me.page.get_by_text("A new kind of thing")).to_be_visible()
    await me.page.route("**/control/messages?*", with_unknown)
    await me.page.reload()
    boxes = me.page.locator("#channel .unknown-block")
    named = [f"This page can't draw “{kind}”." for kind in ("hologram", "lever", "rich_text_scent")]
    await expect(boxes).to_have_text(named)
    colour = await boxes.first.evaluate("node => getComputedStyle(node).borderColor")
    assert colour == "rgb(224, 30, 90)"
    await me.page.unroute_all(behavior="wait")
    await me.page.reload()
    await expect(me.page.get_by_text("A new kind of thing")).to_be_visible()
