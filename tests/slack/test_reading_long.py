"""Texts of thousands of words, which anybody can type after a command, hold up nobody else."""

from __future__ import annotations

import pytest

from bot.domain.changes import Kind
from bot.slack import ids, reading
from bot.slack.reading import split_arguments, split_group_arguments

SIM, DEVICE = "8944 5003 1234 5678 905", "49 015420 323751 8"


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every piece of text that was looked at as a number."""
    texts: list[str] = []
    for name in ("parse_iccid", "parse_imei", "parse_tac"):
        parse = getattr(reading, name)

        def noted(text: str, parse: object = parse) -> object:
            texts.append(text)
            assert callable(parse)
            return parse(text)

        monkeypatch.setattr(reading, name, noted)
    return texts


@pytest.mark.parametrize("words", ["1 " * 6000, "89 " * 4000, "35305311 " * 1000])
def test_a_text_of_thousands_of_words_is_not_cut_at_every_blank(tried: list[str], words: str) -> None:
    typed = split_arguments(words, Kind.LOCK_THING)
    assert " ".join(typed.values()) == words.strip()
    assert split_group_arguments(words) == (words.strip(), "")
    assert len(tried) < 10


def test_two_numbers_in_the_smallest_groups_are_still_told_apart() -> None:
    blown_up = " ".join(SIM.replace(" ", "")) + " " + " ".join(DEVICE.replace(" ", ""))
    typed = split_arguments(blown_up, Kind.LOCK_THING)
    assert {key: text.replace(" ", "") for key, text in typed.items()} == {
        ids.ICCID_BLOCK: SIM.replace(" ", ""),
        ids.IMEI_BLOCK: DEVICE.replace(" ", ""),
    }
