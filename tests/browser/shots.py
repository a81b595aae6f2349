"""`python -m tests.browser.shots OUT`: the README's opening picture, from a demo driven as a person does."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, async_playwright, expect

from tests.browser.conftest import LEFT_OUT, find_chromium
from tests.browser.hands import MARIA, RAVI, Window
from tests.sandbox.demo_process import DemoProcess


async def shoot(browser: Browser, demo: DemoProcess, out: Path) -> None:
    """A lock that was asked for and approved, its thread, and the device that is refused by it."""
    me = await Window.open(browser, demo.url, MARIA)
    command = await me.take_me_there()
    iccid = command.split()[1]
    await me.ask(command, "Box stolen from the site last night")
    await me.act_as(RAVI)
    card = me.card(iccid)
    await me.press(card, "Approve")
    await expect(card).to_contain_text("read back")
    await me.act_as(MARIA)
    await me.show_monogoto("things")
    await me.tid("monogoto-search").fill(iccid)
    await me.tid("thing-row").filter(has_text=iccid).click()
    await me.tid("session-start").click()
    await expect(me.tid("session-result")).to_contain_text("No service")
    await card.locator(".thread-link").click()
    await expect(me.tid("thread")).to_contain_text("done.")
    await me.tid("guide-pill").evaluate("node => (node.style.visibility = 'hidden')")
    await me.page.mouse.move(0, 0)
    await me.page.screenshot(path=out)
    await me.close()


async def main(out: Path) -> None:
    """Start a demo and a browser, take the picture, end both."""
    path = find_chromium()
    if path is None:
        sys.exit(LEFT_OUT)
    with tempfile.TemporaryDirectory() as folder:
        demo = await asyncio.to_thread(DemoProcess, Path(folder) / "demo")
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                await shoot(browser, demo, out)
                await browser.close()
        finally:
            await asyncio.to_thread(demo.end)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
