"""What a person does at the page: one window, by role and name wherever the page gives one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    ViewportSize,
    expect,
)
from playwright.async_api import TimeoutError as PlaywrightTimeout

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
MARIA, RAVI, CHLOE = "U0ENG1", "U0APP1", "U0APP2"
PATIENCE_MS = 15_000
TRIES = 10

expect.set_options(timeout=PATIENCE_MS)

FORGET = """() => addEventListener("pagehide", () => {
  sessionStorage.clear();
  localStorage.clear();
})"""
"""With its last breath, since nothing of the page runs after it."""


class Blanks:
    """Windows of nobody, to become somebody's: a new one costs three times what loading the page in it does.

    Each has cookies, storage and connections of its own, and begins with none, as a new one would.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._spare: dict[bool, list[Page]] = {False: [], True: []}

    async def take(self, *, phone: bool) -> Page:
        """One at nothing, of this width."""
        if self._spare[phone]:
            return self._spare[phone].pop()
        context = await self._browser.new_context(viewport=_size(phone), has_touch=phone, is_mobile=phone)
        return await context.new_page()

    async def give_back(self, page: Page, *, phone: bool) -> None:
        """Whoever takes it next finds nothing of what was done in it; other pages beside it are closed."""
        for other in page.context.pages:
            if other is not page:
                await other.close()
        await page.context.set_offline(False)
        await page.set_viewport_size(_size(phone))
        await page.evaluate(FORGET)
        await page.goto("about:blank")
        await page.mouse.move(0, 0)
        self._spare[phone].append(page)


def _size(phone: bool) -> ViewportSize:
    return PHONE if phone else DESKTOP


