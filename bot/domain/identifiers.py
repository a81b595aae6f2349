"""ICCID, IMEI and TAC: what is accepted, what is offered for a click, what is refused and why.

Nothing is completed or repaired silently: `Valid` is what was entered, `Proposal` waits for a person.
The values themselves are in `identifier_values`, and can be imported from here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.domain import identifier_text as texts
from bot.domain.identifier_values import (
    Iccid,
    Imei,
    Tac,
    ThingsGroupId,
    group_imei,
    iccid_forms,
    in_range,
    is_one_digit_repeated,
    is_reported,
    luhn_digit,
    same_device,
)

__all__ = [
    "Iccid",
    "Imei",
    "Proposal",
    "Rejection",
    "Tac",
    "ThingsGroupId",
    "Valid",
    "group_imei",
    "iccid_forms",
    "in_range",
    "is_known_body",
    "is_reported",
    "luhn_digit",
    "parse_iccid",
    "parse_imei",
    "parse_tac",
    "parse_things_group_id",
    "same_device",
]

T = TypeVar("T")

# Each issues under its own first two digits; the list is not closed, so an unknown one only warns.
_REPORTING_BODIES = ("01", "10", "30", "33", "35", "44", "45", "49", "86", "91", "98", "99")
_TEST_LABORATORIES = ("50", "51", "52", "53", "54")
_TEST_DEVICES = ("00", "02", "03", "04", "05", "06", "07", "08", "09")
GROUP_PREFIX = "ThingsGroupId_"
_UUID = re.compile(r"[0-9A-Za-z]{6,}(?:-[0-9A-Za-z]{2,}){3,5}")
_ASK_FOR_LABEL = "Compare every digit with the label, or dial *#06# on the device."


@dataclass(frozen=True, slots=True)
class Valid(Generic[T]):
    """Can be used as entered. `notes` say what was left out of the text, `warnings` what to look at."""

    value: T
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal(Generic[T]):
    """Not what was entered, but likely what was meant: a person must agree first."""

    value: T
    why: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """Can't be used; one plain sentence or two that say what is wrong and what to do."""

    why: str


def parse_imei(text: str, *, last_seen: str = "") -> Valid[Imei] | Proposal[Imei] | Rejection:
    """Read an IMEI as a person pasted it. Never raises.

    `last_seen` is the IMEI last seen on the very Thing that is to be locked: the only reason for which
    a wrong check digit passes, where the first 14 digits agree.
    """
    found = _one_number(text, "IMEI", whole=14)
    if isinstance(found, Rejection):
        return found
    number, software_version = _without_software_version(found)
    if not texts.are_digits(number):
        return _not_digits(number)
    if len(number) >= 14 and is_one_digit_repeated(number):
        return Rejection("One digit repeated throughout is no device's IMEI. " + _ASK_FOR_LABEL)
    if len(number) == 15:
        return _fifteen_digits(number, software_version, last_seen)
    return _other_length(number, last_seen)


def parse_tac(text: str) -> Valid[Tac] | Proposal[Tac] | Rejection:
    """Read a TAC as a person pasted it; of a pasted IMEI the first 8 digits are offered. Never raises."""
    found = _one_number(text, "TAC", whole=8)
    if isinstance(found, Rejection):
        return found
    number, _ = _without_software_version(found)
    if not texts.are_digits(number):
        return Rejection(texts.fault(number))
    if len(number) == 8:
        return Valid(Tac(number), warnings=_range_warnings(number))
    if 14 <= len(number) <= 17:
        return _tac_of_imei(text, len(number))
    if len(number) == 6:
        return Rejection(
            "That is 6 digits, the form used before 2003; a TAC has 8. Enter the first 8 of the IMEI."
        )
    return Rejection(f"That is {_count(number)}; a TAC has 8. Enter the first 8 digits of the IMEI.")


def parse_iccid(text: str) -> Valid[Iccid] | Rejection:
    """Read an ICCID as a person pasted it. A wrong check digit only warns. Never raises."""
    found = _one_number(text, "ICCID", whole=14)
    if isinstance(found, Rejection):
        return found
    typed = texts.compact(found)
    number = typed.rstrip("Ff")
    wrong = _iccid_fault(number)
    if wrong:
        return Rejection(wrong)
    notes = ("The F at the end was dropped: it is only padding.",) if number != typed else ()
    return Valid(Iccid(number), notes, _iccid_warnings(number))


