"""What still stands of what was written after a request."""

from __future__ import annotations

import pytest

from bot.domain.later_writes import LaterWrite, still_standing


def written(*undone: str) -> list[LaterWrite]:
    """R2, R3, …: each with the request that it undoes, "" for none."""
    return [LaterWrite(f"R{number}", undoes) for number, undoes in enumerate(undone, 2)]


@pytest.mark.parametrize(
    ("undone", "standing"),
    [
        ((), ""),
        (("",), "R2"),
        (("", ""), "R3"),
        (("", "R2"), ""),
        (("", "", "R3"), "R2"),
        (("", "R2", "R3"), "R2"),
        (("", "R2", "R3", "R4"), ""),
        (("R1",), "R2"),
        (("", "", "R3", "R2"), ""),
    ],
)
def test_an_undo_and_what_it_took_back_are_nothing_together(undone: tuple[str, ...], standing: str) -> None:
    assert still_standing(written(*undone)) == standing
