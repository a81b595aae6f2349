"""A number typed by an approver counts as itself, or not at all."""

from __future__ import annotations

import pytest

from bot.services.requests import as_typed


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("40", "40"), (" 40 ", "40"), ("3700", "3700"), ("3,700", "3700"), ("3.700", "3700"),
        ("3 700", "3700"), ("3'700", "3700"), ("1\u202f234\u202f567", "1234567"), ("Unknown ", "unknown"),
    ],
)  # fmt: skip
def test_a_number_counts_as_itself_however_its_thousands_are_grouped(text: str, number: str) -> None:
    assert as_typed(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "4.0",
        "3,7",
        "-40",
        "+40",
        "4 0",
        "40!",
        "3,70",
        "1,000.000",
        "37,00",
        "1.0000",
        "40 %",
        "\u0664\u0660",
    ],
)
def test_what_is_another_number_or_none_never_becomes_one(text: str) -> None:
    assert not as_typed(text).isascii() or not as_typed(text).isdigit()
