"""The modals, as pure builders: what was typed goes in, a view comes out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.domain.changes import Kind
from bot.domain.identifiers import group_imei, is_reported
from bot.domain.impact import Seen
from bot.slack import blocks as b
from bot.slack import ids
from bot.slack.cards import b_iccid, group_rows, lock_words

View = dict[str, Any]
KEPT_AT_MOST = 60
"""Characters of one id in `private_metadata`, which holds 3,000 in all."""
Under = Mapping[str, Sequence[b.Block]]
"""Blocks to stand under a field, by the field's block id."""
CALLBACKS = {Kind.LOCK_THING: ids.LOCK_THING_SUBMIT, Kind.UNLOCK_THING: ids.UNLOCK_THING_SUBMIT}
KINDS = {callback: kind for kind, callback in CALLBACKS.items()}
DENIAL_TITLE = "Deny this request"
TITLES = {Kind.LOCK_THING: "Lock a SIM to a device", Kind.UNLOCK_THING: "Unlock a SIM"}
KEEP_TEXTS = {
    "keep": ("Keep the stored IMEI", "Any device works from now on; locking again later needs no typing."),
    "clear": ("Clear the stored IMEI", "Any device works, and the IMEI is forgotten: the device is retired."),
}


@dataclass(frozen=True, slots=True)
class Form:
    """One showing of a form: what it holds, and what it says besides. Travels in `private_metadata`."""

    kind: Kind
    channel: str
    nonce: str
    """Unique to one showing: a second press on the same showing makes nothing new."""
    typed: Mapping[str, str] = field(default_factory=dict)
    """Initial values by block id; only looked at where `versions` moved since the last showing."""
    version: int = 0
    """Part of every input's action_id: moved when the bot sets values, so that Slack takes them."""
    last_seen: str = ""
    """IMEI last seen on the Thing of `looked_up`."""
    looked_up: str = ""
    """ICCID that `last_seen` belongs to."""
    looking_up: str = ""
    """ICCID of the latest look-up: an earlier one that ends later shows nothing."""

    def metadata(self) -> str:
        """What the next payload brings back. Holds no typed text: it stays in the fields."""
        kept = {
            "kind": self.kind.value,
            "channel": self.channel,
            "nonce": self.nonce,
            "version": self.version,
            "last_seen": self.last_seen[:KEPT_AT_MOST],
            "looked_up": self.looked_up,
            "looking_up": self.looking_up,
        }
        return json.dumps(kept, separators=(",", ":"))

    def showing(self, typed: Mapping[str, str], nonce: str) -> Form:
        """The same form shown anew with these values set by the bot."""
        return replace(self, typed=dict(typed), version=self.version + 1, nonce=nonce)


def read_metadata(view: Mapping[str, Any], kind: Kind) -> Form:
    """The Form behind a view, as far as its metadata can be read; never raises on a forged one."""
    kept = _kept(view)
    version = kept.get("version")
    return Form(
        kind=kind,
        channel=_text(kept, "channel"),
        nonce=_text(kept, "nonce") or str(view.get("hash") or ""),
        version=version if isinstance(version, int) else 0,
        last_seen=_text(kept, "last_seen"),
        looked_up=_text(kept, "looked_up"),
        looking_up=_text(kept, "looking_up"),
    )


def looking_up(view: Mapping[str, Any]) -> str:
    """The ICCID of the latest look-up in a form."""
    return _text(_kept(view), "looking_up")


def asked_in(view: Mapping[str, Any]) -> str:
    """The channel that any of our modals belongs to, "" where its metadata names none."""
    return _text(_kept(view), "channel")