class Window:
    """A browser window of its own, as somebody; it remembers what a developer would be ashamed of."""

    def __init__(self, blanks: Blanks, page: Page, url: str, *, phone: bool) -> None:
        self.page = page
        self.url = url
        self._blanks = blanks
        self._phone = phone
        self.complaints: list[str] = []
        self.tolerated: tuple[str, ...] = ()
        page.set_default_timeout(PATIENCE_MS)
        self._listens: dict[Any, Callable[..., None]] = {
            "console": self._hear,
            "pageerror": self._hear_error,
            "request": self._see,
        }
        for event, listener in self._listens.items():
            page.on(event, listener)

    @classmethod
    async def open(cls, blanks: Blanks, url: str, person: str, *, phone: bool = False) -> Window:
        """The page, drawn for this person, at one of the two widths."""
        window = cls(blanks, await blanks.take(phone=phone), url, phone=phone)
        await window.page.goto(f"{url}/?as={person}")
        await expect(window.tid("act-as")).to_have_value(person)
        await expect(window.tid("monogoto-switch")).to_be_visible()
        return window

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _hear_error(self, error: Error) -> None:
        self.complaints.append(f"error: {error}")

    def _see(self, request: Request) -> None:
        at = urlsplit(request.url)
        if at.scheme not in ("data", "blob") and f"{at.scheme}://{at.netloc}" != self.url:
            self.complaints.append(f"a request to {request.url}")

    @property
    def context(self) -> BrowserContext:
        """What its pages share, and no other window does."""
        return self.page.context

    def tid(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    @property
    def is_phone(self) -> bool:
        return bool(self.page.viewport_size and self.page.viewport_size["width"] <= PHONE["width"])

    # --- Slack -----------------------------------------------------------------------------------------

    async def act_as(self, person: str) -> None:
        await self.tid("act-as").select_option(person)

    async def go_to(self, channel: str) -> None:
        """Open a channel from the list; on a phone the list is a screen of its own."""
        listed = self.page.locator(f'[data-testid=channel][data-channel="{channel}"]')
        back = self.page.get_by_role("button", name="Back to the channels")
        for _ in range(TRIES):  # a page that was just loaded may still go from the list to a channel
            if self.is_phone and await back.is_visible():
                await back.click()
            with suppress(PlaywrightTimeout):
                await listed.click(timeout=PATIENCE_MS / TRIES)
                return
        await listed.click()

    async def say(self, text: str) -> None:
        """Type into the channel's composer, and Enter."""
        composer = self.tid("composer")
        await composer.fill(text)
        await composer.press("Enter")

    @property
    def form(self) -> Locator:
        """The modal on top."""
        return self.tid("modal").last

    async def fill_in(self, command: str, reason: str = "Stolen from the site") -> None:
        """Type a command with its numbers, give the reason, send the form."""
        await self.say(command)
        await self.form.get_by_label("Reason").fill(reason)
        await self.send_form()

    async def ask(self, command: str, reason: str = "Stolen from the site") -> None:
        """The same, up to the modal that says that it was posted; that is closed."""
        await self.fill_in(command, reason)
        await expect(self.form).to_contain_text("Request posted")
        await self.close_form()

    async def close_form(self) -> None:
        await self.form.get_by_role("button", name="Close", exact=True).last.click()
        await expect(self.form).to_have_count(0)

    async def send_form(self) -> None:
        await self.form.locator("footer .primary").click()

    def card(self, iccid: str) -> Locator:
        """The newest message in the open channel that names this SIM, however its digits are grouped."""
        named = re.compile(r"\s?".join(iccid))
        return self.page.locator("#channel [data-testid=message]").filter(has_text=named).last

    async def press(self, card: Locator, button: str) -> None:
        """A button of a card, and "yes" where Slack asks first."""
        await card.get_by_role("button", name=button, exact=True).click()
        dialog = self.page.get_by_role("dialog")
        asked = dialog.locator(".dialog-buttons button").last
        await asked.or_(card.get_by_text("Approved by")).first.wait_for()
        if await asked.is_visible():
            await asked.click()

    # --- the Monogoto side ------------------------------------------------------------------------------

    async def show_monogoto(self, tab: str) -> None:
        if not await self.page.locator("#monogoto").is_visible():
            await self.tid("monogoto-switch").click()
        await self.tid(f"m-tab-{tab}").click()

    async def leave_monogoto(self) -> None:
        if self.is_phone:
            await self.tid("monogoto-switch").click()

    # --- the guide --------------------------------------------------------------------------------------

    def step(self, number: int) -> Locator:
        return self.tid(f"guide-step-{number}")

    async def take_me_there(self) -> str:
        """Open the guide, press the button of its next step; what it says to type. It is folded again."""
        if await self.tid("guide-pill").is_visible():
            await self.tid("guide-pill").click()
        await expect(self.tid("guide-go")).to_be_visible()
        command = self.tid("guide-command")
        text = await command.inner_text() if await command.count() else ""
        await self.tid("guide-go").click()
        if text.startswith("/"):  # it acts and opens one after the other, this last
            await expect(self.tid("composer")).to_have_value(text)
        await self.fold_guide()
        return text

    async def fold_guide(self) -> None:
        if await self.tid("guide-fold").is_visible():
            with suppress(PlaywrightTimeout):  # on a phone it may be folding itself just now
                await self.tid("guide-fold").click(timeout=2000)
            await expect(self.tid("guide-pill")).to_be_visible()

    async def expect_step(self, number: int) -> None:
        """The guide shows it as done, by what the stand-ins saw."""
        if await self.tid("guide-pill").is_visible():
            await self.tid("guide-pill").click()
        await expect(self.step(number)).to_have_attribute("data-done", "true")
        await self.fold_guide()

    async def close(self) -> None:
        """What was wrong with this page must have been nothing."""
        red = await self.page.locator(".unknown-block").count()
        await self.page.unroute_all(behavior="ignoreErrors")  # a request that is held up ends with the window
        for event, listener in self._listens.items():
            self.page.remove_listener(event, listener)
        await self._blanks.give_back(self.page, phone=self._phone)
        complaints = [said for said in self.complaints if not any(word in said for word in self.tolerated)]
        assert not complaints, complaints
        assert not red, "a block that the page can't draw"


@contextmanager
def expecting(window: Window, *words: str) -> Iterator[None]:
    """Complaints with one of these words are the point of the test."""
    yield
    window.complaints[:] = [said for said in window.complaints if not any(word in said for word in words)]
