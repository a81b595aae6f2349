"""What Slack has, tried with a small app: selects in messages, names, shortcuts, dates, files, windows."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Download, FilePayload, Locator, expect

from bot.sandbox.slack.files import MOST_BYTES
from bot.slack.blocks import escape
from tests.browser.hands import MARIA, RAVI, Blanks, Window
from tests.browser.small_app import FORM, SELECTS, SmallApp

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIELD, PRIVATE, NO_BOT = "C0FIELD", "C0PRIVATE", "C0NOBOT"
NEW_YORK, DST_MORNING = "America/New_York", 1772953200
TWO_FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest_asyncio.fixture(loop_scope="session")
async def app() -> AsyncIterator[SmallApp]:
    app = SmallApp()
    await app.start()
    yield app
    await app.stop()


@pytest_asyncio.fixture(loop_scope="session", params=[False, True], ids=["desktop", "phone"])
async def me(request: pytest.FixtureRequest, blanks: Blanks, app: SmallApp) -> AsyncIterator[Window]:
    """Maria at the page of that Slack. It has no Monogoto side and no guide: what asks for them gets 404."""
    window = await Window.open(blanks, app.slack.url, MARIA, phone=request.param)
    window.tolerated = ("404", "400")
    yield window
    await window.close()


def last(me: Window) -> Locator:
    return me.page.locator("#channel [data-testid=message]").last


async def pick(field: Locator, typed: str, name: str) -> None:
    """Type ahead, and take one with arrow and Enter."""
    await field.click()
    await field.press_sequentially(typed)
    option = field.page.get_by_role("option", name=name, exact=True)
    await expect(option).to_be_visible()
    while await option.get_attribute("aria-selected") != "true":
        await field.press("ArrowDown")
    await field.press("Enter")


def csv(name: str, content: bytes = b"iccid,imei\n") -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": content}


async def downloaded(file: Download) -> tuple[str, bytes]:
    return file.suggested_filename, await asyncio.to_thread(Path(await file.path()).read_bytes)


# --- selects in a message --------------------------------------------------------------------------------


async def test_selects_in_a_message_look_while_one_types_and_tell_the_app(me: Window, app: SmallApp) -> None:
    """People, places, and options that the app offers in groups; one or several; each told with its state."""
    await app.client.chat_postMessage(channel=FIELD, text="Pick", blocks=SELECTS)
    await me.go_to(FIELD)
    row = last(me)
    await pick(row.get_by_label("City"), "mal", "Malmö")
    asked = await app.told("block_suggestion")
    assert asked["container"] | {"message_ts": ""} == {
        "type": "message",
        "message_ts": "",
        "channel_id": FIELD,
        "is_ephemeral": False,
    }
    assert (asked["action_id"], asked["channel"]["id"], asked["message"]["text"]) == ("city", FIELD, "Pick")
    for label, typed, name in (
        ("Person", "pete", "Pete Walsh"),
        ("Place", "rand", "#random"),
        ("Cities", "rom", "Rome"),
        ("Cities", "os", "Oslo"),
        ("Team", "tom", "Tom Okafor"),
    ):
        before = len(app.of("block_actions"))
        await pick(row.get_by_label(label), typed, name)
        await app.slack.until(lambda seen=before: len(app.of("block_actions")) > seen)
    await expect(row.get_by_label("City")).to_have_value("Malmö")
    await expect(row.locator(".chip")).to_have_text(["Rome", "Oslo", "Tom Okafor"])
    done = {body["actions"][0]["action_id"]: body["actions"][0] for body in app.of("block_actions")}
    assert done["city"]["selected_option"]["value"] == "Malmö"
    assert (done["who"]["selected_user"], done["where"]["selected_conversation"]) == ("U0GUEST", NO_BOT)
    assert [option["value"] for option in done["cities"]["selected_options"]] == ["Rome", "Oslo"]
    assert done["team"]["selected_users"] == ["U0ENG2"]


async def open_people(me: Window) -> Locator:
    """The form's select of a person, at the end of it."""
    await me.go_to(FIELD)
    await me.say("/form")
    return me.form.locator("[data-block=people]")


