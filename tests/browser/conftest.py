"""One browser and one demo for all tests here. Where there is no browser they are left out, but not by CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser.hands import Blanks, Window
from tests.sandbox.demo_process import DemoProcess

OpenWindow = Callable[..., Awaitable[Window]]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LEFT_OUT = "No Chromium was found ($CHROMIUM, or on the PATH): nothing was tried in a browser."


def find_chromium() -> str | None:
    """The browser's path, None where this machine has none."""
    named = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [named] if named else BROWSERS)), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Its path. Skips without one, and fails where CI had to have it."""
    path = find_chromium()
    if path is None and os.environ.get("CI") == "true":
        pytest.fail(LEFT_OUT)
    return path or pytest.skip(LEFT_OUT)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def blanks(browser: Browser) -> Blanks:
    """Windows that all tests here use one after the other."""
    return Blanks(browser)


@pytest.fixture(scope="session")
def demo(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """A demo as `make demo` starts it, for all tests here: each works on a SIM of its own."""
    demo = DemoProcess(tmp_path_factory.mktemp("demo") / "here")
    yield demo
    assert demo.end() == (0, "")


@pytest_asyncio.fixture(loop_scope="session")
async def window(blanks: Blanks, demo: DemoProcess) -> AsyncIterator[OpenWindow]:
    """Opens windows, each a person; none of them may have met an error or asked another server."""
    windows: list[Window] = []

    async def opened(person: str, *, phone: bool = False, url: str = "") -> Window:
        if not url:
            for view in demo.get("/control/screen", **{"as": person})["modals"]:  # an earlier test's
                demo.post("/control/close", **{"as": person, "view_id": view["id"]})
        windows.append(await Window.open(blanks, url or demo.url, person, phone=phone))
        return windows[-1]

    yield opened
    for each in windows:
        await each.close()
