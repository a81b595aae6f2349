"""Texts that people and the vendor could send to make the bot say something in its own voice."""

from __future__ import annotations

import re

HOSTILE = (
    "<!channel>",
    "<!here|here> <!everyone>",
    "<@U0ADMIN> <!subteam^S0APPROVERS>",
    "<https://evil.example|Approve>",
    "<#C0FIELD|field>",
    "&lt;!channel&gt;",
    "*bold* _italic_ ~gone~ `code` ```block```",
    "***___~~~```",
    "> quoted\n>>> all of it",
    "line\nline\r\nline\u2028line\x85line",
    "\u202edetadilav\u202c \u2066isolated\u2069",
    "שלום עולם",
    "👨‍👩‍👧‍👦🏴‍☠️ :tada:",
    "\x00\x07\x1b[31mred",
    "=cmd|' /C calc'!A0",
    "{date_short} ^1718900000^|",
    "<!date^1^{date}|now>",
    "&" * 5000,
    "<" * 5000,
    "*" * 5000,
    "long " * 2000,
    "\ud800",
)
_ACTS = re.compile(r"<[^>]*>")
_MARKS = "*_~`"
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def assert_inert(said: str, expected: str) -> None:
    """`said` holds no mention, link or mark that `expected`, the same text with tame data, doesn't hold."""
    assert sorted(_ACTS.findall(said)) == sorted(_ACTS.findall(expected))
    for mark in _MARKS:
        bare = re.compile(f"{re.escape(mark)}(?!\N{WORD JOINER})")
        assert len(bare.findall(said)) == len(bare.findall(expected)), mark
    assert "<" not in _ACTS.sub("", said)
    assert ">" not in _ACTS.sub("", said)
    assert not re.search(r"&(?!(amp|lt|gt);)", said)
    assert said.count("\n") == expected.count("\n")
    assert not _TURNS.search(said)
    assert all(c == "\n" or c >= " " for c in said)
