"""A request made from a message links to it and is answered in its thread, or else where it can be."""

from __future__ import annotations

import pytest

from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.views import View
from bot.sandbox.stage import POLICY, Stage
from tests.conftest import OpenStage
from tests.scenarios.acts import (
    approve,
    ask_lock,
    audit_entries,
    cards_of,
    form_of,
    request_id_in,
    send_form,
    shown,
    whisper,
)

LOCK = "lock_from_message.open"
ELSEWHERE = POLICY | {"approvals_channel": "C0APPROVALS"}


async def ask_from(stage: Stage, who: Person, said: Message) -> Message:
    """Use the shortcut on a message that names a SIM and a device; the card with buttons that comes of it."""
    assert (await who.message_shortcut(said, LOCK)).acked
    view = await stage.until(lambda: form_of(who))
    return await send_form(stage, who, view, {"reason": "Stolen box"})


def say(stage: Stage, channel: str = "C0FIELD", thread_ts: str | None = None) -> Message:
    sim = stage.monogoto.examples.fresh
    return stage.person("U0ENG1").say(channel, f"ICCID {sim.iccid} IMEI {sim.imei}", thread_ts)


def in_thread(stage: Stage, root: Message) -> list[str]:
    """What the bot wrote in a message's thread."""
    return [m.text for m in stage.slack.messages(root.channel) if m.from_bot and m.thread_ts == root.ts]


def twin_of(stage: Stage, card: Message | View, channel: str = "C0FIELD") -> Message:
    request_id = request_id_in(shown(card))
    (twin,) = [
        m for m in stage.slack.messages(channel) if m.from_bot and f"request `{request_id}`" in shown(m)
    ]
    return twin


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_the_twin_and_all_replies_stand_in_the_messages_thread_and_link_to_it(
    open_stage: OpenStage, transport: str
) -> None:
    stage = await open_stage(policy=ELSEWHERE, transport=transport)
    said = say(stage)
    card = await ask_from(stage, stage.person("U0ENG1"), said)
    assert (card.channel, card.thread_ts) == ("C0APPROVALS", None)
    await stage.until(lambda: in_thread(stage, said))
    twin = twin_of(stage, card)
    assert twin.thread_ts == said.ts
    link = f"/archives/C0FIELD/p{said.ts.replace('.', '')}|this message>"
    assert link in shown(twin)
    assert link in shown(card)
    await approve(stage, stage.person("U0APP1"), card)
    await stage.until(lambda: any("done" in text for text in in_thread(stage, said)))
    await stage.until(lambda: "configured and read back" in twin.text)
    assert not stage.cards("C0FIELD"), "nothing stands beside the thread"
    (asked, *_) = await audit_entries(stage, request_id_in(shown(card)))
    assert asked["origin"] == {"channel": "C0FIELD", "message_ts": said.ts}


async def test_a_message_in_a_thread_is_answered_in_that_thread(open_stage: OpenStage) -> None:
    stage = await open_stage(policy=ELSEWHERE)
    root = stage.person("U0SUP1").say("C0FIELD", "A box is gone")
    said = say(stage, thread_ts=root.ts)
    card = await ask_from(stage, stage.person("U0ENG1"), said)
    await stage.until(lambda: in_thread(stage, root))
    assert twin_of(stage, card).thread_ts == root.ts
    assert f"p{said.ts.replace('.', '')}" in shown(card), "the link leads to the message itself"


async def test_without_an_approvals_channel_the_card_with_buttons_stands_in_the_thread(stage: Stage) -> None:
    said = say(stage)
    assert (await stage.person("U0ENG1").message_shortcut(said, LOCK)).acked
    view = await stage.until(lambda: form_of(stage.person("U0ENG1")))
    await stage.person("U0ENG1").submit(view, {"reason": "Stolen box"})
    await stage.until(lambda: in_thread(stage, said))
    await stage.until(lambda: view.title == "Request posted")
    card = twin_of(stage, view)
    assert "request.approve" in str(card.blocks)
    await approve(stage, stage.person("U0APP1"), card)
    await stage.until(lambda: any("done" in text for text in in_thread(stage, said)))


