"""What is said of a bulk's row besides the vendor's answer: other requests, other SIMs, other lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.domain.changes import LockThing, RestoreThing, ThingChange
from bot.domain.impact import SeenThing
from bot.domain.plans import RowVerdict
from bot.domain.things import Thing
from bot.domain.undo import judge_undo, never_sent
from bot.services.bulk_ports import Repeated, Surroundings
from bot.services.outcomes import lock_text


def with_surroundings(seen: SeenThing, change: ThingChange, around: Surroundings) -> SeenThing:
    """With the other Things that the device is known from: by the inventory and our own records alone."""
    holder = around.holders.get(seen.thing.things_group_id or "", "")
    if not isinstance(change, LockThing):
        return replace(seen, group_request=holder)
    device, own = change.imei.device, seen.thing.thing_id
    elsewhere = tuple(name for thing_id, name in around.last_seen.get(device, ()) if thing_id != own)
    locked = tuple(name for thing_id, name in around.locked.get(device, ()) if thing_id != own)
    return replace(seen, elsewhere=elsewhere, locked_elsewhere=locked, group_request=holder)


def is_held(thing: Thing, around: Surroundings) -> str:
    """Why the row has to wait for another request, "" where it needn't."""
    for what, held in (("SIM", thing.thing_id), ("SIM's group", thing.things_group_id or "")):
        if holder := around.holders.get(held):
            return f"Another request on this {what} is still open: {holder}."
    return ""


def undo_verdict(change: RestoreThing, thing: Thing, around: Surroundings) -> tuple[RowVerdict, str]:
    """Whether this Thing may be put back, and why not: what is there now."""
    left = around.left.get(thing.thing_id)
    match judge_undo(change, thing.lock, left):
        case RowVerdict.REFUSED:
            return RowVerdict.REFUSED, never_sent(change, change.lock, "Before the bulk that is to be undone")
        case RowVerdict.LOOK if left is None:
            return RowVerdict.LOOK, "The bulk that is to be undone has not changed this SIM."
        case RowVerdict.LOOK if left is not None:
            return RowVerdict.LOOK, (
                f"Touched since: now {lock_text(thing.lock)}; the bulk had left it {lock_text(left)}. "
                "Ask for what it should be instead."
            )
        case verdict:
            return verdict, ""


def repeat_reasons(repeats: Iterable[Repeated]) -> dict[int, str]:
    """For each row that asks for what another one asks for: which lines they are."""
    said = {
        "ICCID": "ICCID: the same SIM is in line {lines} too. Keep one of the rows.",
        "IMEI": "IMEI: the same device is in line {lines} too, for another SIM. Correct one of them.",
    }
    reasons: dict[int, str] = {}
    for repeated in repeats:
        for position, line in repeated.rows:
            others = [str(other) for _, other in repeated.rows if other != line][:3]
            reasons.setdefault(position, said[repeated.what].format(lines=", ".join(others)))
    return reasons
