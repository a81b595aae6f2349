"""`python -m tests.browser.shots OUT`: the README's opening picture, from a demo driven as a person does.

Beside it stands what it shows, line by line, as text: a test takes the same steps and compares, so that a
picture of cards as they once were is found out.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, async_playwright, expect

from tests.browser.conftest import LEFT_OUT, find_chromium
from tests.browser.hands import MARIA, RAVI, Blanks, Window
from tests.sandbox.demo_process import DemoProcess

PASSING = re.compile(r"\d{1,2}:\d\d [AP]M")
"""What differs from one picture to the next."""


async def shoot(browser: Browser, demo: DemoProcess, out: Path | None = None) -> str:
    """A lock that was asked for and approved, its thread, and the device that is refused; what they say."""
    me = await Window.open(Blanks(browser), demo.url, MARIA)
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
    await expect(card.locator(".thread-link .badge")).to_have_count(0)  # what was new has been seen
    await me.tid("guide-pill").evaluate("node => (node.style.visibility = 'hidden')")
    await me.page.mouse.move(0, 0)
    if out is not None:
        await me.page.screenshot(path=out)
    parts = [await part.inner_text() for part in (card, me.tid("thread"), me.tid("session-result"))]
    await me.close()
    return said("\n".join(parts))


def said(text: str) -> str:
    """Line by line, without the hour."""
    lines = (line.strip() for line in PASSING.sub("h:mm", text).splitlines())
    return "\n".join(line for line in lines if line) + "\n"


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
                text = await shoot(browser, demo, out)
                out.with_suffix(".txt").write_text(text, encoding="utf-8")
                await browser.close()
        finally:
            await asyncio.to_thread(demo.end)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
