"""The modals, as pure builders: what was typed goes in, a view comes out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.domain.changes import Kind
from bot.domain.identifiers import group_imei, is_reported
from bot.domain.impact import SeenGroup, SeenThing
from bot.domain.things import GroupRow, Thing
from bot.slack import blocks as b
from bot.slack import ids
from bot.slack.fields import fields, group_option
from bot.slack.form_state import KEPT_AT_MOST, Form, id_of, kept_in, read_metadata, text_of
from bot.slack.locks import b_iccid, group_rows, lock_words, things_group_rows

View = dict[str, Any]
Under = Mapping[str, Sequence[b.Block]]
"""Blocks to stand under a field, by the field's block id."""
CALLBACKS = {
    Kind.LOCK_THING: ids.LOCK_THING_SUBMIT,
    Kind.UNLOCK_THING: ids.UNLOCK_THING_SUBMIT,
    Kind.LOCK_THINGS_GROUP: ids.LOCK_THINGS_GROUP_SUBMIT,
    Kind.UNLOCK_THINGS_GROUP: ids.UNLOCK_THINGS_GROUP_SUBMIT,
    Kind.BULK: ids.BULK_SUBMIT,
}
KINDS = {callback: kind for kind, callback in CALLBACKS.items()}
FIRST_FIELD = {
    Kind.LOCK_THING: ids.ICCID_BLOCK,
    Kind.UNLOCK_THING: ids.ICCID_BLOCK,
    Kind.LOCK_THINGS_GROUP: ids.THINGS_GROUP_BLOCK,
    Kind.UNLOCK_THINGS_GROUP: ids.THINGS_GROUP_BLOCK,
    Kind.BULK: ids.LINES_BLOCK,
}
DENIAL_TITLE = "Deny this request"
TITLES = {
    Kind.LOCK_THING: "Lock a SIM to a device",
    Kind.UNLOCK_THING: "Unlock a SIM",
    Kind.LOCK_THINGS_GROUP: "Lock a group to a range",
    Kind.UNLOCK_THINGS_GROUP: "Unlock a group",
    Kind.BULK: "Many SIMs from a file",
}


def form(shown: Form, *, under: Under | None = None, top: str = "") -> View:
    """The form. `under` holds blocks to stand under the field of that block id; `top` a sentence above."""
    head: list[b.Block] = [b.section(top)] if top else []
    return _form(shown, put_under([*head, *fields(shown)], under or {}))


def put_under(blocks: Iterable[b.Block], under: Under) -> list[b.Block]:
    """The blocks, with these under their fields in place of what stood there. No field's ids change."""
    placed: list[b.Block] = []
    for block in blocks:
        block_id = str(block.get("block_id", ""))
        if any(block_id.startswith(_below(field_id)) for field_id in under):
            continue
        placed.append(block)
        for number, more in enumerate(under.get(block_id, ())):
            placed.append(more | {"block_id": f"{_below(block_id)}{number}"})
    return placed


def _below(field_id: str) -> str:
    return f"under.{field_id}."


def _form(shown: Form, blocks: list[b.Block]) -> View:
    return modal(
        TITLES[shown.kind],
        blocks,
        callback_id=CALLBACKS[shown.kind],
        metadata=shown.metadata(),
        submit="Check the rows" if shown.kind is Kind.BULK else "Ask for approval",
    )


def with_value(view: Mapping[str, Any], block_id: str, value: str) -> View:
    """The view as it is on the screen, with one text field set by the bot."""
    return _with_element(view, block_id, {"initial_value": value})


def with_group(view: Mapping[str, Any], row: GroupRow) -> View:
    """The view as it is on the screen, with this group chosen by the bot."""
    return _with_element(view, ids.THINGS_GROUP_BLOCK, {"initial_option": group_option(row)})


def _with_element(view: Mapping[str, Any], block_id: str, values: dict[str, Any]) -> View:
    """One field set by the bot: a new action_id makes Slack take it.

    Every other field keeps its ids, and so what was typed into it. What stood under the field goes.
    """
    shown = read_metadata(view, KINDS[view["callback_id"]])
    moved = replace(shown, version=shown.version + 1)
    blocks: list[b.Block] = []
    for block in view.get("blocks", ()):
        if block.get("block_id") == block_id:
            action_id = str(block["element"]["action_id"]).rpartition(".v")[0]
            new = {"action_id": f"{action_id}.v{moved.version}", **values}
            blocks.append(block | {"element": block["element"] | new})
        else:
            blocks.append(block)
    return _form(moved, put_under(blocks, {block_id: []}))


def with_under(view: Mapping[str, Any], under: Under, **facts: Any) -> View:
    """The view as it is on the screen, with something else under some fields; what was typed stays.

    `facts` are fields of `Form` to keep with it.
    """
    shown = replace(read_metadata(view, KINDS[view["callback_id"]]), **facts)
    return _form(shown, put_under(view.get("blocks", ()), under))


def quoted(text: str) -> str:
    """What a person typed, escaped, to be copied."""
    return "\n".join(f"> {b.escape(line, b.REASON_LIMIT)}" for line in text.splitlines() if line.strip())


def proposal(sentence: str, shown_value: str, action_id: str, value: str) -> list[b.Block]:
    """Another reading of what was typed: it waits for a click."""
    return [
        b.section(f"⚠️ {b.escape(sentence, 600)}"),
        b.actions(b.button(f"Use {shown_value}", action_id, value)),
    ]