async def test_a_full_field_says_so_and_accents_need_not_be_typed(me: Window, app: SmallApp) -> None:
    """Who types "chloe" finds Chloé; where one may be picked, the list says that no other can be."""
    people = await open_people(me)
    await pick(people.get_by_role("combobox"), "chloe", "Chloé Martin")
    await expect(people.locator(".chip")).to_have_text(["Chloé Martin"])
    await people.get_by_role("combobox").click()
    await expect(people.get_by_role("listbox")).to_have_text("Only 1 can be chosen here")
    await people.get_by_role("button", name="Remove Chloé Martin").click()
    await expect(people.locator(".chip")).to_have_count(0)


async def gap_to_its_list(select: Locator) -> tuple[float, float, float]:
    """How far the open list is from where it belongs: its left, its width, and from the field to it."""
    field, options = select.get_by_role("combobox"), select.get_by_role("listbox")
    drawn, over = await options.bounding_box(), await field.bounding_box()
    assert drawn
    assert over
    above = drawn["y"] < over["y"]
    between = over["y"] - drawn["y"] - drawn["height"] if above else drawn["y"] - over["y"] - over["height"]
    return drawn["x"] - over["x"], drawn["width"] - over["width"], between


async def test_what_is_typed_into_a_select_stays_while_the_page_moves(me: Window, app: SmallApp) -> None:
    """The form is scrolled, the window gets another size: the list keeps to its field, out of sight with it,
    where no key picks from it."""
    people = await open_people(me)
    field, options = people.get_by_role("combobox"), people.get_by_role("listbox")
    size = me.page.viewport_size
    assert size
    await me.page.set_viewport_size({"width": size["width"], "height": 500})
    await field.click()
    await field.press_sequentially("chl")
    await expect(options.get_by_role("option")).to_have_text([re.compile("Chloé Martin")])
    body = me.form.locator(".modal-body")
    await body.evaluate("node => (node.scrollTop -= 30)")
    await me.page.evaluate(TWO_FRAMES)
    assert await gap_to_its_list(people) == (0, 0, pytest.approx(4, abs=1))
    await body.evaluate("node => (node.scrollTop = 0)")
    await expect(field).not_to_be_in_viewport()
    await expect(options).not_to_be_visible()
    await me.page.keyboard.press("Enter")
    await expect(options).to_be_visible()
    await expect(people.locator(".chip")).to_have_count(0)
    await me.page.set_viewport_size(size)
    await me.page.evaluate(TWO_FRAMES)
    assert await gap_to_its_list(people) == (0, 0, pytest.approx(4, abs=1))
    await expect(field).to_have_value("chl")
    await me.page.keyboard.press("Enter")
    await expect(people.locator(".chip")).to_have_text(["Chloé Martin"])


async def test_what_is_typed_into_a_select_stays_when_the_app_draws_the_form_anew(
    me: Window, app: SmallApp
) -> None:
    """With the list open as it was; Ctrl+Enter sends the form and picks nothing."""
    people = await open_people(me)
    field, options = people.get_by_role("combobox"), people.get_by_role("listbox")
    await field.click()
    await field.press_sequentially("chl")
    await expect(options).to_be_visible()
    view_id = app.slack.person(MARIA).modals[-1].id
    said = {"type": "section", "text": {"type": "plain_text", "text": "News"}}
    await app.client.views_update(view_id=view_id, view=FORM | {"blocks": [said, *FORM["blocks"]]})
    await expect(me.form).to_contain_text("News")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("chl")
    await expect(options.get_by_role("option")).to_have_text([re.compile("Chloé Martin")])
    await me.page.keyboard.press("Control+Enter")
    await expect(me.form).to_have_count(0)
    values = (await app.told("view_submission"))["view"]["state"]["values"]
    assert values["people"]["people"]["selected_users"] == []


async def test_a_picture_of_another_host_is_named_and_not_fetched(me: Window, app: SmallApp) -> None:
    await app.client.chat_postMessage(channel=FIELD, text="Pick", blocks=SELECTS)
    await me.go_to(FIELD)
    place = last(me).get_by_role("img", name="A map of the site")
    await expect(place).to_contain_text("A map of the site")
    await expect(place).to_contain_text("elsewhere.example")


async def test_an_app_without_a_home_shows_its_messages_only(me: Window, app: SmallApp) -> None:
    await app.client.chat_postMessage(channel=MARIA, text="For you")
    await me.go_to("D0ENG1")
    await expect(me.page.get_by_role("tab")).to_have_text(["Messages"])
    await expect(last(me)).to_contain_text("For you")


# --- names ----------------------------------------------------------------------------------------------