def parse_things_group_id(text: str) -> Valid[ThingsGroupId] | Proposal[ThingsGroupId] | Rejection:
    """Read a Things Group's id as a person pasted it; a bare UUID is offered whole. Never raises."""
    typed = text.strip().strip("`\"'").removeprefix("/thingsgroup/")
    try:
        found = ThingsGroupId(typed)
    except ValueError:
        return Rejection(f"That is no Things Group's id: it starts with {GROUP_PREFIX}.")
    if typed.startswith(GROUP_PREFIX) and typed != GROUP_PREFIX:
        return Valid(found)
    if _UUID.fullmatch(typed):
        return Proposal(ThingsGroupId(GROUP_PREFIX + typed), f"The id lacks its beginning, {GROUP_PREFIX}.")
    return Rejection(f"That is no Things Group's id: it starts with {GROUP_PREFIX}.")


def is_known_body(number: str) -> bool:
    """Whether a known reporting body or laboratory issues numbers that start so. Never a reason to reject."""
    return number[:2] in _REPORTING_BODIES + _TEST_LABORATORIES


def _one_number(text: str, what: str, *, whole: int) -> str | Rejection:
    """The one piece of the text that is the number, or why there isn't exactly one."""
    if texts.are_digits(text) and len(text) < texts.TWO_NUMBERS:
        return text  # most rows of a file: nothing to take off
    if len(text) > texts.LONGEST:
        return Rejection(f"That is {len(text)} characters. Enter only the {what}.")
    parts = texts.pieces(text)
    if not parts:
        return Rejection(f"Nothing was entered. Enter the {what}.")
    if texts.holds_two_numbers(parts, whole=whole):
        return Rejection(f"Two numbers: enter one {what} only.")
    piece = " ".join(parts)
    if texts.looks_mangled(piece):
        return Rejection(
            f"A spreadsheet has turned this {what} into a decimal and lost digits. "
            "Format the column as text, or copy the number from its source."
        )
    return piece


def _without_software_version(piece: str) -> tuple[str, str]:
    """`<15 digits> / NN` as phones show it, in its two parts; anything else whole."""
    head, slash, tail = piece.rpartition("/")
    number, version = texts.compact(head), texts.compact(tail)
    if slash and len(number) == 15 and len(version) == 2 and texts.are_digits(number + version):
        return number, version
    return texts.compact(piece), ""


def _not_digits(number: str) -> Rejection:
    padded = number.rstrip("Ff")
    if texts.are_digits(padded) and _is_iccid_like(padded):
        return _other_field()
    if _is_meid(number):
        return Rejection("That is hexadecimal: an MEID, not an IMEI. Enter the 15 digits labelled IMEI.")
    return Rejection(texts.fault(number))


def _is_meid(number: str) -> bool:
    if not all(c in "0123456789ABCDEFabcdef" for c in number):
        return False
    return len(number) == 14 or (len(number) == 15 and number[0] in "ABCDEFabcdef")


def _is_iccid_like(number: str) -> bool:
    return number.startswith("89") and 18 <= len(number) <= 22


def _other_field() -> Rejection:
    return Rejection("That is an ICCID, the SIM's number. Enter the device's IMEI here: 15 digits.")


def _count(number: str) -> str:
    return f"{len(number)} digit{'' if len(number) == 1 else 's'}"


def _fifteen_digits(
    number: str, software_version: str, last_seen: str
) -> Valid[Imei] | Proposal[Imei] | Rejection:
    right = luhn_digit(number[:14])
    warnings: tuple[str, ...] = ()
    if number[14] != right:
        if not same_device(number, last_seen):
            return _wrong_check_digit(number)
        warnings = (
            "The check digit is wrong, but the first 14 digits are those of the device last seen here.",
        )
    notes = (f"The software version {software_version} was dropped.",) if software_version else ()
    warnings += _device_warnings(number, software_version)
    return Valid(Imei(number), notes, warnings)


def _wrong_check_digit(number: str) -> Proposal[Imei] | Rejection:
    if number[14] == "0":
        why = "It ends in 0 as networks show it, in place of the check digit."
        return Proposal(Imei(number[:14] + luhn_digit(number[:14])), why)
    return Rejection(
        "The check digit, the last one, doesn't fit the other 14: a digit is wrong or two are swapped. "
        + _ASK_FOR_LABEL
    )


