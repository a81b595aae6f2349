"""Slack as far as Socket Mode goes, and somebody who takes its payloads."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.slack.small_slack import Receiver, SmallSlack


@pytest.fixture
async def slack() -> AsyncIterator[SmallSlack]:
    slack = SmallSlack()
    await slack.start()
    yield slack
    await slack.stop()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()
