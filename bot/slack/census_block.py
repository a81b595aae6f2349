"""A group's count on a card: aligned numbers with a bar each, no wider than a phone."""

from __future__ import annotations

from bot.domain.census import Census, Standing
from bot.domain.changes import GroupChange, wanted
from bot.domain.identifiers import group_imei
from bot.domain.impact import SeenGroup
from bot.domain.requests import ChangeRequest
from bot.slack import blocks as b

BAR = 16
"""Characters of the longest bar: label, number and bar together fit a phone."""
LABEL, NUMBER = 14, 9
NAME_LIMIT = 60


def census_of(request: ChangeRequest) -> Census | None:
    """The count of a group's request, None where there is none."""
    return request.seen.census if isinstance(request.seen, SeenGroup) else None


def census_blocks(request: ChangeRequest) -> list[b.Block]:
    """Who keeps service, who loses it, of whom it can't be known; which devices are in use."""
    census = census_of(request)
    if census is None:
        return []
    tables = [_preformatted(_standings(census, locks=is_lock(request)))]
    if census.tacs:
        tables.append(_preformatted(_devices(census)))
    said = "\n".join(f"• {line}" for line in _remarks(census, locks=is_lock(request)))
    blocks: list[b.Block] = [{"type": "rich_text", "elements": tables}]
    return [*blocks, b.section(said)] if said else blocks


def is_lock(request: ChangeRequest) -> bool:
    """Whether the group is locked afterwards."""
    if not isinstance(request.change, GroupChange):
        return False
    return wanted(request.change, request.before).imei_lock


def sums(request: ChangeRequest) -> str:
    """The count in a few words, plain text: "37 of 2,000 lose service, 12 unknown"; "" without one."""
    census = census_of(request)
    if census is None:
        return ""
    what = "service" if is_lock(request) else "protection"
    lose = f"{census.loses:,} of {census.things:,} lose {what}"
    unknown = f", {census.unknown:,} unknown" if census.unknown else ""
    if not census.things and not census.is_complete:
        return "not known: no SIM of the group could be read"
    return lose + unknown + ("" if census.is_complete else "; not all could be read")


def short_sums(request: ChangeRequest) -> str:
    """The same, for a line of a phone's width."""
    census = census_of(request)
    if census is None:
        return ""
    if not census.is_complete:
        return f"{census.things:,} read: {census.loses:,} lose, others not known"
    return f"{census.things:,}: {census.loses:,} lose, {census.unknown:,} unknown"


def _standings(census: Census, *, locks: bool) -> str:
    rows = [("keep service" if locks else "own lock stays", census.keeps)]
    rows.append(("LOSE service" if locks else "LOSE lock", census.loses))
    if locks:
        rows.append(("unknown", census.unknown))
    most = max((count for _, count in rows), default=0)
    lines = [_line("SIMs read" if not census.is_complete else "SIMs", census.things, 0)]
    lines += [_line(label, count, most) for label, count in rows]
    lines += [_line(f"  {label}", count, 0) for label, count in _unknown(census) if count]
    if not census.is_complete:
        lines.append(f"{'not read'.ljust(LABEL)}{'not known':>{NUMBER}}")
    if census.online is not None and census.loses and locks:
        lines.append(_line("lose, online", census.online, 0))
    return "\n".join(lines)


def _unknown(census: Census) -> list[tuple[str, int]]:
    return [
        ("own lock", census.of(Standing.CONTRADICTS)),
        ("never seen", census.of(Standing.NEVER_SEEN)),
        ("zeros", census.of(Standing.ZEROS)),
        ("unreadable", census.of(Standing.UNREADABLE)),
    ]


def _devices(census: Census) -> str:
    most = census.tacs[0][1]
    lines = ["Devices in use, by TAC"]
    lines += [_line(group_imei(tac), count, most) for tac, count in census.tacs]
    if census.other_tacs:
        lines.append(_line(f"{census.other_tacs:,} others", census.in_other_tacs, 0))
    return "\n".join(lines)


def _line(label: str, count: int, most: int) -> str:
    """Whatever is not 0 has a bar that can be seen."""
    bar = "█" * max(1, round(BAR * count / most)) if count and most else ""
    return f"{label.ljust(LABEL)}{count:>{NUMBER},}  {bar}".rstrip()


def _preformatted(text: str) -> b.Block:
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}


def _remarks(census: Census, *, locks: bool) -> list[str]:
    lines = []
    if census.losing and locks:
        names = ", ".join(b.escape(name, NAME_LIMIT) for name in census.losing)
        more = census.loses - len(census.losing)
        lines.append(f"Loses service: {names}" + (f" and {more:,} more" if more > 0 else ""))
    if contradicts := census.of(Standing.CONTRADICTS):
        lines.append(
            f"{contradicts:,} with a lock of their own to a device outside the range. "
            "Which of the two locks wins is not documented."
        )
    if census.things > census.own_locks_told:
        told = f"of {census.things - census.own_locks_told:,} SIMs" if census.own_locks_told else ""
        lines.append(f"Own locks are not in Monogoto's list{' ' + told if told else ''}.")
    elif census.own_locks:
        lines.append(f"{census.own_locks:,} have a lock of their own, which stays.")
    if census.online is None and census.loses and locks:
        lines.append("How many of those that lose service are online now was not counted.")
    if census.untold:
        lines.append(
            f"⚠️ Whether {census.untold:,} more {'SIM' if census.untold == 1 else 'SIMs'} of the account "
            f"{'is' if census.untold == 1 else 'are'} in this group is not known: it counts as many."
        )
    if census.given_up:
        lines.append(f"⚠️ {b.escape(census.given_up, 300)} It counts as many.")
    lines.append(
        f"Counted {b.moment(census.counted_at)} from readings since {b.moment(census.counted_from)}."
    )
    return lines