async def test_at_lists_people_and_groups_by_name(me: Window, app: SmallApp) -> None:
    """Enter or Tab takes one, Esc closes the list and it stays closed; what is sent is a mention."""
    await me.go_to(FIELD)
    composer, names = me.tid("composer"), me.page.get_by_role("listbox", name="People and groups")
    await composer.press_sequentially("Ask @oka")
    await expect(names.get_by_role("option")).to_have_count(1)
    await composer.press("Enter")
    await expect(composer).to_have_value("Ask @tom.okafor ")
    await composer.press_sequentially("or @sim")
    await expect(names.get_by_role("option")).to_contain_text("SIM approvers")
    await composer.press("Tab")
    await expect(composer).to_have_value("Ask @tom.okafor or @sim-approvers ")
    await composer.press_sequentially("@chloe m")
    await expect(names.get_by_role("option")).to_contain_text("Chloé Martin")
    await composer.press("Escape")
    await expect(names).to_be_hidden()
    await composer.press("a")
    await expect(names).to_be_hidden()
    await composer.press("Enter")
    await expect(last(me).locator(".mention")).to_have_text(["@Tom Okafor", "@sim-approvers"])
    assert "<@U0ENG2> or <!subteam^S0APPROVERS>" in app.slack.messages(FIELD)[-1].text


async def test_a_name_in_a_command_comes_as_an_id_where_the_command_asks_for_it(
    me: Window, app: SmallApp
) -> None:
    await me.go_to(FIELD)
    composer = me.tid("composer")
    await composer.press_sequentially("/who @rav")
    await composer.press("Tab")
    await composer.press("Enter")
    await app.slack.until(lambda: any("command" in body for body in app.heard))
    assert app.heard[-1]["text"] == "<@U0APP1|ravi.menon>"


# --- marks ----------------------------------------------------------------------------------------------


async def test_marks_in_a_name_stand_for_themselves_and_ours_around_them_still_hold(
    me: Window, app: SmallApp
) -> None:
    """Bold as a whole, and neither slanted nor code within; what people write is marked as ever."""
    name = "*bold* _slanted_ ~gone~ `code`"
    await app.client.chat_postMessage(channel=FIELD, text=f"*SIM {escape(name)}* and `/x {escape('`y`')}`")
    await me.go_to(FIELD)
    row = last(me)
    await expect(row.locator("strong")).to_have_text(re.compile(r"^SIM .*bold.*slanted.*gone.*code.{2}$"))
    await expect(row.locator("em, s")).to_have_count(0)
    await expect(row.locator("code")).to_have_count(1)
    app.slack.person(RAVI).say(FIELD, "a *b* _c_ ~d~ `e`")
    await expect(last(me).locator("strong, em, s, code")).to_have_text(["b", "c", "d", "e"])


# --- shortcuts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", [FIELD, NO_BOT, PRIVATE])
async def test_a_message_shortcut_opens_its_form_wherever_one_reads(
    me: Window, app: SmallApp, channel: str
) -> None:
    """Also in a channel, even a private one, in which the app is not."""
    app.slack.person(RAVI).say(channel, "Box 7 was *stolen*")
    await me.go_to(channel)
    await last(me).hover()
    await last(me).get_by_role("button", name="More actions").click()
    await me.page.get_by_role("menuitem", name="Note it").click()
    await expect(me.form).to_contain_text("Box 7 was *stolen*")
    told = await app.told("message_action")
    assert told["message"]["user"] == RAVI
    assert (told["channel"]["id"], told["callback_id"]) == (channel, "note.message")
    assert told["message_ts"] == told["message"]["ts"]
    assert told["response_url"].startswith(app.slack.url)


async def test_a_global_shortcut_runs_from_the_bolt_and_from_the_list_of_commands(
    me: Window, app: SmallApp
) -> None:
    await me.go_to(FIELD)
    await me.page.locator("#channel").get_by_role("button", name="Shortcuts").click()
    await me.page.get_by_role("menuitem", name="New note").click()
    await expect(me.form).to_be_visible()
    await me.page.keyboard.press("Escape")
    await expect(me.form).to_have_count(0)
    composer = me.tid("composer")
    await composer.press_sequentially("/ne")
    await expect(me.page.get_by_role("listbox", name="Commands").get_by_role("option")).to_have_count(1)
    await composer.press("Enter")
    await expect(me.form).to_be_visible()
    await expect(composer).to_have_value("")
    assert "channel" not in await app.told("shortcut")
    assert len(app.of("shortcut")) == 2


