"""ICCIDs, IMEIs and TACs in whatever people write: tickets, tables, JSON, quoted mail.

Nothing is repaired or completed: a `Mention` is a place in the text that a person is offered. The label
before a number decides, else its digits: beginning, length, check digit. A TAC is only believed where it is
labelled, since any date has eight digits too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bot.domain import number_labels as labels
from bot.domain.identifier_text import compact, visible
from bot.domain.identifiers import (
    Iccid,
    Imei,
    Proposal,
    Rejection,
    Tac,
    Valid,
    is_known_body,
    luhn_digit,
    parse_iccid,
    parse_imei,
    parse_tac,
)
from bot.domain.number_labels import NumberKind

READ_AT_MOST = 20_000
"""Characters of a text: five times what Slack lets a person write."""
LONGEST_NUMBER = 22
GROUPS_AT_MOST = 14
JOINED_AT_MOST = 1_000
"""Groups of digits in a text: with more, only those that are whole numbers by themselves are looked at."""
_RUN = re.compile(r"\d+(?:[ ./-]{1,3}\d+)*")
_GROUP = re.compile(r"\d+")
_MARKS = re.compile(r"[*~`]")
_PADDING = re.compile(r"[Ff]{1,2}(?![0-9A-Za-z])")
_IMEI_SHAPES = frozenset(
    {(2, 6, 6, 1), (6, 2, 6, 1), (8, 6, 1), (8, 7), (6, 2, 7), (2, 6, 7), (2, 4, 2, 6, 1), (3,) * 5, (5,) * 3}
    | {(4, 4, 4, 3), (2, 2, 2, 2, 2, 2, 2, 1)}
)
"""How people group the digits of an IMEI. Other groups that happen to add up are something else."""

Reading = Valid[Iccid] | Valid[Imei] | Valid[Tac] | Proposal[Imei] | Proposal[Tac] | Rejection


class Certainty(StrEnum):
    """What speaks for it."""

    LABELLED = "labelled"
    """The text says so."""
    FITTING = "fitting"
    """No label, but length, beginning and check digit are right."""
    LIKELY = "likely"
    """It only looks like one."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A number that a text mentions. `text` is as typed, fit for the field of its kind."""

    kind: NumberKind
    text: str
    certainty: Certainty
    reading: Reading
    """What the parser of that kind makes of it; never rejected where the certainty is `FITTING`."""

    @property
    def key(self) -> str:
        """Its digits without what may stand between them: two mentions of one number agree in it."""
        return self.reading.value.digits if isinstance(self.reading, Valid) else compact(self.text)

    def __repr__(self) -> str:
        return f"Mention({self.kind}, …{compact(self.text)[-4:]}, {self.certainty})"


def numbers_in(text: str) -> tuple[Mention, ...]:
    """All that the text mentions, in its order, each number once. Never raises.

    Telephone numbers, times, addresses and what is labelled as something else are left out.
    """
    tabled = labels.with_table_labels(labels.with_paired_labels(_without_marks(text[:READ_AT_MOST])))
    plain = labels.without_lookalikes(tabled)
    found: dict[tuple[NumberKind, str], Mention] = {}
    for mention in _mentions(plain):
        known = found.get((mention.kind, mention.key))
        if known is None or (mention.certainty is Certainty.LABELLED is not known.certainty):
            found[mention.kind, mention.key] = mention
    return tuple(found.values())


def _without_marks(text: str) -> str:
    """One kind of line end, no marks of bold, italics or code, nothing that can't be seen."""
    lines = "\n".join(visible(text).splitlines())
    return _MARKS.sub("", lines).replace("_", " ")


def _mentions(text: str) -> Iterator[Mention]:
    said = labels.labels_in(text)
    joining = len(_GROUP.findall(text)) <= JOINED_AT_MOST
    listed: tuple[int, NumberKind | None] = (0, None)
    for run in _RUN.finditer(text):
        label = said.before(run.start())
        end, kind = listed
        if label is None and kind is NumberKind.TAC and labels.is_list_glue(text[end : run.start()]):
            label = labels.Label(kind)
        if label is None and labels.is_in_address(text, run.start()):
            label = labels.SERIAL
        listed = (run.end(), label.kind if label else None)
        if labels.goes_on(text, run.end()) or (label is None and labels.begins_elsewhere(text, run.start())):
            continue
        yield from _Run(text, run.start(), run.end(), label, joining).mentions()


