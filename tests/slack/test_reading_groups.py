"""`[group] [TAC]` as people type it: names have blanks in them, and TACs come in groups of digits."""

from __future__ import annotations

import pytest

from bot.slack.reading import split_group_arguments


@pytest.mark.parametrize(
    ("text", "group", "tac"),
    [
        ("", "", ""),
        ("Fleet", "Fleet", ""),
        ("Fleet north 35305311", "Fleet north", "35305311"),
        ("35305311 Fleet north", "Fleet north", "35305311"),
        ("Fleet 35 305311", "Fleet", "35 305311"),
        ("Fleet 35-305311", "Fleet", "35-305311"),
        ("Fleet 353053110000009", "Fleet", "353053110000009"),
        ("Fleet 35 305311 000000 9", "Fleet", "35 305311 000000 9"),
        ("Fleet 3530531", "Fleet", "3530531"),
        ("Fleet 2024", "Fleet 2024", ""),
        ("Fleet 7 of 12", "Fleet 7 of 12", ""),
        ("35305311", "", "35305311"),
        ("ThingsGroupId_1 35305311", "ThingsGroupId_1", "35305311"),
    ],
)
def test_the_tac_is_what_looks_like_one_at_either_end(text: str, group: str, tac: str) -> None:
    assert split_group_arguments(text) == (group, tac)