# --- dates ----------------------------------------------------------------------------------------------


async def test_dates_and_times_are_typed_and_told_as_slack_has_them(me: Window, app: SmallApp) -> None:
    """The day as it stands, the moment in the reader's zone, and nothing of the years on the way."""
    app.slack.workspace.users[MARIA].tz = NEW_YORK
    moment = {"type": "datetimepicker", "action_id": "moment", "initial_date_time": DST_MORNING}
    shown = [{"type": "actions", "elements": [moment]}]
    await app.client.chat_postMessage(channel=FIELD, text="When", blocks=shown)
    await me.page.reload()
    await me.go_to(FIELD)
    await expect(last(me).locator("input")).to_have_value("2026-03-08T03:00")
    await me.say("/form")
    keys = me.page.keyboard
    for label, typed in (("date", "03082026"), ("time", "0145PM"), ("moment", "03082026 0300AM")):
        await me.form.get_by_label(label).first.focus()
        for part in typed.split():
            await keys.type(part)
            await keys.press("Tab")
    await expect(me.form).to_contain_text(f"Your time zone: {NEW_YORK}")
    await expect(me.form).to_contain_text("In the time zone Asia/Kolkata")
    await me.send_form()
    await expect(me.form).to_have_count(0)
    values = (await app.told("view_submission"))["view"]["state"]["values"]
    assert values["date"]["date"] == {"type": "datepicker", "selected_date": "2026-03-08"}
    time = {"type": "timepicker", "selected_time": "13:45", "timezone": "Asia/Kolkata"}
    assert values["time"]["time"] == time
    assert values["moment"]["moment"] == {"type": "datetimepicker", "selected_date_time": DST_MORNING}


async def test_a_date_in_a_message_is_told_once(me: Window, app: SmallApp) -> None:
    await app.client.chat_postMessage(channel=FIELD, text="Pick", blocks=SELECTS)
    await me.go_to(FIELD)
    await last(me).locator("input[type=date]").focus()
    await me.page.keyboard.type("12242026")
    told = await app.told("block_actions")
    assert [body["actions"][0]["selected_date"] for body in app.of("block_actions")] == ["2026-12-24"]
    assert told["state"]["values"]["picks"]["day"]["selected_date"] == "2026-12-24"


# --- files ----------------------------------------------------------------------------------------------


async def test_a_form_takes_files_and_says_beside_the_field_what_it_refuses(
    me: Window, app: SmallApp, tmp_path: Path
) -> None:
    """Another kind, one too many, too large; a file taken out is out; what stays is told with its address."""
    await me.go_to(FIELD)
    await me.say("/form")
    field = me.form.locator("[data-block=csv]")
    pick_file = field.locator("input[type=file]")
    big = tmp_path / "big.csv"
    big.write_bytes(b"x" * (MOST_BYTES + 1))
    await pick_file.set_input_files(big)
    await expect(field.get_by_role("alert")).to_have_text("big.csv is too large: the limit is 10 MB.")
    await pick_file.set_input_files(csv("a.exe"))
    await expect(field.get_by_role("alert")).to_have_text("a.exe can't be used here: only csv.")
    await pick_file.set_input_files([csv("a.csv"), csv("b.csv"), csv("c.csv")])
    await expect(field.get_by_role("alert")).to_contain_text("c.csv is one too many: only 2 files")
    await expect(field.locator(".files li")).to_have_count(2)
    await field.get_by_role("button", name="Remove a.csv").click()
    await expect(field.locator(".files li")).to_have_count(1)
    await me.send_form()
    await expect(me.form).to_have_count(0)
    state = (await app.told("view_submission"))["view"]["state"]["values"]["csv"]["csv"]
    assert (state["type"], [file["name"] for file in state["files"]]) == ("file_input", ["b.csv"])


async def test_a_file_is_attached_to_a_message_and_downloaded_by_who_reads_it(
    me: Window, app: SmallApp
) -> None:
    """Words are not needed; the cross takes one out; the bytes come down as they went up."""
    await me.go_to(FIELD)
    await me.tid("attach").first.set_input_files([csv("list.csv", b"1,2\n"), csv("wrong.csv")])
    await me.page.get_by_role("button", name="Remove wrong.csv").click()
    await me.tid("composer").press("Enter")
    box = last(me).get_by_test_id("file")
    await expect(box).to_contain_text("list.csv")
    async with me.page.expect_download() as coming:
        await box.click()
    assert await downloaded(await coming.value) == ("list.csv", b"1,2\n")
    await expect(me.page.locator(".attached li")).to_have_count(0)