@dataclass(slots=True)
class _Run:
    """Groups of digits with nothing but separators between them: one number, several, or none."""

    text: str
    start: int
    end: int
    label: labels.Label | None
    joining: bool
    """Whether groups may make up a number together."""

    def mentions(self) -> list[Mention]:
        """The readings that cover most digits, the better founded first."""
        groups = [(g.start(), g.end()) for g in _GROUP.finditer(self.text, self.start, self.end)]
        if self._is_eid(groups):
            return []
        best: list[tuple[int, list[Mention]]] = [(0, [])] * (len(groups) + 1)
        for i in reversed(range(len(groups))):
            best[i] = best[i + 1]
            for j in _ends(groups, i, GROUPS_AT_MOST if self.joining else 1):
                mention = self._judged(groups[i:j], first=i == 0)
                if mention is not None:
                    worth = _worth(mention) + best[j][0]
                    if worth > best[i][0]:
                        best[i] = (worth, [mention, *best[j][1]])
        return best[0][1]

    def _is_eid(self, groups: list[tuple[int, int]]) -> bool:
        """An eUICC's number begins with 89 as well, but has 32 digits."""
        return sum(end - start for start, end in groups) == 32 and self.text.startswith("89", self.start)

    def _judged(self, groups: list[tuple[int, int]], *, first: bool) -> Mention | None:
        start, end = groups[0][0], groups[-1][1]
        text = self.text[start:end]
        shape = tuple(last - begin for begin, last in groups)
        if end == self.end and (padding := _PADDING.match(self.text, end)):
            text += padding[0]
        label = self.label if first else None
        if label and label.kind and (labelled := _as_labelled(label.kind, text)):
            return labelled
        alone = len(shape) == 1 or (first and end == self.end)
        found = _by_digits(text, shape, alone=alone)
        if self.label and self.label.kind is None and (first or len(shape) > 1):
            is_iccid = found is not None and found.kind is NumberKind.ICCID
            return found if self.label.maybe_iccid and is_iccid else None
        return found


def _ends(groups: list[tuple[int, int]], i: int, most: int) -> Iterator[int]:
    """Where a number that begins with group `i` may end: whole groups, and no more digits than any has."""
    digits = 0
    for j in range(i, min(len(groups), i + most)):
        digits += groups[j][1] - groups[j][0]
        if digits > LONGEST_NUMBER:
            return
        if digits >= 8:
            yield j + 1


def _worth(mention: Mention) -> int:
    """More digits explained is better, by a label or a check digit better still, in fewer numbers best."""
    weight = {Certainty.LABELLED: 4, Certainty.FITTING: 3, Certainty.LIKELY: 1}[mention.certainty]
    match mention.reading:
        case Rejection():
            accepted = 0
        case Valid(warnings=[_, *_]):
            accepted = 1
        case _:
            accepted = 2
    return (weight + accepted) * len(compact(mention.text)) - 1


def _as_labelled(kind: NumberKind, text: str) -> Mention | None:
    """What the label says, as far as the digits can be that at all; a wrong one is explained in the form."""
    digits = compact(text).rstrip("Ff")
    fits = {
        NumberKind.ICCID: 16 <= len(digits) <= 22 and digits.startswith("89"),
        NumberKind.IMEI: 13 <= len(digits) <= 17 and not (len(digits) == 17 and digits.startswith("89")),
        NumberKind.TAC: len(digits) == 8 or 14 <= len(digits) <= 17,
    }
    if not fits[kind]:
        return None
    reading = _read(kind, text)
    return Mention(kind, text, Certainty.LABELLED, reading)


def _read(kind: NumberKind, text: str) -> Reading:
    match kind:
        case NumberKind.ICCID:
            return parse_iccid(text)
        case NumberKind.IMEI:
            return parse_imei(text)
        case NumberKind.TAC:
            return parse_tac(text)


def _by_digits(text: str, shape: tuple[int, ...], *, alone: bool) -> Mention | None:
    """What a number without a label can be. `alone`: no other digits are joined to it."""
    digits = compact(text).rstrip("Ff")
    right = luhn_digit(digits[:-1]) == digits[-1]
    if digits.startswith("89") and 18 <= len(digits) <= 20:
        return _unlabelled(NumberKind.ICCID, text, fits=right) if right or alone else None
    if not is_known_body(digits) or not _is_grouped_like_an_imei(text, shape):
        return None
    if len(digits) == 15:
        return _unlabelled(NumberKind.IMEI, text, fits=right)
    if len(digits) == 17 and isinstance(parse_imei(text), Valid):
        return _unlabelled(NumberKind.IMEI, text, fits=True)
    if len(digits) == 14 and not labels.is_a_time(digits):
        return _unlabelled(NumberKind.IMEI, text, fits=False)
    return None


def _unlabelled(kind: NumberKind, text: str, *, fits: bool) -> Mention:
    """It fits only where the parser agrees: one digit repeated throughout has a right check digit too."""
    reading = _read(kind, text)
    certain = fits and isinstance(reading, Valid)
    return Mention(kind, text, Certainty.FITTING if certain else Certainty.LIKELY, reading)


def _is_grouped_like_an_imei(text: str, shape: tuple[int, ...]) -> bool:
    if len(shape) > 1 and shape[-1] == 2 and "/" in text:
        shape = shape[:-1]  # the software version, as phones show it
    whole = len(shape) == 1
    without_check_digit = (*shape, 1) in _IMEI_SHAPES and sum(shape) == 14
    return whole or shape in _IMEI_SHAPES or without_check_digit
