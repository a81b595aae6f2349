"""What was typed → a change, or what is wrong with it. Digit checks only: no waiting, no vendor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from bot.domain.changes import Kind, LockThing, LockThingsGroup, SingleChange, UnlockThing, UnlockThingsGroup
from bot.domain.identifiers import (
    Iccid,
    Imei,
    Proposal,
    Rejection,
    Tac,
    ThingsGroupId,
    Valid,
    group_imei,
    parse_iccid,
    parse_imei,
    parse_tac,
)
from bot.slack import blocks as b
from bot.slack import forms, ids
from bot.slack.form_state import Form

V = TypeVar("V", Imei, Tac)
_IN_DIGITS = re.compile(r"[0-9][0-9 ./-]*")
_TAC_LIKE = re.compile(r"[0-9][0-9./-]{4,}")
_WORDS_LOOKED_AT = 60
"""More than any two numbers have, however they are grouped. Where to cut is tried at every blank: of a text
of thousands of words that would hold up everybody, and anybody can type one."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the fields say: a change, or what is wrong under which field."""

    change: SingleChange | None
    errors: Mapping[str, str]
    proposals: Mapping[str, list[b.Block]]
    remarks: Mapping[str, tuple[str, ...]]
    """What was left out of a number that is good, and what to look at in it, by field."""

    def all_remarks(self) -> tuple[str, ...]:
        """Those of every field, in order."""
        return tuple(sentence for said in self.remarks.values() for sentence in said)


def read_fields(shown: Form, typed: Mapping[str, str]) -> Read:
    """Digit checks only: instant, so that they answer beside the field."""
    reader = _Reader(shown, typed)
    change: SingleChange | None = None
    match shown.kind:
        case Kind.LOCK_THING:
            iccid = reader.iccid()
            imei = reader.imei(iccid)
            change = LockThing(iccid, imei) if iccid and imei else None
        case Kind.UNLOCK_THING:
            iccid, keep = reader.iccid(), reader.keep("IMEI")
            change = UnlockThing(iccid, keep) if iccid and keep is not None else None
        case Kind.LOCK_THINGS_GROUP:
            group_id, tac = reader.group_id(), reader.tac()
            change = LockThingsGroup(group_id, tac) if group_id and tac else None
        case Kind.UNLOCK_THINGS_GROUP:
            group_id, keep = reader.group_id(), reader.keep("TAC")
            change = UnlockThingsGroup(group_id, keep) if group_id and keep is not None else None
    return Read(change, reader.errors, reader.proposals, reader.remarks)


@dataclass(slots=True)
class _Reader:
    """One field after the other: a value, or None and what is wrong with it."""

    shown: Form
    typed: Mapping[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    proposals: dict[str, list[b.Block]] = field(default_factory=dict)
    remarks: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def iccid(self) -> Iccid | None:
        read = parse_iccid(self.typed.get(ids.ICCID_BLOCK, ""))
        if isinstance(read, Rejection):
            self.errors[ids.ICCID_BLOCK] = read.why
            return None
        self.remarks[ids.ICCID_BLOCK] = read.notes + read.warnings
        return read.value

    def imei(self, iccid: Iccid | None) -> Imei | None:
        """The last-seen IMEI that a look-up found counts only for the very Thing that it was found on."""
        same_thing = iccid is not None and iccid.digits == self.shown.looked_up
        last_seen = self.shown.last_seen if same_thing else ""
        read = parse_imei(self.typed.get(ids.IMEI_BLOCK, ""), last_seen=last_seen)
        return self._number(ids.IMEI_BLOCK, read, ids.TAKE_IMEI)

    def tac(self) -> Tac | None:
        return self._number(ids.TAC_BLOCK, parse_tac(self.typed.get(ids.TAC_BLOCK, "")), ids.TAKE_TAC)

    def group_id(self) -> ThingsGroupId | None:
        try:
            return ThingsGroupId(self.typed.get(ids.THINGS_GROUP_BLOCK, ""))
        except ValueError:
            self.errors[ids.THINGS_GROUP_BLOCK] = "Choose a group from the list, or paste its id there."
            return None

    def keep(self, what: str) -> bool | None:
        chosen = self.typed.get(ids.KEEP_BLOCK)
        if chosen in {"keep", "clear"}:
            return chosen == "keep"
        self.errors[ids.KEEP_BLOCK] = f"Choose whether the stored {what} is kept or cleared."
        return None

    def _number(self, block_id: str, read: Valid[V] | Proposal[V] | Rejection, take: str) -> V | None:
        match read:
            case Rejection(why=why):
                self.errors[block_id] = why
                return None
            case Proposal(value=value, why=why):
                shown = group_imei(value.digits)
                self.errors[block_id] = f"{why} Did you mean {shown}?"
                self.proposals[block_id] = forms.proposal(f"{why} Is it {shown}?", shown, take, value.digits)
                return None
            case Valid(value=value, notes=notes, warnings=warnings):
                self.remarks[block_id] = notes + warnings
                return value


def split_arguments(text: str, kind: Kind) -> dict[str, str]:
    """`[ICCID] [IMEI]` as people type them: in groups or not, in either order; else kept as typed."""
    tokens = text.split()
    if not tokens:
        return {}
    if kind is Kind.UNLOCK_THING:
        return {ids.ICCID_BLOCK: " ".join(tokens)}
    if len(tokens) > _WORDS_LOOKED_AT:
        return {ids.ICCID_BLOCK: tokens[0], ids.IMEI_BLOCK: " ".join(tokens[1:])}
    halves = [(" ".join(tokens[:at]), " ".join(tokens[at:])) for at in range(1, len(tokens))]
    for good in (Valid, Proposal):
        for left, right in halves:
            for iccid, imei in ((left, right), (right, left)):
                if isinstance(parse_iccid(iccid), Valid) and isinstance(parse_imei(imei), good):
                    return {ids.ICCID_BLOCK: iccid, ids.IMEI_BLOCK: imei}
    if isinstance(parse_iccid(text), Valid):
        return {ids.ICCID_BLOCK: " ".join(tokens)}
    return {ids.ICCID_BLOCK: tokens[0], ids.IMEI_BLOCK: " ".join(tokens[1:])}


def split_group_arguments(text: str) -> tuple[str, str]:
    """`[group] [TAC]`: names have spaces in them, so the TAC is what looks like one at either end."""
    tokens = text.split()
    if len(tokens) > _WORDS_LOOKED_AT:
        return " ".join(tokens), ""
    for at in range(len(tokens)):
        if _is_a_tac(tokens[at:]):
            return " ".join(tokens[:at]), " ".join(tokens[at:])
    for at in range(len(tokens) - 1, 0, -1):
        if _is_a_tac(tokens[:at]):
            return " ".join(tokens[at:]), " ".join(tokens[:at])
    if len(tokens) > 1 and _TAC_LIKE.fullmatch(tokens[-1]):
        return " ".join(tokens[:-1]), tokens[-1]
    return " ".join(tokens), ""


def _is_a_tac(tokens: list[str]) -> bool:
    """Digits, in groups or not, that are a TAC or the beginning of one more click."""
    whole = " ".join(tokens)
    digits_only = bool(_IN_DIGITS.fullmatch(whole))
    return digits_only and isinstance(parse_tac(whole), Valid | Proposal)
