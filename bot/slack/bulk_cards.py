"""The card of a bulk from its approval on: how far it has come, and how it ended. Pure builders."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.requests import OPEN, ChangeRequest, Status
from bot.domain.tallies import Run, Tally
from bot.domain.undo import bulk_can_be_undone
from bot.slack import blocks as b
from bot.slack import ids
from bot.slack.cards import HEADLINES, Drawn, chain
from bot.slack.locks import Rows

BAR = 20
"""Characters of the bar."""
LEAST_SECONDS = 3.0
"""Of a shorter run a rate tells nothing."""
STEERED = frozenset({Status.APPLYING, Status.PAUSED})


def draw_progress(request: ChangeRequest, tally: Tally, run: Run, now: datetime, note: str = "") -> Drawn:
    """The whole card of a bulk that was approved. Its buttons are on the twin too: a brake is within reach
    of everybody who may use it."""
    said = headline(request.status, tally)
    drawn = [b.section(f"{HEADLINES[request.status]} *{said}*")]
    if request.status in STEERED or request.status is Status.APPROVED:
        drawn.append(b.section(_bar(tally)))
    drawn.append(b.facts(_rows(request, tally, run, now)))
    if request.note:
        drawn.append(b.section(b.escape(request.note, 900)))
    drawn.append(b.quote("Reason", request.reason or "none given"))
    drawn.append(b.context(_people(request)))
    if note:
        drawn.append(b.context(note))
    if request.status in STEERED:
        drawn.append(_buttons(request, tally))
    elif afterwards := _afterwards(request, tally):
        drawn.append(b.actions(*afterwards, block_id="steering"))
    return Drawn(f"{said} ({b.escape(request.seen.target.title, 80)})", drawn)


def headline(status: Status, tally: Tally) -> str:
    """What there is to know first."""
    well, total = f"{tally.well:,}", f"{tally.total:,}"
    match status:
        case Status.APPROVED | Status.APPLYING:
            return f"Being applied: {tally.ended:,} of {total} SIMs"
        case Status.PAUSED:
            return f"Paused after {tally.ended:,} of {total} SIMs; nothing more is sent"
        case Status.UNCONFIRMED:
            return f"Not known yet of {tally.unconfirmed:,} of {total} SIMs"
        case Status.SUCCEEDED:
            return f"Done: all {total} SIMs are as asked" if tally.total > 1 else "Done: the SIM is as asked"
        case Status.PARTLY_FAILED:
            return f"Partly applied: {well} of {total} SIMs are as asked"
        case Status.FAILED if tally.conflict:
            return f"Not applied; {tally.conflict:,} of {total} SIMs were changed by somebody else"
        case Status.FAILED if tally.unknown:
            return f"Not changed, as far as is known; unclear of {tally.unknown:,} of {total} SIMs"
        case Status.CANCELLED:
            return "Cancelled; nothing was changed"
        case _:
            return "Not changed"


def left_over(number: int) -> str:
    """How many SIMs are left, as a sentence begins."""
    if number == 1:
        return "1 SIM is left"
    return f"{number:,} SIMs are left" if number else "No SIM is left"


def shares(tally: Tally) -> list[tuple[str, int]]:
    """What became of the rows, in few words; only what there is, but for what everybody looks for."""
    always = [("done", tally.done), ("already so", tally.already)]
    seldom = [
        ("failed", tally.failed),
        ("outdated", tally.outdated),
        ("changed elsewhere", tally.conflict),
        ("not known yet", tally.unconfirmed),
        ("never known", tally.unknown),
        ("cancelled", tally.cancelled),
    ]
    return always + [(label, number) for label, number in seldom if number or label == "failed"]


def _rows(request: ChangeRequest, tally: Tally, run: Run, now: datetime) -> Rows:
    numbers = shares(tally)
    under_way = request.status in STEERED or request.status is Status.APPROVED
    if under_way:
        numbers.append(("left", tally.left))
    width = max(len(f"{number:,}") for _, number in [*numbers, ("", tally.total)])
    rows = [("file", request.seen.target.title)]
    rows += [(label, f"{number:,}".rjust(width)) for label, number in numbers]
    return rows + (_pace(tally, run, now) if request.status is Status.APPLYING else [])


def _pace(tally: Tally, run: Run, now: datetime) -> Rows:
    seconds = (now - run.since).total_seconds()
    if seconds < LEAST_SECONDS or run.ended <= 0:
        return []
    rate = run.ended / seconds
    return [("rate", _rate(rate)), ("time left", about(timedelta(seconds=tally.left / rate)))]


def _rate(rate: float) -> str:
    return f"{rate:.0f} a second" if rate >= 10 else f"{rate * 60:.0f} a minute"


def about(wait: timedelta) -> str:
    """A length of time, roughly."""
    minutes = round(wait.total_seconds() / 60)
    if wait < timedelta(seconds=90):
        return f"about {max(5, round(wait.total_seconds() / 5) * 5)} s"
    return f"about {minutes} min" if minutes < 90 else f"about {round(minutes / 60)} h"


def _bar(tally: Tally) -> str:
    """Full only when everything is."""
    over = tally.total - tally.left
    full = BAR * over // tally.total if tally.total else BAR
    percent = 100 * over // tally.total if tally.total else 100
    return f"`{'█' * full}{'░' * (BAR - full)}` {percent} %"


def _people(request: ChangeRequest) -> str:
    asked = f"Asked by {b.mention(request.requester.user_id)} {b.moment(request.created_at)}"
    approvals = b.mentions(a.person.user_id for a in request.approvals)
    approved = f" · approved by {approvals}" if approvals else ""
    open_until = request.apply_before if request.status in STEERED else None
    until = f" · nothing is sent after {b.moment(open_until)}" if open_until else ""
    return f"{asked} · request `{request.id}`{approved}{until}{chain(request)}"


def _afterwards(request: ChangeRequest, tally: Tally) -> list[b.Block]:
    """What can be asked for once it has ended."""
    buttons: list[b.Block] = []
    if request.status in OPEN:
        return buttons
    if failed := tally.outdated + tally.conflict + tally.failed:
        those = "failed one" if failed == 1 else f"{failed:,} failed ones"
        value = f"{request.id}.{request.fingerprint}"
        buttons.append(b.button(f"Ask again for the {those}", ids.ASK_AGAIN, value))
    if bulk_can_be_undone(request, tally.done):
        buttons.append(b.button("Undo", ids.UNDO, request.id))
    return buttons


def _buttons(request: ChangeRequest, tally: Tally) -> b.Block:
    value = f"{request.id}.{request.fingerprint}"
    rest = f"{left_over(tally.unsent)} as they are. What was sent comes to its end."
    cancel = b.button(
        "Cancel the rest",
        ids.CANCEL_REST,
        value,
        style="danger",
        sure=b.sure("Cancel the rest?", rest, "Cancel the rest"),
    )
    if request.status is Status.APPLYING:
        return b.actions(b.button("Pause", ids.PAUSE, value), cancel, block_id="steering")
    again = f"{left_over(tally.unsent)}. The first ones go one by one again."
    resume = b.button("Resume", ids.RESUME, value, style="primary", sure=b.sure("Go on?", again, "Resume"))
    return b.actions(resume, cancel, block_id="steering")