async def test_what_the_bot_uploads_into_a_thread_stands_there_to_be_downloaded(
    me: Window, app: SmallApp
) -> None:
    card = await app.client.chat_postMessage(channel=FIELD, text="180 SIMs: done")
    await app.client.files_upload_v2(
        channel=FIELD,
        thread_ts=card["ts"],
        filename="result.csv",
        title="Result, line by line",
        content="a\nb\n",
    )
    await me.go_to(FIELD)
    await last(me).locator(".thread-link").click()
    box = me.tid("thread").get_by_test_id("file")
    await expect(box).to_contain_text("Result, line by line")
    await expect(box).to_contain_text("result.csv · CSV · 4 bytes")
    await expect(box).to_be_in_viewport(ratio=1)
    async with me.page.expect_download() as coming:
        await box.click()
    assert await downloaded(await coming.value) == ("result.csv", b"a\nb\n")


# --- forms and windows ----------------------------------------------------------------------------------


async def test_a_link_asks_before_it_takes_a_form_away_in_which_something_stands(
    me: Window, app: SmallApp
) -> None:
    """Stay: nothing has moved and the words are there. Leave: the form is gone. Switching people keeps it."""
    await me.go_to(FIELD)
    await me.say("/form")
    text = me.form.get_by_label("text")
    await text.fill("Half a story")
    follow = f"import('/page/store.js').then(m => void m.store.place.open({json.dumps(NO_BOT)}))"
    await me.page.evaluate(follow)
    dialog = me.page.get_by_role("dialog", name="Leave this form?")
    await dialog.get_by_role("button", name="Stay").click()
    await expect(text).to_have_value("Half a story")
    await expect(me.page.locator("#channel h1")).to_contain_text("field-ops")
    await me.act_as(RAVI)
    await expect(me.form).to_have_count(0)
    await me.act_as(MARIA)
    await expect(text).to_have_value("Half a story")
    await me.page.evaluate(follow)
    await dialog.get_by_role("button", name="Leave form").click()
    await expect(me.form).to_have_count(0)
    await expect(me.page.locator("#channel h1")).to_contain_text("random")


async def test_a_form_opens_in_the_window_that_asked_for_it_and_in_no_other(me: Window) -> None:
    other = await me.context.new_page()
    await other.goto(f"{me.page.url}")
    await expect(other.get_by_test_id("act-as")).to_have_value(MARIA)
    await me.go_to(FIELD)
    await me.say("/form")
    await expect(me.form).to_be_visible()
    await me.form.get_by_label("text").fill("mine")
    await other.get_by_test_id("composer").fill("/form")
    await other.get_by_test_id("composer").press("Enter")
    await expect(other.get_by_test_id("modal")).to_have_count(1)
    await expect(other.get_by_label("text")).to_have_value("")
    await expect(me.form.get_by_label("text")).to_have_value("mine")
    await me.page.reload()
    await expect(me.form.get_by_label("text")).to_have_value("mine")


async def test_ten_windows_of_one_browser_all_hear_what_is_said(me: Window, app: SmallApp) -> None:
    """One of them holds the feed for all, so six connections are enough; if it goes, another holds it."""
    pages = [me.page]
    for _ in range(9):
        page = await me.context.new_page()
        await page.goto(me.page.url)
        await expect(page.get_by_test_id("act-as")).to_have_value(MARIA)
        pages.append(page)
    feeds = app.slack.feed.listeners
    assert feeds == 1
    app.slack.person(RAVI).say(FIELD, "To all ten")
    for page in pages:
        await expect(page.get_by_text("To all ten", exact=True)).to_be_attached()
    for page in pages[1:5]:
        await page.close()
    await me.page.goto("about:blank")  # the one that held it
    app.slack.person(RAVI).say(FIELD, "To the rest")
    for page in pages[5:]:
        await expect(page.get_by_text("To the rest", exact=True)).to_be_attached()
    assert app.slack.feed.listeners == 1
    await me.page.goto(app.slack.url)
