"""Every form, card and reply in every state: Slack's rules take it, and the page can draw it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from bot.domain.impact import Verdict
from bot.domain.requests import ItemState, Status
from bot.sandbox.slack.block_kit import check_message, check_view
from bot.services.ports import PlaceKind
from bot.slack import forms
from tests.browser.hands import DESKTOP, PHONE
from tests.gallery.collecting import JSON, one_of_each
from tests.gallery.drawn import CHANGES, REPLIES, drawn
from tests.gallery.page import page

OF_ROWS = {ItemState.PLANNED, ItemState.SKIPPED}
"""States of a bulk's rows alone: no card of one change says them."""
TOO_WIDE = (
    "items => items.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.innerText.split('\\n')[0])"
)


def test_drawn_states_hold_all_that_there_is() -> None:
    """Every status at every kind of place, every item state as card and reply, every reply, verdict, form."""
    names = {item["name"].removeprefix("drawn: ") for item in drawn()}
    for change in CHANGES:
        assert {f"{change}: {s}, {k}" for s in Status for k in (PlaceKind.CARD, PlaceKind.TWIN)} <= names
        assert {
            f"{change}: outcome, {state}{alarm}" for state in ItemState for alarm in ("", ", alarm")
        } <= names
        assert {f"{change}: {what}" for what in REPLIES if what != "outcome"} <= names
        assert {
            s
            for s in ItemState
            if any(n.startswith(f"{change}: ") and n.endswith(f"item {s}") for n in names)
        } == set(ItemState) - OF_ROWS
    assert {f"lock: impact, {verdict}" for verdict in Verdict} | {"lock: every finding"} <= names
    assert {f"{kind.value}: {state}" for kind in forms.CALLBACKS for state in ("empty", "checking")} <= names


def test_each_of_them_passes_the_rules_of_slack() -> None:
    """The same table that the local Slack refuses by."""
    for item in drawn():
        broken = (
            check_view(item["view"])
            if "view" in item
            else check_message({"text": "-", "blocks": item["blocks"]})
        )
        assert not broken, (item["name"], broken)


def _card(text: str, *more: str) -> JSON:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": each}} for each in (text, *more)]
    return {"name": "", "kind": "card", "blocks": blocks}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("⏳ <@U0ANN>, 2 more needed.", "⏳ <@U0BOB>, <@U0EVE>, 1 more needed."),
        ("Seen in 35-693803-000001-3, 3 days ago", "Seen in 49-015420-323751-8, just now"),
        ("No group ThingsGroupId_ad766b40-9577-4d91-4679-01664c6834d9", "No group ThingsGroupId_1"),
        ("Monogoto refuses (“Forbidden”).", "Monogoto refuses (“502 Bad Gateway”)."),
        ("<https://a.slack.com/1|Lock SIM: pending>", "<https://a.slack.com/2|Lock SIM: pending>"),
    ],
)
def test_what_differs_in_names_numbers_and_times_is_one_sight(one: str, other: str) -> None:
    """So that a person can look at all of them."""
    assert len(one_of_each([_card(one), _card(other), _card(one, other)])) == 1


def test_another_word_another_block_or_another_button_is_another_sight() -> None:
    """Nothing that a person would read differently is folded away."""
    button = {"type": "button", "text": {"type": "plain_text", "text": "Deny"}, "action_id": "a"}
    acts = {"type": "actions", "elements": [button]}
    plain = _card("The SIM was changed.")
    others = [
        _card("The SIM was not changed."),
        _card("The SIM was changed.", "Ask again."),
        plain | {"blocks": [*plain["blocks"], acts]},
        plain | {"kind": "reply"},
        plain | {"errors": {"imei": "Two numbers."}},
    ]
    assert len(one_of_each([plain, *others])) == 6


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_the_gallery_draws_each_of_them_from_one_file(
    browser: Browser, tmp_path: Path, phone: bool
) -> None:
    """No red box, no error, nothing cut off at the right, and not one request beyond the file itself."""
    file = tmp_path / "gallery.html"
    items = one_of_each(drawn())
    file.write_text(page(items), encoding="utf-8")
    window = await browser.new_page(viewport=PHONE if phone else DESKTOP)  # type: ignore[arg-type]
    asked, complaints = [], []
    window.on("request", lambda request: asked.append(request.url))
    window.on("console", lambda message: complaints.append(message.text))
    window.on("pageerror", lambda error: complaints.append(str(error)))
    await window.goto(f"{file.as_uri()}#one")
    await window.locator(".g-item").last.wait_for()
    assert await window.locator(".g-item").count() == len(items)
    assert await window.locator(".unknown-block").count() == 0
    assert complaints == []
    assert {url.split(":")[0] for url in asked} <= {"file", "data"}
    assert await window.locator(".g-item").evaluate_all(TOO_WIDE) == []
    await window.close()
