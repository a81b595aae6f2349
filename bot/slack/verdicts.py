"""Whom a change hurts, in words: the verdict on a card, and what explains it."""

from __future__ import annotations

from bot.domain.changes import GroupChange, doubts, wanted
from bot.domain.identifiers import group_imei
from bot.domain.impact import Finding, SeenThing, Verdict
from bot.domain.requests import ChangeRequest
from bot.domain.things import GroupLock
from bot.slack import blocks as b
from bot.slack.census_block import sums

ALREADY_SO = "Somebody has done the same elsewhere meanwhile: approving would change nothing."


def impact(request: ChangeRequest) -> str:
    """The paragraph of a card that says whom it hurts, and why."""
    lines = [f"• {line}" for finding in request.impact.findings if (line := _finding(finding, request))]
    last_seen = request.seen.thing.last_seen_imei if isinstance(request.seen, SeenThing) else ""
    odd = doubts(request.single, last_seen)
    lines += [f"• ⚠️ {b.escape(sentence, 300)}" for sentence in odd]
    return "\n".join([f"*Impact:* {verdict(request)}", *lines])


def verdict(request: ChangeRequest) -> str:
    """What happens to the device in use, or to the protection, in one sentence."""
    if (counted := sums(request)) and request.impact.counts is not None:
        return f"*{counted}.*" if request.impact.affected else f"{counted}."
    after = wanted(request.single, request.before)
    if not after.imei_lock:
        return _unlock_verdict(request)
    if isinstance(after, GroupLock):
        return f"*every SIM of this group in a device outside TAC {after.tac} loses service.*"
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
    if isinstance(request.change, GroupChange):
        if request.impact.verdict is Verdict.KEEPS:
            return "the group is not locked, so no protection is lost."
        return f"*its SIMs lose the group's protection:* they will work in {any_device(request)}."
    if request.impact.verdict is not Verdict.KEEPS:
        return f"*the SIM loses its protection:* it will work in {any_device(request)}."
    if Finding.GROUP_ALSO_LOCKS in request.impact.findings:
        return "the SIM has no lock of its own to lose."
    return "the SIM is not locked, so no protection is lost."


def _finding(finding: Finding, request: ChangeRequest) -> str:
    if isinstance(request.seen, SeenThing):
        return _thing_finding(finding, request.seen)
    lines = {
        Finding.NUMBER_UNKNOWN: "How many SIMs that is is not known: it counts as many.",
        Finding.OWN_LOCKS: "SIMs of the group may have locks of their own, which stay. "
        "Which of the two locks wins is not documented.",
        Finding.ALREADY_SO: ALREADY_SO,
    }
    return lines.get(finding, "")


def _thing_finding(finding: Finding, seen: SeenThing) -> str:
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
        Finding.GROUP_REQUEST_OPEN: f"A request on its group is open too: `{b.escape(seen.group_request)}`.",
        Finding.ALREADY_SO: ALREADY_SO,
    }
    return lines.get(finding, "")


def any_device(request: ChangeRequest) -> str:
    """Which devices an unlocked SIM works in: its group's lock is not touched."""
    if Finding.GROUP_ALSO_LOCKS in request.impact.findings:
        return "any device that the group's lock allows"
    if isinstance(request.change, GroupChange):
        return "any device that their own locks allow"
    return "any device"