def _other_length(number: str, last_seen: str) -> Proposal[Imei] | Rejection:
    said = f"That is {_count(number)}; an IMEI has 15."
    canonical = number[:14] + luhn_digit(number[:14]) if len(number) >= 14 else ""
    if is_one_digit_repeated(canonical):
        return Rejection(said + " " + _ASK_FOR_LABEL)
    if len(number) == 14:
        return Proposal(Imei(canonical), said + " The check digit is missing.")
    if len(number) == 16:
        return _sixteen_digits(number, canonical, last_seen)
    if len(number) == 17 and number[:15] == canonical:
        return Proposal(Imei(canonical), f"{said} {_version_said(number[15:])}")
    return _other_field() if _is_iccid_like(number) else Rejection(said + " " + _ASK_FOR_LABEL)


def _sixteen_digits(number: str, canonical: str, last_seen: str) -> Proposal[Imei]:
    """First 14 digits and a software version, or a digit that was typed twice; both are named."""
    said = "That is 16 digits; an IMEI has 15."
    version = _version_said(number[14:])
    others = [other for other in _without_a_doubled_digit(number) if other != canonical]
    for other in others:
        if same_device(other, last_seen) and not same_device(canonical, last_seen):
            return Proposal(
                Imei(other), f"{said} Without a digit typed twice it is the device last seen here."
            )
    if not others:
        return Proposal(Imei(canonical), f"{said} {version}")
    either = " or ".join(group_imei(other) for other in others)
    return Proposal(Imei(canonical), f"{said} {version} If a digit was typed twice, enter {either} instead.")


def _version_said(version: str) -> str:
    reserved = ", a reserved one: check where this number comes from" if version == "99" else ""
    return f"The last two, {version}, look like a software version{reserved}."


def _without_a_doubled_digit(number: str) -> tuple[str, ...]:
    shorter = (number[:i] + number[i + 1 :] for i in range(15) if number[i] == number[i + 1])
    fitting = (n for n in shorter if luhn_digit(n[:14]) == n[14] and not is_one_digit_repeated(n))
    return tuple(dict.fromkeys(fitting))


def _device_warnings(number: str, software_version: str) -> tuple[str, ...]:
    warnings = _range_warnings(number)
    if number[8:14] == "000000":
        warnings += ("The serial number is 000000: likely a sample, not a device.",)
    if software_version == "99":
        warnings += ("The software version 99 is reserved: check where this number comes from.",)
    return warnings


def _range_warnings(number: str) -> tuple[str, ...]:
    body = number[:2]
    if is_one_digit_repeated(number):
        return ("One digit repeated throughout: hardly a range of real devices.",)
    if body in _TEST_DEVICES:
        return ("This is a test IMEI range: devices on sale don't use it.",)
    if not is_known_body(number):
        return (f"No known reporting body issues numbers that start with {body}: check the first digits.",)
    return ()


def _tac_of_imei(text: str, length: int) -> Proposal[Tac] | Rejection:
    imei = parse_imei(text)
    if isinstance(imei, Rejection):
        return Rejection(f"A TAC has 8 digits; this looks like an IMEI. {imei.why}")
    return Proposal(imei.value.tac, f"That is {length} digits, an IMEI; its first 8 are the TAC.")


def _iccid_fault(number: str) -> str:
    said = f"That is {_count(number)}; an ICCID has 18 to 20."
    if not texts.are_digits(number):
        return _iccid_character_fault(number)
    if not number.startswith("89"):
        if 14 <= len(number) <= 17:
            return said + " It looks like an IMEI. Enter the SIM's number here: it starts with 89."
        return f"An ICCID starts with 89, not {number[:2]}. Enter the number printed on the SIM."
    if not 18 <= len(number) <= 20:
        return said + " Enter the number as printed on the SIM."
    return ""


def _iccid_character_fault(number: str) -> str:
    if not number:
        return "There are no digits. Enter the number printed on the SIM."
    hexadecimal = number.startswith("89") and all(c in "0123456789ABCDEFabcdef" for c in number)
    hint = " Some carriers print hexadecimal numbers; here an ICCID has only digits." if hexadecimal else ""
    return texts.fault(number) + hint


def _iccid_warnings(number: str) -> tuple[str, ...]:
    if luhn_digit(number[:-1]) == number[-1]:
        return ()
    return ("The check digit doesn't fit: a printed number often drops or adds one, or a digit is wrong.",)
