"""What a person reads in a message is what the shortcut reads: text, blocks of every kind, attachments."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.numbers_in_text import numbers_in
from bot.slack.message_text import KEPT_AT_MOST, text_of

ICCID, IMEI = "8944478000000000012", "356938030000013"


def mrkdwn(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def rich(*elements: dict[str, Any], kind: str = "rich_text_section") -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(elements)}]}


def words(text: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": text, "style": style}


LISTED = {
    "type": "rich_text_list",
    "elements": [
        {"type": "rich_text_section", "elements": [words(f"ICCID {ICCID}")]},
        {"type": "rich_text_section", "elements": [words(f"IMEI {IMEI}")]},
    ],
}
CELLS = [["ICCID", "IMEI"], [ICCID, IMEI]]
TABLE = {"type": "table", "rows": [[{"type": "raw_text", "text": cell} for cell in row] for row in CELLS]}
TEL = {"type": "link", "url": f"tel:{IMEI}", "text": "35-693803-000001-3"}
MESSAGES: list[dict[str, Any]] = [
    {"text": f"ICCID: {ICCID}\nIMEI: {IMEI}"},
    {"text": f"*ICCID:* `{ICCID}` &amp; _IMEI_: <tel:{IMEI}|35-693803-000001-3>"},
    {"text": f"&gt; ICCID {ICCID}\n&gt; IMEI <tel:{IMEI}>"},
    {"text": f"```{ICCID} {IMEI}```"},
    {"text": f"<@U0ENG1> <https://console.example/thing/{ICCID}|this one> is in {IMEI}"},
    {"blocks": [rich(words("ICCID: ", bold=True), words(ICCID), words("\nIMEI: ", bold=True), TEL)]},
    {"blocks": [rich(words(f'{{"iccid": "{ICCID}", "imei": "{IMEI}"}}'), kind="rich_text_preformatted")]},
    {"blocks": [rich(words(f"ICCID {ICCID} IMEI {IMEI}"), kind="rich_text_quote")]},
    {"blocks": [{"type": "rich_text", "elements": [LISTED]}]},
    {"blocks": [{"type": "section", "fields": [mrkdwn(f"*ICCID*\n{ICCID}"), mrkdwn(f"*IMEI*\n{IMEI}")]}]},
    {"blocks": [{"type": "section", "text": mrkdwn(f"{ICCID} in <tel:{IMEI}|{IMEI}>")}]},
    {
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": f"SIM {ICCID}"}},
            {"type": "context", "elements": [mrkdwn(f"IMEI {IMEI}")]},
        ]
    },
    {"blocks": [TABLE]},
    {"attachments": [{"fields": [{"title": "ICCID", "value": ICCID}, {"title": "IMEI", "value": IMEI}]}]},
    {"attachments": [{"pretext": f"ICCID {ICCID}", "text": f"IMEI {IMEI}"}]},
    {"attachments": [{"fallback": f"ICCID {ICCID} IMEI {IMEI}"}]},
    {"attachments": [{"blocks": [{"type": "section", "text": mrkdwn(f"{ICCID} {IMEI}")}]}]},
    {"attachments": [{"message_blocks": [{"message": {"blocks": [rich(words(f"{ICCID} {IMEI}"))]}}]}]},
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_pair_is_read_wherever_a_message_shows_it(message: dict[str, Any]) -> None:
    assert [mention.key for mention in numbers_in(text_of(message))] == [ICCID, IMEI]


def test_what_nobody_wrote_is_not_read() -> None:
    message = {
        "text": f"<!date^1763782684^{{date}}|{ICCID}> <#C0{IMEI}|{IMEI}> &lt;b&gt;",
        "files": [{"name": f"{ICCID}.csv"}],
        "metadata": {"text": ICCID},
    }
    assert text_of(message).split() == ["<b>"]


def test_what_stands_in_text_and_blocks_comes_once_and_all_is_bounded() -> None:
    twice = {"text": "one two", "blocks": [rich(words("one  two"))]}
    assert text_of(twice) == "one two"
    assert len(text_of({"text": "a" * 9, "blocks": [rich(words("b" * 99_999)), rich(words("c"))]})) <= (
        KEPT_AT_MOST + 2
    )


def test_an_entity_is_turned_back_once() -> None:
    assert text_of({"text": "&amp;lt; &lt;tel:1&gt;"}) == "&lt; <tel:1>"


KEYS = st.sampled_from(
    ["text", "blocks", "type", "elements", "fields", "attachments", "rows", "title", "value"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(KEYS, JSON, max_size=5))
def test_no_forged_message_breaks_it(message: dict[str, Any]) -> None:
    assert len(text_of(message)) <= KEPT_AT_MOST + 1000


def test_blocks_nested_without_end_are_left_alone() -> None:
    node: Any = {"type": "section", "text": mrkdwn(ICCID)}
    for _ in range(5000):
        node = {"type": "x", "elements": [node]}
    assert text_of({"blocks": [node]}) == ""
