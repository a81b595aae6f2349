"""“Lock the SIM in this message”: the numbers that it mentions, in the form that they belong in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.changes import Kind
from bot.domain.errors import StoreUnavailable
from bot.domain.identifiers import Imei, Rejection, Valid
from bot.domain.number_labels import NumberKind
from bot.domain.numbers_in_text import Certainty, Mention
from bot.domain.things import is_readable
from bot.services.ports import Found, KnownThing
from bot.slack import blocks as b
from bot.slack import forms, ids
from bot.slack.desk import Desk
from bot.slack.locks import b_iccid

OFFERED_AT_MOST = 100
"""Options that a list of Slack's may have."""
NAMED_AT_MOST = 5
"""Numbers that are named which the form has no field for."""
NOTHING_FOUND = (
    "🔎 I found no number to lock in that message: no ICCID (18 to 20 digits that start with 89), no IMEI "
    "(15 digits with a right check digit, or labelled “IMEI”) and no TAC (8 digits labelled “TAC”)."
)
FIELDS = {
    NumberKind.ICCID: ids.ICCID_BLOCK,
    NumberKind.IMEI: ids.IMEI_BLOCK,
    NumberKind.TAC: ids.TAC_BLOCK,
}
TAKES = {NumberKind.ICCID: ids.TAKE_ICCID, NumberKind.IMEI: ids.TAKE_IMEI, NumberKind.TAC: ids.TAKE_TAC}
CALLED = {
    NumberKind.ICCID: ("an ICCID", "ICCIDs"),
    NumberKind.IMEI: ("an IMEI", "IMEIs"),
    NumberKind.TAC: ("a TAC", "TACs"),
}


@dataclass(frozen=True, slots=True)
class Opening:
    """Which form to open, with what in its fields, and under them."""

    kind: Kind
    typed: Mapping[str, str] = field(default_factory=dict)
    under: Mapping[str, Sequence[b.Block]] = field(default_factory=dict)


def opening(mentions: Sequence[Mention]) -> Opening:
    """One number of a kind fills its field; of several none is taken for the person: they choose.

    A TAC without any ICCID is about a group; one that is only the beginning of an IMEI beside it is not.
    """
    of = {kind: [m for m in mentions if m.kind is kind] for kind in NumberKind}
    devices = {m.key[:8] for m in of[NumberKind.IMEI]}
    ranges = [m for m in of[NumberKind.TAC] if m.key[:8] not in devices]
    if ranges and not of[NumberKind.ICCID]:
        form = _form(Kind.LOCK_THINGS_GROUP, ranges)
        others = [m for m in of[NumberKind.IMEI] if m.certainty is not Certainty.LIKELY]
        left_out = _left_out(ids.TAC_BLOCK, others, f"To lock a SIM to a device use {ids.LOCK_THING}.")
        return replace(form, under=_together(form.under, left_out))
    numbers = [*of[NumberKind.ICCID], *of[NumberKind.IMEI]]
    if not numbers:
        return Opening(Kind.LOCK_THING, under={ids.ICCID_BLOCK: [b.section(NOTHING_FOUND)]})
    form = _form(Kind.LOCK_THING, numbers)
    left_out = _left_out(ids.IMEI_BLOCK, ranges, f"A range locks a whole group: {ids.LOCK_GROUP} does that.")
    return replace(form, under=_together(form.under, left_out))


def _form(kind: Kind, mentions: Sequence[Mention]) -> Opening:
    typed: dict[str, str] = {}
    under: dict[str, Sequence[b.Block]] = {}
    for number in NumberKind:
        same = [mention for mention in mentions if mention.kind is number]
        if len(same) == 1:
            typed[FIELDS[number]] = same[0].text
            if said := _not_called_so(same[0]):
                under[FIELDS[number]] = forms.remark([said])
        elif same:
            under[FIELDS[number]] = _which(number, same)
    return Opening(kind, typed, under)


