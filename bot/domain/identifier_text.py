"""What people paste, brought to bare characters: labels, dashes and invisible marks go, faults are named.

Nothing here repairs a character: an O stays an O, so that `fault` can point at it.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 400
TWO_NUMBERS = 28
"""So many digits can't be one number."""

_TEL = re.compile(r"<tel:([^|>]*)(?:\|([^>]*))?>", re.IGNORECASE)
_LABEL = re.compile(
    r"\*#06#"
    r"|(?:https?://\S*?)?/thing/"
    r"|ThingId_ICCID_"
    r"|\bIMEI\s*SV\b(?:\s*[:=#])?"
    r"|\bIMEI(?:\s?[1-9]\s*[:=#]|[12](?!\d)|(?=[\d\W]|$))(?:\s*[:=#])?"
    r"|\b(?:ICCID|TAC)(?:(?=[\d\W]|$))(?:\s*[:=#])?",
    re.IGNORECASE,
)
_BREAK = "\n"
_BREAKS = re.compile(r"[\n\r\t\v\f\x85\u2028\u2029,;|&]|\band\b", re.IGNORECASE)
_DASHES_BY_ANOTHER_NAME = "−⁃˗"
_SPREADSHEET = re.compile(r"\d+(?:[.,]\d+)?E[+-]?\d+|\d+\.0+", re.IGNORECASE)
_LOOKALIKES = {
    **dict.fromkeys("OoQD", "0"),
    **dict.fromkeys("lIi", "1"),
    "Z": "2",
    "S": "5",
    "G": "6",
    "B": "8",
}


def pieces(text: str) -> tuple[str, ...]:
    """The parts of a text that labels, commas or line ends hold apart, without invisible marks."""
    plain = _TEL.sub(lambda m: m[2] or m[1], visible(text).replace("`", ""))
    parts = _BREAKS.split(_LABEL.sub(_BREAK, plain))
    return tuple(part for part in (p.strip(" \u00a0'\"‘’“”()[].:-") for p in parts) if part)


def visible(text: str) -> str:
    """In its plainest characters: no invisible marks, one kind of dash, digits and letters of usual width."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join("-" if _is_dash(c) else c for c in plain if unicodedata.category(c) != "Cf")


def compact(piece: str) -> str:
    """Without what may stand between groups of digits: spaces, dashes, slashes, dots."""
    if are_digits(piece):
        return piece
    return "".join(c for c in piece if not (c.isspace() or c in "-/."))


def groups(piece: str) -> tuple[int, ...]:
    """How many characters stand between one separator and the next."""
    return tuple(len(group) for group in re.split(r"[\s\-/.]+", piece) if group)


def are_digits(text: str) -> bool:
    """Whether there is nothing but 0 to 9, and at least one of them."""
    return text.isascii() and text.isdigit()


def digits_in(text: str) -> int:
    """How many characters 0 to 9 a text has."""
    return sum(c in "0123456789" for c in text)


def looks_mangled(piece: str) -> bool:
    """Whether a spreadsheet turned the number into `4.90154E+14` or `….0`."""
    return _SPREADSHEET.fullmatch(re.sub(r"\s", "", piece)) is not None


def holds_two_numbers(parts: tuple[str, ...], *, whole: int) -> bool:
    """Whether these pieces are more than one number, where `whole` digits can stand for themselves."""
    if sum(digits_in(part) >= 3 for part in parts) > 1:
        return True
    joined = " ".join(parts)
    words = sorted((digits_in(word) for word in joined.split()), reverse=True)
    if len(words) > 1 and (words[1] >= whole or (words[0] >= 14 and words[1] >= 3)):
        return True
    return digits_in(joined) >= TWO_NUMBERS or _is_said_twice(groups(joined), whole)


def fault(characters: str) -> str:
    """One sentence that points at the first character that is no digit."""
    for position, character in enumerate(characters, start=1):
        if character not in "0123456789":
            return f"Character {position} is {_named(character)}. Enter the digits as they are printed."
    return ""


def _is_said_twice(lengths: tuple[int, ...], whole: int) -> bool:
    """Two TACs side by side look like one IMEI with its software version, but for their grouping."""
    half = len(lengths) // 2
    return half > 0 and lengths[:half] == lengths[half:] and sum(lengths[:half]) == whole


def _is_dash(character: str) -> bool:
    return unicodedata.category(character) == "Pd" or character in _DASHES_BY_ANOTHER_NAME


def _named(character: str) -> str:
    if character in _LOOKALIKES:
        return f"the letter {character}, not the digit {_LOOKALIKES[character]}"
    if character.isalpha():
        return f"the letter {character}, not a digit"
    if character.isdigit():
        return f"a digit of another script ({character}); only 0 to 9 can be used"
    if character.isprintable():
        return f'"{character}", not a digit'
    return f"an unprintable character (U+{ord(character):04X}), not a digit"
