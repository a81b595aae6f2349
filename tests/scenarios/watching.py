"""What whoever runs the bot sees of it: its health port, asked over HTTP."""

from __future__ import annotations

from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bot.sandbox.stage import Stage

HEALTH = {"HEALTH_PORT": "0"}
"""Settings of a bot that is watched."""


async def asked(stage: Stage, path: str) -> tuple[int, str]:
    """Status and text."""
    assert stage.bot is not None
    assert stage.bot.watch is not None
    url = f"http://127.0.0.1:{stage.bot.watch.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def readiness(stage: Stage) -> tuple[int, Any]:
    """Status and body of `/readyz`."""
    assert stage.bot is not None
    assert stage.bot.watch is not None
    url = f"http://127.0.0.1:{stage.bot.watch.port}/readyz"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.json()


class Numbers:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = list(text_string_to_metric_families(text))

    def __call__(self, name: str, **labels: str) -> float | None:
        """The sum over all series that have these labels; None where there is none."""
        found = [
            sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(found) if found else None


async def scraped(stage: Stage) -> Numbers:
    """All metrics, now."""
    status, text = await asked(stage, "/metrics")
    assert status == 200
    return Numbers(text)