def _not_called_so(mention: Mention) -> str:
    """What a person has to know of a number that nothing in the message says the kind of."""
    a_number = CALLED[mention.kind][0]
    match mention.certainty:
        case Certainty.LABELLED:
            return ""
        case Certainty.FITTING:
            return (
                f"The message doesn't call it {a_number}, but length, beginning and check digit are "
                f"{a_number}'s: compare it."
            )
        case Certainty.LIKELY:
            return f"This only looks like {a_number}: the message doesn't call it one."


def _left_out(field: str, mentions: Sequence[Mention], why: str) -> dict[str, list[b.Block]]:
    """Says which numbers of the message have no place in this form, under a field; {} where all have."""
    if not mentions:
        return {}
    called = CALLED[mentions[0].kind][0].split()[1] if len(mentions) == 1 else CALLED[mentions[0].kind][1]
    named = ", ".join(b.clip(m.text, 30) for m in mentions[:NAMED_AT_MOST])
    more = f" and {len(mentions) - NAMED_AT_MOST} more" if len(mentions) > NAMED_AT_MOST else ""
    return {field: forms.remark([f"Not used here: the {called} {named}{more} of the message. {why}"])}


def _together(
    first: Mapping[str, Sequence[b.Block]], second: Mapping[str, Sequence[b.Block]]
) -> dict[str, Sequence[b.Block]]:
    return {each: [*first.get(each, ()), *second.get(each, ())] for each in (*first, *second)}


def _which(number: NumberKind, mentions: Sequence[Mention]) -> list[b.Block]:
    shown = mentions[:OFFERED_AT_MOST]
    called = CALLED[number][1]
    left = len(mentions) - len(shown)
    more = f" The list holds the first {len(shown)}; {left} more would have to be typed." if left else ""
    options = [(b.clip(m.text, 75), _what_speaks_against(m), m.text) for m in shown]
    return [
        b.section(f"❓ The message mentions {len(mentions)} {called}. Which one?{more}"),
        b.actions(b.choice(TAKES[number], "Choose one", options)),
    ]


def _what_speaks_against(mention: Mention) -> str:
    match mention.reading:
        case Rejection(why=why):
            return why
        case Valid(warnings=(first, *_)):
            return first
    if mention.certainty is Certainty.LIKELY:
        return "only looks like one"
    return "not called one in the message" if mention.certainty is Certainty.FITTING else ""


async def with_its_sim(desk: Desk, shown: Opening, mentions: Sequence[Mention]) -> Opening:
    """Where only one device is known: the SIMs that our own records last saw in it, for a click."""
    if shown.kind is not Kind.LOCK_THING or [m.kind for m in mentions] != [NumberKind.IMEI]:
        return shown
    reading = mentions[0].reading
    if isinstance(reading, Rejection) or not isinstance(reading.value, Imei):
        return shown
    try:
        found = await desk.inventory.things_of_device(reading.value, OFFERED_AT_MOST)
    except StoreUnavailable:
        return shown
    offer = _offer(found, desk.clock.now())
    return replace(shown, under={**shown.under, ids.ICCID_BLOCK: offer}) if offer else shown


def _offer(found: Found[KnownThing], now: datetime) -> list[b.Block]:
    """What the inventory knows of the device: one SIM as a button, several as a list."""
    if not found.best:
        return []
    if found.total == 1:
        (known,) = found.best
        said = f"As listed {b.age(known.read_at, now)}, this device was last seen with {_named(known)}."
        return forms.proposal(said, b_iccid(known.row.iccid), ids.TAKE_ICCID, known.row.iccid)
    options = [
        (_named(known), f"listed {b.age(known.read_at, now)}", known.row.iccid) for known in found.best
    ]
    left = f" The list holds the first {len(found.best)}." if found.total > len(found.best) else ""
    return [
        b.section(f"❓ This device was last seen with {found.total} SIMs. Which one?{left}"),
        b.actions(b.choice(ids.TAKE_ICCID, "Choose one", options)),
    ]


def _named(known: KnownThing) -> str:
    name = known.row.name if is_readable(known.row.name) else "a SIM"
    return f"{b.clip(name, 40)} ({b_iccid(known.row.iccid)})"
