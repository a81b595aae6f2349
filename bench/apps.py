"""Two apps to send Slack's payloads to, each in its own process: the bot, and one that does the least."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import insert

from bot.app import Seams, build
from bot.clock import SystemClock
from bot.config import Config
from bot.domain.changes import Kind
from bot.domain.requests import Origin, Person
from bot.policy_file import parse_policy
from bot.running import Bot
from bot.sandbox.stage import POLICY
from bot.services.ports import Submission
from bot.slack import forms, ids
from bot.slack.form_state import Form
from bot.slack.http import HttpTransport
from bot.storage.engine import migrate, open_engine
from bot.storage.rows import submission_values
from bot.storage.tables import submissions

PATH = "/slack/events"
FORM = Form(Kind.LOCK_THING, "C0FIELD", "bench")


@asynccontextmanager
async def whole_bot(environ: Mapping[str, str], seams: Seams | None = None) -> AsyncIterator[tuple[str, Bot]]:
    """The bot as it is. Says where it listens ("" in Socket Mode)."""
    config, policy = Config.from_env(environ), parse_policy(POLICY)
    bot = await build(config, policy, clock=SystemClock(), seams=seams or Seams(inventory=False))
    await bot.start()
    try:
        at = bot.transport
        yield f"http://127.0.0.1:{at.port}{PATH}" if isinstance(at, HttpTransport) else "", bot
    finally:
        await bot.stop()


@asynccontextmanager
async def bare_app(environ: Mapping[str, str]) -> AsyncIterator[tuple[str, None]]:
    """Acks and opens the same view; keeps a submission with one insert, and acks. Says where it listens."""
    engine = open_engine(environ["DATABASE_URL"])
    await migrate(engine)
    app = AsyncApp(
        signing_secret=environ["SLACK_SIGNING_SECRET"],
        client=AsyncWebClient(environ["SLACK_BOT_TOKEN"], base_url=environ["SLACK_API_URL"]),
        process_before_response=True,
    )
    form, checking = forms.form(FORM), forms.checking(FORM)

    @app.command(ids.LOCK_THING)
    async def open_form(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=form)

    @app.view(ids.LOCK_THING_SUBMIT)
    async def keep(ack: AsyncAck, body: dict[str, Any]) -> None:
        values = submission_values(_submission(body)) | {"state": "posted", "request_id": ""}
        async with engine.writing() as connection:
            await connection.execute(insert(submissions).values(values))
        await ack(response_action="update", view=checking)

    runner = web.AppRunner(app.web_app(PATH), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}", None
    finally:
        await runner.cleanup()
        await engine.close()


def _submission(body: dict[str, Any]) -> Submission:
    view, user = body["view"], body["user"]
    values = view["state"]["values"]
    typed = {block: str(next(iter(held.values())).get("value")) for block, held in values.items()}
    return Submission(
        id=view["id"],
        key=view["id"],
        person=Person(user["id"], user["team_id"]),
        origin=Origin("C0FIELD"),
        view_id=view["id"],
        kind="lock_thing",
        fields=typed,
        at=datetime.now(UTC),
    )
