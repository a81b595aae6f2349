"""What was typed → a change, or what is wrong with it. Digit checks only: no waiting, no vendor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.changes import Change, Kind, LockThing, UnlockThing
from bot.domain.identifiers import (
    Iccid,
    Imei,
    Proposal,
    Rejection,
    Valid,
    group_imei,
    parse_iccid,
    parse_imei,
)
from bot.slack import blocks as b
from bot.slack import forms, ids
from bot.slack.form_state import Form


@dataclass(frozen=True, slots=True)
class Read:
    """What the fields say: a change, or what is wrong under which field."""

    change: Change | None
    errors: Mapping[str, str]
    proposals: Mapping[str, list[b.Block]]
    remarks: Mapping[str, tuple[str, ...]]
    """What was left out of a number that is good, and what to look at in it, by field."""

    def all_remarks(self) -> tuple[str, ...]:
        """Those of every field, in order."""
        return tuple(sentence for said in self.remarks.values() for sentence in said)


def read_fields(shown: Form, typed: Mapping[str, str]) -> Read:
    """Digit checks only: instant, so that they answer beside the field."""
    errors: dict[str, str] = {}
    proposals: dict[str, list[b.Block]] = {}
    remarks: dict[str, tuple[str, ...]] = {}
    iccid = parse_iccid(typed.get(ids.ICCID_BLOCK, ""))
    if isinstance(iccid, Rejection):
        errors[ids.ICCID_BLOCK] = iccid.why
    else:
        remarks[ids.ICCID_BLOCK] = iccid.notes + iccid.warnings
    change: Change | None = None
    if shown.kind is Kind.LOCK_THING:
        imei = _parse_imei(shown, typed, iccid)
        if not isinstance(imei, Valid):
            errors[ids.IMEI_BLOCK], proposals[ids.IMEI_BLOCK] = _not_yet(imei)
        else:
            remarks[ids.IMEI_BLOCK] = imei.notes + imei.warnings
            if isinstance(iccid, Valid):
                change = LockThing(iccid.value, imei.value)
    elif typed.get(ids.KEEP_BLOCK) not in forms.KEEP_TEXTS:
        errors[ids.KEEP_BLOCK] = "Choose whether the stored IMEI is kept or cleared."
    elif isinstance(iccid, Valid):
        change = UnlockThing(iccid.value, keep=typed[ids.KEEP_BLOCK] == "keep")
    return Read(None if errors else change, errors, {k: v for k, v in proposals.items() if v}, remarks)


def _parse_imei(
    shown: Form, typed: Mapping[str, str], iccid: Valid[Iccid] | Rejection
) -> Valid[Imei] | Proposal[Imei] | Rejection:
    """The last-seen IMEI that a look-up found counts only for the very Thing that it was found on."""
    same_thing = isinstance(iccid, Valid) and iccid.value.digits == shown.looked_up
    return parse_imei(typed.get(ids.IMEI_BLOCK, ""), last_seen=shown.last_seen if same_thing else "")


def _not_yet(imei: Proposal[Imei] | Rejection) -> tuple[str, list[b.Block]]:
    """The sentence beside the field, and for a proposal the button under it."""
    if isinstance(imei, Rejection):
        return imei.why, []
    digits = imei.value.digits
    shown = group_imei(digits)
    button = forms.proposal(f"{imei.why} Is it {shown}?", shown, ids.TAKE_IMEI, digits)
    return f"{imei.why} Did you mean {shown}? Press the button below.", button


def split_arguments(text: str, kind: Kind) -> dict[str, str]:
    """`[ICCID] [IMEI]` as people type them: in groups or not, in either order; else kept as typed."""
    tokens = text.split()
    if not tokens:
        return {}
    if kind is Kind.UNLOCK_THING:
        return {ids.ICCID_BLOCK: " ".join(tokens)}
    halves = [(" ".join(tokens[:at]), " ".join(tokens[at:])) for at in range(1, len(tokens))]
    for good in (Valid, Proposal):
        for left, right in halves:
            for iccid, imei in ((left, right), (right, left)):
                if isinstance(parse_iccid(iccid), Valid) and isinstance(parse_imei(imei), good):
                    return {ids.ICCID_BLOCK: iccid, ids.IMEI_BLOCK: imei}
    if isinstance(parse_iccid(text), Valid):
        return {ids.ICCID_BLOCK: " ".join(tokens)}
    return {ids.ICCID_BLOCK: tokens[0], ids.IMEI_BLOCK: " ".join(tokens[1:])}
