"""Every form, card and reply in every state: Slack's rules take it, and the page can draw it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from bot.domain.requests import ItemState, Status
from bot.sandbox.slack.block_kit import check_message, check_view
from bot.services.ports import PlaceKind
from bot.slack import forms
from tests.browser.hands import DESKTOP, PHONE
from tests.gallery.collecting import one_of_each
from tests.gallery.drawn import CHANGES, REPLIES, drawn
from tests.gallery.page import page

TOO_WIDE = (
    "items => items.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.innerText.split('\\n')[0])"
)


def test_drawn_states_hold_all_that_there_is() -> None:
    """Every status at every kind of place, every item state as card and reply, every reply, every form."""
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
        } == set(ItemState)
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
