"""Whom a change hurts, in words: the verdict on a card, and what explains it."""

from __future__ import annotations

from bot.domain.changes import LockThing, doubts
from bot.domain.identifiers import group_imei
from bot.domain.impact import Finding, Verdict
from bot.domain.requests import ChangeRequest
from bot.slack import blocks as b


def impact(request: ChangeRequest) -> str:
    """The paragraph of a card that says whom it hurts, and why."""
    lines = [f"• {line}" for finding in request.impact.findings if (line := _finding(finding, request))]
    odd = doubts(request.change, request.seen.thing.last_seen_imei)
    lines += [f"• ⚠️ {b.escape(sentence, 300)}" for sentence in odd]
    return "\n".join([f"*Impact:* {verdict(request)}", *lines])


def verdict(request: ChangeRequest) -> str:
    """What happens to the device in use, or to the protection, in one sentence."""
    if not isinstance(request.change, LockThing):
        return _unlock_verdict(request)
    match request.impact.verdict:
        case Verdict.KEEPS:
            return "the device in use keeps service."
        case Verdict.LOSES:
            return "*the device in use loses service.*"
        case Verdict.UNKNOWN if Finding.NEVER_SEEN in request.impact.findings:
            return "*unknown:* there is no device to compare the IMEI with."
        case Verdict.UNKNOWN:
            return "*unknown:* the device in use may lose service."


def _unlock_verdict(request: ChangeRequest) -> str:
    if request.impact.verdict is not Verdict.KEEPS:
        return f"*the SIM loses its protection:* it will work in {any_device(request)}."
    if Finding.GROUP_ALSO_LOCKS in request.impact.findings:
        return "the SIM has no lock of its own to lose."
    return "the SIM is not locked, so no protection is lost."


def _finding(finding: Finding, request: ChangeRequest) -> str:
    seen = request.seen
    thing = seen.thing
    when = b.age(thing.last_seen_at, seen.read_at)
    last = group_imei(thing.last_seen_imei)
    elsewhere = b.escape(", ".join((seen.elsewhere or ())[:5]), 200)
    ours = b.escape(", ".join(seen.locked_elsewhere[:5]), 200)
    tac = seen.group.tac if seen.group else ""
    lines = {
        Finding.SAME_DEVICE: f"Last seen in this very device, {when}.",
        Finding.OTHER_DEVICE: f"Last seen in *another* device: {last}, {when}.",
        Finding.NEVER_SEEN: "Never seen in any device, so nothing confirms the IMEI.",
        Finding.ZEROS: "The carrier reports no IMEI (zeros): even a correct lock may never match.",
        Finding.SEEN_ELSEWHERE: f"This IMEI was last seen on *another* SIM: {elsewhere}.",
        Finding.LOCKED_ELSEWHERE: f"Another SIM is locked to this IMEI: {ours}.",
        Finding.ELSEWHERE_UNKNOWN: "Whether another SIM uses this IMEI could not be read.",
        Finding.GROUP_CONTRADICTS: f"The group is locked to TAC {b.escape(tac or '(none)')}, which this IMEI "
        "is outside of. Which lock wins is not documented.",
        Finding.GROUP_ALSO_LOCKS: f"The group's own lock (TAC {b.escape(tac or '(none)')}) stays in force.",
        Finding.GROUP_UNREADABLE: "The group could not be read, so its lock is unknown.",
        Finding.NOT_ACTIVE: f"The SIM is {b.escape(thing.state)}, not active.",
        Finding.ONLINE_NOW: "It is online right now.",
        Finding.ALREADY_SO: "Somebody has done the same elsewhere meanwhile: approving would change nothing.",
    }
    return lines.get(finding, "")


def any_device(request: ChangeRequest) -> str:
    """Which devices an unlocked SIM works in: its group's lock is not touched."""
    if Finding.GROUP_ALSO_LOCKS in request.impact.findings:
        return "any device that the group's lock allows"
    return "any device"