def wrong(sentence: str) -> list[b.Block]:
    """A sentence under a field, for what only the vendor or the rules could tell."""
    return [b.section(f"⚠️ {b.escape(sentence, 900)}")]


def remark(sentences: Iterable[str]) -> list[b.Block]:
    """What to look at in a number that can be used all the same."""
    return [b.context(f"⚠️ {b.escape(sentence, 400)}") for sentence in sentences]


def found(seen: SeenThing, now: datetime, *, open_request: str, offer_imei: bool) -> list[b.Block]:
    """What the look-up found, in a block of its own, with the IMEIs that can be taken over by a click."""
    thing = seen.thing
    rows = [
        ("SIM", thing.name or "(no name)"),
        ("ICCID", b_iccid(thing.iccid)),
        ("lock", lock_words(thing.lock)),
        *group_rows(seen.group, readable=seen.group_readable),
        ("state", (thing.state or "unknown") + {True: ", online", False: ", offline", None: ""}[seen.online]),
        *_seen_rows(thing, now),
    ]
    blocks = [b.facts(rows)]
    if open_request:
        blocks.append(b.section(f"⏳ {open_request}"))
    if offer_imei and (buttons := _offers(thing)):
        blocks.append(b.actions(*buttons))
    return blocks


def found_group(seen: SeenGroup, *, open_request: str) -> list[b.Block]:
    """What is known of the group that was chosen, in a block of its own."""
    blocks = [b.facts(things_group_rows(seen, "lock"))]
    return [*blocks, b.section(f"⏳ {open_request}")] if open_request else blocks


def _seen_rows(thing: Thing, now: datetime) -> list[tuple[str, str]]:
    if not thing.last_seen_imei:
        return [("seen in", "never in any device")]
    if not is_reported(thing.last_seen_imei):
        return [("seen in", "carrier reports none (zeros)"), ("seen", b.age(thing.last_seen_at, now))]
    return [("seen in", group_imei(thing.last_seen_imei)), ("seen", b.age(thing.last_seen_at, now))]


def _offers(thing: Thing) -> list[b.Block]:
    """IMEIs that need no typing: the one last seen, and the one that an earlier unlock has kept."""
    buttons = []
    last_seen, kept = thing.last_seen_imei, thing.locked_imei
    if is_reported(last_seen) and len(last_seen) <= KEPT_AT_MOST:
        buttons.append(b.button("Use the IMEI last seen", ids.TAKE_IMEI, last_seen))
    if kept and not thing.imei_lock and kept != last_seen and len(kept) <= KEPT_AT_MOST:
        buttons.append(b.button("Use the IMEI kept", ids.TAKE_KEPT_IMEI, kept))
    return buttons


def notice(title: str, *paragraphs: str, buttons: list[b.Block] | None = None, channel: str = "") -> View:
    """A modal that only says something. Paragraphs are mrkdwn made of our words and escaped data.

    `channel` is where it belongs: a click on its buttons is answered there.
    """
    metadata = json.dumps({"channel": channel}) if channel else ""
    blocks = [b.section(text) for text in paragraphs]
    if buttons:
        blocks.append(b.actions(*buttons))
    return modal(title, blocks, callback_id=ids.PLAIN_VIEW, metadata=metadata)


def checking(shown: Form) -> View:
    """Between the submission and the answer."""
    return notice(
        TITLES[shown.kind],
        "⏳ *Checking with Monogoto…*",
        "You can close this; the answer reaches you all the same.",
        channel=shown.channel,
    )


@dataclass(frozen=True, slots=True)
class Denial:
    """The form that asks for the reason of a denial. Travels in `private_metadata`."""

    request_id: str
    about: str
    channel: str
    message_ts: str

    def form(self, *, typed: str = "", top: str = "") -> View:
        """The form; after a failure with what was typed, and the sentence about it on top."""
        kept = {"request": self.request_id, "about": self.about, "channel": self.channel}
        reason = b.text_input(
            ids.REASON_BLOCK,
            "Reason",
            "reason",
            initial=typed,
            placeholder="Read by the person who asked",
            multiline=True,
            most=b.REASON_LIMIT,
        )
        blocks = [b.section(text) for text in (top, self.about) if text]
        return modal(
            DENIAL_TITLE,
            [*blocks, reason],
            callback_id=ids.DENY_SUBMIT,
            metadata=json.dumps(kept | {"ts": self.message_ts}),
            submit="Deny",
        )


def read_denial(view: Mapping[str, Any]) -> Denial:
    """The Denial behind a view, as far as its metadata can be read; never raises on a forged one."""
    kept = kept_in(view)
    return Denial(
        text_of(kept, "request"),
        text_of(kept, "about", 300),
        id_of(kept, "channel"),
        id_of(kept, "ts"),
    )


def modal(
    title: str, blocks: list[b.Block], *, callback_id: str, metadata: str = "", submit: str = ""
) -> View:
    """Any of our modals."""
    view: View = {
        "type": "modal",
        "callback_id": callback_id,
        "title": b.plain(title, 24),
        "close": b.plain("Close", 24),
        "blocks": blocks,
        "private_metadata": metadata,
    }
    return view | ({"submit": b.plain(submit, 24)} if submit else {})
