"""What people do while replicas run: in real time, and again where a replica died under their hands."""

from __future__ import annotations

import asyncio

from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.views import View
from tests.cluster.replicas import Replicas
from tests.scenarios import acts

ENDS = {"succeeded", "failed", "outdated", "denied", "cancelled", "expired"}


async def ask(replicas: Replicas, iccid: str, imei: str, *, who: str = "U0ENG1") -> str:
    """Ask for a lock; the request's id, once it is in the database."""
    person = replicas.slack.person(who)
    for modal in person.modals:
        await person.close(modal)
    known = {request_id for request_id, _, _ in replicas.standing()}
    delivery = await person.command("/lock-thing", channel="C0FIELD")
    assert delivery.acked, delivery.error
    form: View = await replicas.until(lambda: acts.form_of(person))
    result = await person.submit(form, {"iccid": iccid, "imei": imei, "reason": "Stolen box"})
    assert result.ok, result
    return str((await replicas.until(lambda: [i for i, _, _ in replicas.standing() if i not in known]))[0])


async def approve(replicas: Replicas, request_id: str, *, who: str = "U0APP1") -> None:
    """Press Approve on its card, once it is there."""
    card = await replicas.until(lambda: card_of(replicas, request_id))
    delivery = await replicas.slack.person(who).click(card, "request.approve", confirm=True)
    assert delivery.acked, delivery.error


async def lock(replicas: Replicas, iccid: str, imei: str) -> str:
    """Ask and approve; the request's id."""
    request_id = await ask(replicas, iccid, imei)
    await approve(replicas, request_id)
    return request_id


async def ended(replicas: Replicas, *request_ids: str) -> list[str]:
    """How they ended, once all of it was told."""

    def all_ended() -> bool:
        status = {request_id: status for request_id, status, _ in replicas.standing()}
        return all(status.get(request_id) in ENDS for request_id in request_ids) and not replicas.untold()

    await replicas.until(all_ended)
    status = {request_id: status for request_id, status, _ in replicas.standing()}
    return [status[request_id] for request_id in request_ids]


def messages(replicas: Replicas) -> list[Message]:
    """What the bot wrote."""
    return [
        m for m in replicas.slack.messages("C0FIELD") if m.from_bot and not m.deleted and not m.ephemeral_to
    ]


def cards_of(replicas: Replicas, request_id: str) -> list[Message]:
    """Its cards: there should be one."""
    return [m for m in messages(replicas) if not m.thread_ts and f"`{request_id}`" in acts.shown(m)]


def card_of(replicas: Replicas, request_id: str) -> Message | None:
    """Its card, once it has buttons."""
    found = cards_of(replicas, request_id)
    return next((card for card in found if "request.approve" in str(card.blocks)), None)


def replies_to(replicas: Replicas, request_id: str) -> list[str]:
    """The first sign of each reply in its card's thread."""
    cards = {card.ts for card in cards_of(replicas, request_id)}
    return [m.text[:1] for m in messages(replicas) if m.thread_ts in cards]


async def told_once(replicas: Replicas, *request_ids: str) -> None:
    """One card each, and one reply for each fact."""
    await asyncio.sleep(0)
    for request_id in request_ids:
        assert len(cards_of(replicas, request_id)) == 1, request_id
        assert replies_to(replicas, request_id) == ["👍", "✅"], request_id
