"""One `register` for every listener, on an app that is built here and started nowhere else."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.slack import (
    actions,
    approving,
    asking,
    bulk_asking,
    choosing,
    commands,
    shortcuts,
    undoing,
    views,
)
from bot.slack.desk import Desk


def build_app(*, token: str) -> AsyncApp:
    """A Bolt app that asks Slack nothing by itself: auth.test would eat the first person's three seconds.

    It never calls Slack either: listeners answer through `SlackApi`. Bolt warns of a token in the
    environment that it doesn't need, and its warnings of unhandled payloads repeat what the transports log.
    """
    quiet = logging.getLogger("bot.slack.bolt")
    quiet.setLevel(logging.ERROR)

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    return AsyncApp(
        name="imei-lock",  # else Bolt reads the source of every caller to find one
        logger=quiet,
        authorize=authorize,
        process_before_response=True,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
    )


def register(app: AsyncApp, desk: Desk) -> None:
    """Every command, shortcut, view, action and event."""
    commands.register(app, desk)
    shortcuts.register(app, desk)
    views.register(app, desk)
    actions.register(app, desk)
    choosing.register(app, desk)
    approving.register(app, desk)
    undoing.register(app, desk)
    bulk_asking.register(app, desk)

    async def user_groups_changed(ack: AsyncAck, event: dict[str, Any]) -> None:  # noqa: ARG001
        desk.forget_roles()
        await ack()

    app.event("subteam_members_changed")(user_groups_changed)
    app.event("subteam_updated")(user_groups_changed)


async def take_up(desk: Desk, *, unread_for: timedelta = timedelta(0)) -> None:
    """Whatever form was sent, but not answered, when an earlier process or another replica ended.

    `unread_for`: bulks whose rows have come for less long may be what a living replica is reading in.
    """
    await desk.bulks.intake.forget_unread(unread_for)
    await asking.resume(desk, {undoing.KIND: undoing.take_up, bulk_asking.KIND: bulk_asking.take_up})