async def test_a_command_stands_by_itself_as_ever(stage: Stage) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    assert card.thread_ts is None
    assert "this message" not in shown(card)


async def test_where_the_bot_is_no_member_the_requester_is_answered_by_direct_message(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(policy=ELSEWHERE)
    card = await ask_from(stage, stage.person("U0ENG1"), say(stage, "C0NOBOT"))
    await stage.until(lambda: len(cards_of(stage, request_id_in(shown(card)))) == 2)
    assert {c.channel for c in cards_of(stage, request_id_in(shown(card)))} == {"C0APPROVALS", "D0ENG1"}


async def test_a_message_that_is_deleted_meanwhile_leaves_the_twin_by_itself(open_stage: OpenStage) -> None:
    stage = await open_stage(policy=ELSEWHERE)
    engineer = stage.person("U0ENG1")
    said = say(stage)
    await engineer.message_shortcut(said, LOCK)
    view = await stage.until(lambda: form_of(engineer))
    said.deleted = True
    card = await send_form(stage, engineer, view, {"reason": "Stolen box"})
    (twin,) = await stage.until(lambda: stage.cards("C0FIELD"))
    assert f"request `{request_id_in(shown(card))}`" in shown(twin)
    assert "this message" not in shown(twin), "there is nothing to link to"
    await approve(stage, stage.person("U0APP1"), card)
    await stage.until(lambda: any("done" in reply.text for reply in stage.replies(twin)))


async def test_a_message_that_is_deleted_after_its_twin_was_posted_still_hears_the_outcome(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(policy=ELSEWHERE)
    said = say(stage)
    card = await ask_from(stage, stage.person("U0ENG1"), said)
    await stage.until(lambda: in_thread(stage, said))
    said.deleted = True
    await approve(stage, stage.person("U0APP1"), card)
    (anew,) = await stage.until(lambda: stage.cards("C0FIELD"))
    assert "replaces an earlier one" in shown(anew)
    await stage.until(lambda: any("done" in reply.text for reply in stage.replies(anew)))


async def test_a_twin_whose_post_was_lost_is_found_below_whatever_people_wrote_in_the_thread(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(policy=ELSEWHERE)
    said = say(stage)
    for number in range(120):
        stage.person("U0SUP1").say("C0FIELD", f"And another thing: {number}", said.ts)
    stage.clock.advance(900)
    stage.slack.fail("chat.postMessage", reset=True, times=2, after_applying=True)
    card = await ask_from(stage, stage.person("U0ENG1"), said)
    await stage.until(lambda: in_thread(stage, said))
    await stage.settle(30)
    assert len(in_thread(stage, said)) == 1
    assert twin_of(stage, card)


async def test_what_was_typed_comes_back_with_its_message(open_stage: OpenStage) -> None:
    """The trigger had run out: the form that is opened again still knows where it was asked."""
    stage = await open_stage(policy=ELSEWHERE)
    engineer = stage.person("U0ENG1")
    said = say(stage)
    payload = stage.slack.payloads.message_shortcut("U0ENG1", said, LOCK)
    stage.clock.advance(4)
    await stage.slack.deliver(payload)
    message = await whisper(stage, engineer, "Slack was too slow")
    await engineer.click(message, "form.reopen")
    view = await stage.until(lambda: form_of(engineer))
    card = await send_form(stage, engineer, view, {"reason": "Stolen box"})
    await stage.until(lambda: in_thread(stage, said))
    assert twin_of(stage, card).thread_ts == said.ts


async def test_a_form_that_is_sent_to_the_next_process_is_answered_in_the_thread_too(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(policy=ELSEWHERE)
    engineer = stage.person("U0ENG1")
    said = say(stage)
    await engineer.message_shortcut(said, LOCK)
    view = await stage.until(lambda: form_of(engineer))
    await stage.stop_bot()
    await stage.start_bot()
    card = await send_form(stage, engineer, view, {"reason": "Stolen box"})
    await stage.until(lambda: in_thread(stage, said))
    assert twin_of(stage, card).thread_ts == said.ts
