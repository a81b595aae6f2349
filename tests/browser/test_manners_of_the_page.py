"""What nobody notices while it works: news in sight, Esc closes, links stay here, silence is told."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Locator, Route, expect

from tests.browser.conftest import OpenWindow
from tests.browser.hands import CHLOE, MARIA, Window, expecting
from tests.sandbox.demo_process import DemoProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOM = "U0ENG2"
NEW_YORK = "America/New_York"
CHANNEL = "C0FIELD"
PILL_IS_CLEAR = "() => document.querySelector('.g-pill').getBoundingClientRect().bottom"
PILL_IS_CLEAR += " < document.querySelector('#channel .composer-box').getBoundingClientRect().top"
LEFT = "() => { const s = document.querySelector('#channel .scroller');"
LEFT += " return s.scrollHeight - s.scrollTop - s.clientHeight; }"


NOTE_WHO_IS_SEEN = """async () => {
  const [api, { store }] = await Promise.all(["api", "store"].map((name) => import(`/page/${name}.js`)));
  const seen = (done) => api.onChange(({ what }) => what === "person" && done(store.place.me));
  window.seen = new Promise(seen);
}"""


async def tells(window: Window, what: str) -> None:
    """The page hears this event, as if the feed had brought it."""
    await window.page.evaluate("what => import('/page/api.js').then(api => api.tell({ what }))", what)


def says(demo: DemoProcess, text: str) -> None:
    demo.post("/control/say", **{"as": TOM, "channel": CHANNEL, "text": text})


async def test_the_last_message_is_in_sight_after_a_load_and_when_it_arrives_unless_one_reads_above(
    window: OpenWindow, demo: DemoProcess
) -> None:
    for number in range(12):
        says(demo, f"Line {number}\n" + "and a long story " * 20)
    me = await window(MARIA)
    await me.go_to(CHANNEL)
    await me.page.reload()
    messages = me.page.locator("#channel [data-testid=message]")
    await expect(messages.last).to_be_in_viewport(ratio=0.9)
    says(demo, "The *last* one\nof them")
    await expect(messages.last).to_contain_text("The last one")
    await me.page.wait_for_function(f"({LEFT})() < 2")  # a frame later, on a busy machine several
    await expect(me.page.locator("#live")).to_have_text("Tom Okafor: The last one")
    await me.page.locator("#channel .scroller").evaluate("node => (node.scrollTop = 40)")
    await me.page.wait_for_function(f"({LEFT})() > 100")
    says(demo, "Not a reason to jump")
    await expect(messages.last).to_contain_text("Not a reason to jump")
    assert await me.page.evaluate(LEFT) > 100
    await me.say("My own words")
    await expect(messages.last).to_be_in_viewport(ratio=0.9)


async def test_a_reader_who_scrolls_in_the_moment_of_a_redraw_is_not_taken_back(
    window: OpenWindow, demo: DemoProcess
) -> None:
    """The browser tells of the scrolling with its next picture; what is drawn before must know it too."""
    for number in range(12):
        says(demo, f"Line {number}\n" + "and a long story " * 20)
    me = await window(MARIA)
    await me.go_to(CHANNEL)
    await me.page.wait_for_function(f"({LEFT})() < 2")
    scroll = "m => { document.querySelector('#channel .scroller').scrollTop = 40; m.draw(); }"
    await me.page.evaluate(f"import('/page/store.js').then({scroll})")
    await me.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert await me.page.evaluate(LEFT) > 100


async def test_an_error_stays_until_its_field_is_edited_and_esc_closes_from_anywhere(
    window: OpenWindow,
) -> None:
    me = await window(MARIA)
    await me.go_to(CHANNEL)
    await me.say("/lock-thing")
    await me.send_form()
    errors = me.form.locator(".field-error")
    await expect(errors.first).to_be_in_viewport(ratio=1)
    before = await errors.count()
    await me.form.locator(".has-error input, .has-error textarea").first.press_sequentially("8")
    await expect(errors).to_have_count(before - 1)
    await me.page.evaluate("document.activeElement.blur()")
    await me.page.keyboard.press("Escape")
    await expect(me.form).to_have_count(0)


async def test_a_link_to_a_message_opens_it_here_in_a_window_of_its_own_too(
    window: OpenWindow, demo: DemoProcess
) -> None:
    said = demo.get("/control/messages", **{"as": MARIA, "channel": CHANNEL})["messages"][0]["ts"]
    says(demo, f"See <https://field-team.slack.com/archives/{CHANNEL}/p{said.replace('.', '')}|the first>")
    me = await window(MARIA)
    await me.go_to(CHANNEL)
    link = me.page.get_by_role("link", name="the first").last
    await expect(link).to_have_attribute("href", re.compile(rf"^/\?as={MARIA}&channel={CHANNEL}&ts={said}$"))
    await me.page.goto(demo.url + str(await link.get_attribute("href")))
    await expect(me.page.locator(".pointed")).to_have_attribute("data-ts", said)
    await expect(me.page).to_have_url(f"{demo.url}/?as={MARIA}")


async def test_a_link_in_a_form_puts_the_form_away(window: OpenWindow) -> None:
    me = await window(MARIA)
    await me.go_to(CHANNEL)
    await me.say("/lock-thing")
    await expect(me.form).to_be_visible()
    await me.page.evaluate(f"import('/page/store.js').then(m => m.store.place.open('{CHANNEL}'))")
    await expect(me.form).to_have_count(0)


async def test_the_guide_leaves_a_form_alone_in_which_something_stands(window: OpenWindow) -> None:
    """Over the Monogoto side it can be pressed while a form is open: it asks, and who stays keeps it all."""
    me = await window(MARIA)
    await me.go_to(CHANNEL)
    await me.show_monogoto("things")
    await me.say("/lock-thing")
    await me.form.get_by_label("Reason").fill("Half a reason")
    if await me.tid("guide-pill").is_visible():
        await me.tid("guide-pill").click()
    await me.step(1).get_by_role("button").click()
    await me.tid("guide-go").click()
    await me.page.get_by_role("dialog", name="Leave this form?").get_by_role("button", name="Stay").click()
    await expect(me.form.get_by_label("Reason")).to_have_value("Half a reason")
    await me.tid("guide-go").click()
    await me.page.get_by_role("button", name="Leave form").click()
    await expect(me.form).to_have_count(0)


async def test_what_could_not_be_sent_is_said_in_a_sentence(window: OpenWindow) -> None:
    me = await window(MARIA)
    await me.go_to(CHANNEL)
    with expecting(me, "ERR_INTERNET_DISCONNECTED"):
        await me.context.set_offline(True)
        await me.say("Is anybody there?")
        last = me.page.locator("#channel [data-testid=message]").last
        await expect(last).to_contain_text("The local Slack doesn't answer; nothing was sent.")
        await expect(me.tid("composer")).to_have_value("Is anybody there?")
        await me.context.set_offline(False)


async def test_a_window_that_nobody_sees_keeps_no_connection_and_catches_up_when_seen(
    window: OpenWindow, demo: DemoProcess
) -> None:
    me = await window(MARIA)
    await me.go_to(CHANNEL)
    turn = "h => { Object.defineProperty(document, 'hidden', { configurable: true, value: h });"
    turn += " document.dispatchEvent(new Event('visibilitychange')); }"
    async with me.page.expect_event("requestfailed", lambda request: "/control/feed" in request.url):
        await me.page.evaluate(turn, True)
    says(demo, "While you were away")
    await me.page.evaluate(turn, False)
    await expect(me.page.get_by_text("While you were away", exact=True)).to_be_visible()


async def test_another_round_of_the_demo_leaves_no_form_and_no_words_of_slackbot(window: OpenWindow) -> None:
    me = await window(MARIA)
    await me.go_to(CHANNEL)
    with expecting(me, "404", "400", "status of"):
        await me.say("/no-such-command")
        slackbot = me.page.locator("#channel [data-user=USLACKBOT]")
        await expect(slackbot.last).to_be_visible()
        await tells(me, "round")
        await tells(me, "slack")
        await expect(slackbot).to_have_count(0)


async def test_the_pane_tells_the_time_where_the_acting_person_lives(window: OpenWindow) -> None:
    """As the messages beside it do, whatever zone the browser is in; a call that is unfolded stays so."""
    me = await window(MARIA)
    await me.page.route("**/control/workspace", _chloe_lives_in_new_york)
    await me.show_monogoto("calls")
    calls = me.tid("call-list").locator("> li")
    await calls.first.locator("summary").click()
    at = calls.filter(has=me.page.locator("details[open]")).locator("time")  # newer ones come above it
    moment = datetime.fromisoformat(str(await at.get_attribute("datetime")))
    for person, zone in ((MARIA, "Europe/Berlin"), (CHLOE, NEW_YORK)):
        await me.act_as(person)
        await expect(at).to_have_text(moment.astimezone(ZoneInfo(zone)).strftime("%-I:%M:%S %p"))


async def test_who_hears_that_somebody_else_acts_finds_what_they_see(window: OpenWindow) -> None:
    """Also where the page was just asking for something else, and the answer is slow."""
    me = await window(MARIA)
    asked, answered = asyncio.Event(), asyncio.Event()

    async def slowly(route: Route) -> None:
        asked.set()
        await answered.wait()
        await route.continue_()

    await me.page.evaluate(NOTE_WHO_IS_SEEN)
    await me.page.route("**/control/workspace", slowly)
    await tells(me, "slack")
    await asked.wait()
    await me.act_as(CHLOE)
    await expect(me.page.locator(".slack")).to_have_attribute("inert", "")  # it is still Maria's
    answered.set()
    assert await me.page.evaluate("() => window.seen") == CHLOE
    await expect(me.page.locator(".slack")).not_to_have_attribute("inert", "")


async def _chloe_lives_in_new_york(route: Route) -> None:
    answer = await route.fetch()
    workspace = await answer.json()
    for user in workspace["users"]:
        user["tz"] = NEW_YORK if user["id"] == CHLOE else user["tz"]
    await route.fulfill(response=answer, json=workspace)


async def test_what_a_broken_write_uses_up_is_counted_in_writes(window: OpenWindow) -> None:
    me = await window(MARIA)
    await me.show_monogoto("trouble")
    lost = me.page.locator(".m-kind", has_text="Lose the answer after a write")
    await expect(lost.get_by_role("button")).to_have_text(["Next write", "3 writes", "10 writes"])
    slow = me.page.locator(".m-kind", has_text="Be slow")
    await expect(slow.get_by_role("button")).to_have_text(["Next call", "3 calls", "10 calls"])


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float


async def box_of(what: Locator) -> Box:
    """Where it is drawn, in pixels of the window."""
    drawn = await what.bounding_box()
    assert drawn, "it isn't drawn"
    x, y = drawn["x"], drawn["y"]
    return Box(x, y, x + drawn["width"], y + drawn["height"])


async def test_the_troubles_end_is_free_of_the_guides_corner(window: OpenWindow) -> None:
    """Scrolled to it, the two last buttons stand apart, and nothing covers either, guide open or folded."""
    me = await window(MARIA)
    await me.show_monogoto("trouble")
    await me.page.locator(".m-body").evaluate("node => (node.scrollTop = node.scrollHeight)")
    again, reset = (me.tid(name) for name in ("guide-again", "demo-reset"))
    for _ in ("open", "folded"):
        await me.page.locator(".m-body").evaluate("node => (node.scrollTop = node.scrollHeight)")
        for button in (again, reset):
            await button.click(trial=True)
        one, other, corner = [await box_of(each) for each in (again, reset, me.page.locator("#guide"))]
        assert one.right + 8 <= other.left or one.bottom + 8 <= other.top
        assert other.bottom <= corner.top
        await me.fold_guide()


async def test_the_folded_guide_stays_clear_of_what_is_being_written(window: OpenWindow) -> None:
    """On a phone a command takes two lines and more: the guide's pill moves up with the composer."""
    me = await window(MARIA, phone=True)
    await me.go_to(CHANNEL)
    for text in ("", "/lock-thing 8944478000000000202 358240050000207", "One\nTwo\nThree\nFour\nFive"):
        await me.tid("composer").fill(text)
        await me.page.wait_for_function(PILL_IS_CLEAR)
    await me.tid("composer").fill("")


@pytest.mark.parametrize("width", [761, 900, 1000])
async def test_beside_the_pane_a_narrow_window_shows_channel_or_list_each_with_room(
    window: OpenWindow, width: int
) -> None:
    """The list comes with "Back to the channels", goes with a channel; a thread takes that one's place."""
    me = await window(MARIA)
    await me.page.set_viewport_size({"width": width, "height": 800})
    await me.fold_guide()
    await me.show_monogoto("things")
    await me.page.get_by_role("button", name="Back to the channels").click()
    sidebar, channel = me.page.locator("#sidebar"), me.page.locator("#channel")
    await expect(sidebar).to_be_visible()
    await me.page.locator(f'[data-testid=channel][data-channel="{CHANNEL}"]').click()
    await expect(sidebar).to_be_hidden()
    box = await box_of(channel)
    assert box.right - box.left >= 360
    await me.say("A root")
    root = channel.locator("[data-testid=message]").last
    await root.hover()
    await root.get_by_role("button", name="Reply in thread").click()
    box = await box_of(me.page.locator("#thread"))
    assert box.right - box.left >= 360
    await me.page.get_by_role("button", name="Close thread").click()
    await expect(channel).to_be_visible()