def _kept(view: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        kept = json.loads(view.get("private_metadata") or "{}")
    except (ValueError, TypeError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _text(kept: Mapping[str, Any], key: str, most: int = KEPT_AT_MOST) -> str:
    value = kept.get(key)
    return value[:most] if isinstance(value, str) else ""


def typed_in(view: Mapping[str, Any]) -> dict[str, str]:
    """What a person typed or chose, by block id, whatever the action ids are."""
    state = view.get("state")
    values = state.get("values") if isinstance(state, dict) else None
    found = {}
    for block_id, elements in (values if isinstance(values, dict) else {}).items():
        for element in elements.values() if isinstance(elements, dict) else ():
            found[str(block_id)] = _value(element)
    return found


def _value(element: Any) -> str:
    if not isinstance(element, dict):
        return ""
    option = element.get("selected_option")
    value = option.get("value") if isinstance(option, dict) else element.get("value")
    return value if isinstance(value, str) else ""


def form(shown: Form, *, under: Under | None = None, top: str = "") -> View:
    """The form. `under` holds blocks to stand under the field of that block id; `top` a sentence above."""
    head: list[b.Block] = [b.section(top)] if top else []
    return _form(shown, put_under([*head, *_fields(shown)], under or {}))


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
    return _modal(
        TITLES[shown.kind],
        blocks,
        callback_id=CALLBACKS[shown.kind],
        metadata=shown.metadata(),
        submit="Ask for approval",
    )


def _fields(shown: Form) -> list[b.Block]:
    typed, v = shown.typed, shown.version
    iccid = b.text_input(
        ids.ICCID_BLOCK,
        "ICCID",
        f"iccid.v{v}",
        initial=typed.get(ids.ICCID_BLOCK, ""),
        placeholder="19 or 20 digits on the SIM, starting with 89",
        most=b.FIELD_LIMIT,
    )
    look_up = b.actions(b.button("Look up", ids.LOOK_UP, "look_up"), block_id=ids.LOOK_UP_BLOCK)
    reason = b.text_input(
        ids.REASON_BLOCK,
        "Reason",
        f"reason.v{v}",
        initial=typed.get(ids.REASON_BLOCK, ""),
        placeholder="For the approver, and for whoever reads the audit log",
        multiline=True,
        most=b.REASON_LIMIT,
    )
    middle = _imei(typed, v) if shown.kind is Kind.LOCK_THING else _keep(typed, v)
    return [iccid, look_up, middle, reason]


def _imei(typed: Mapping[str, str], version: int) -> b.Block:
    return b.text_input(
        ids.IMEI_BLOCK,
        "IMEI",
        f"imei.v{version}",
        initial=typed.get(ids.IMEI_BLOCK, ""),
        placeholder="15 digits on the label, or dial *#06#",
        hint="Only this device gets service. Any other device loses it.",
        most=b.FIELD_LIMIT,
    )


def _keep(typed: Mapping[str, str], version: int) -> b.Block:
    options = {
        value: {"text": b.plain(text, 75), "description": b.plain(why, 75), "value": value}
        for value, (text, why) in KEEP_TEXTS.items()
    }
    element = {
        "type": "radio_buttons",
        "action_id": f"keep.v{version}",
        "options": list(options.values()),
        "initial_option": options.get(typed.get(ids.KEEP_BLOCK, ""), options["keep"]),
    }
    label = b.plain("The IMEI stored with the lock", 2000)
    return {"type": "input", "block_id": ids.KEEP_BLOCK, "label": label, "element": element}


def with_value(view: Mapping[str, Any], block_id: str, value: str) -> View:
    """The view as it is on the screen, with one field set by the bot: a new action_id makes Slack take it.

    Every other field keeps its ids, and so what was typed into it. What stood under the field goes.
    """
    shown = read_metadata(view, KINDS[view["callback_id"]])
    moved = replace(shown, version=shown.version + 1)
    blocks: list[b.Block] = []
    for block in view.get("blocks", ()):
        if block.get("block_id") == block_id:
            new = {"action_id": f"{block_id}.v{moved.version}", "initial_value": value}
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


def found(seen: Seen, now: datetime, *, open_request: str, offer_last_seen: bool) -> list[b.Block]:
    """What the look-up found, in a block of its own."""
    thing = seen.thing
    reported = is_reported(thing.last_seen_imei)
    last = f"{group_imei(thing.last_seen_imei)}" if reported else "no device reported"
    rows = [
        ("Thing", thing.name or "(no name)"),
        ("ICCID", b_iccid(thing.iccid)),
        ("lock", lock_words(thing.lock)),
        *group_rows(seen.group, readable=seen.group_readable),
        ("state", (thing.state or "unknown") + {True: ", online", False: ", offline", None: ""}[seen.online]),
        ("seen in", last),
        ("seen", b.age(thing.last_seen_at, now)),
    ]
    blocks = [b.facts(rows)]
    if open_request:
        blocks.append(b.section(f"⏳ {open_request}"))
    if offer_last_seen and reported and len(thing.last_seen_imei) <= KEPT_AT_MOST:
        blocks.append(b.actions(b.button("Use the IMEI last seen", ids.TAKE_IMEI, thing.last_seen_imei)))
    return blocks


def notice(title: str, *paragraphs: str, buttons: list[b.Block] | None = None, channel: str = "") -> View:
    """A modal that only says something. Paragraphs are mrkdwn made of our words and escaped data.

    `channel` is where it belongs: a click on its buttons is answered there.
    """
    metadata = json.dumps({"channel": channel}) if channel else ""
    blocks = [b.section(text) for text in paragraphs]
    if buttons:
        blocks.append(b.actions(*buttons))
    return _modal(title, blocks, callback_id=ids.PLAIN_VIEW, metadata=metadata)


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
        return _modal(
            DENIAL_TITLE,
            [*blocks, reason],
            callback_id=ids.DENY_SUBMIT,
            metadata=json.dumps(kept | {"ts": self.message_ts}),
            submit="Deny",
        )


def read_denial(view: Mapping[str, Any]) -> Denial:
    """The Denial behind a view, as far as its metadata can be read; never raises on a forged one."""
    kept = _kept(view)
    return Denial(
        _text(kept, "request"), _text(kept, "about", 300), _text(kept, "channel"), _text(kept, "ts")
    )


def _modal(
    title: str, blocks: list[b.Block], *, callback_id: str, metadata: str = "", submit: str = ""
) -> View:
    view: View = {
        "type": "modal",
        "callback_id": callback_id,
        "title": b.plain(title, 24),
        "close": b.plain("Close", 24),
        "blocks": blocks,
        "private_metadata": metadata,
    }
    return view | ({"submit": b.plain(submit, 24)} if submit else {})
