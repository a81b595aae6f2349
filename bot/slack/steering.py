"""The buttons on the card of a bulk from its approval on: pause, resume, cancel the rest, ask again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.slack import ids
from bot.slack.desk import Call, Desk


async def pause(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """Pause: nothing more is sent."""
    await desk.steering.pause(call.person, call.origin, _request_id(value))


async def resume(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """Resume: go on, the canary first."""
    await desk.steering.resume(call.person, call.origin, _request_id(value))


async def cancel_rest(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """Cancel the rest: what has not left never will."""
    await desk.steering.cancel_rest(call.person, call.origin, _request_id(value))


async def ask_again(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """Ask again for the failed ones: a new plan, which is the clicker's own."""
    plan = await desk.again.ask_again(call.person, call.origin, _request_id(value))
    said = f"📄 Request `{plan.id}` checks those rows again, as yours; its card asks what then."
    await desk.whisper(call, said)


def _request_id(value: str) -> str:
    """A broken button carries no id: then no request is found."""
    return value.partition(".")[0]


ACTIONS = {ids.PAUSE: pause, ids.RESUME: resume, ids.CANCEL_REST: cancel_rest, ids.ASK_AGAIN: ask_again}
