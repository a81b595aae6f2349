"""What the local Slack refuses: each limit just inside and just over, each rule kept and broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.slack.block_kit import VIEW_TOO_LARGE, Problem, check_message, check_view

Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "x") -> Json:
    return {"type": "mrkdwn", "text": text}


def x(count: int) -> str:
    return "x" * count


def option(number: int = 0, **parts: Any) -> Json:
    return {"text": plain(f"option {number}"), "value": f"v{number}", **parts}


def options(count: int) -> list[Json]:
    return [option(number) for number in range(count)]


def button(number: int = 0, **parts: Any) -> Json:
    return {"type": "button", "action_id": f"a{number}", "text": plain(), **parts}


def confirm(**parts: Any) -> Json:
    return {"title": plain(), "text": mrkdwn(), "confirm": plain(), "deny": plain(), **parts}


def section(**parts: Any) -> Json:
    return {"type": "section", "text": mrkdwn(), **parts}


def holding(element: Json) -> Json:
    return section(accessory=element)


def asking(element: Json, **parts: Any) -> Json:
    return {"type": "input", "label": plain(), "element": element, **parts}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def select(**parts: Any) -> Json:
    return {"type": "static_select", "options": options(2), **parts}


def text_input(**parts: Any) -> Json:
    return {"type": "plain_text_input", **parts}


def rich(*parts: Json) -> Json:
    return {"type": "rich_text", "elements": list(parts)}


def rich_section(*parts: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(parts)}


def image(**parts: Any) -> Json:
    return {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "x", **parts}


def video(**parts: Any) -> Json:
    urls = dict.fromkeys(("thumbnail_url", "video_url"), "https://example.com/v")
    return {"type": "video", "alt_text": "x", "title": plain(), **urls, **parts}


def modal(*blocks: Json, **parts: Any) -> Json:
    return {
        "type": "modal",
        "title": plain(),
        "submit": plain(),
        "blocks": list(blocks) or [section()],
        **parts,
    }


def home(*blocks: Json, **parts: Any) -> Json:
    return {"type": "home", "blocks": list(blocks), **parts}


def message(*blocks: Json, **parts: Any) -> Json:
    return {"channel": "C0LOCKS", "text": "x", "blocks": list(blocks), **parts}


def in_modal(block: Json) -> list[Problem]:
    return check_view(modal(block))


CHARACTERS: list[tuple[str, int, str, Callable[[int], Json]]] = [
    ("section text", 3000, "/text/text", lambda n: section(text=mrkdwn(x(n)))),
    ("section plain text", 3000, "/text/text", lambda n: section(text=plain(x(n)))),
    ("field", 2000, "/fields/0/text", lambda n: section(fields=[mrkdwn(x(n))])),
    ("header", 150, "/text/text", lambda n: {"type": "header", "text": plain(x(n))}),
    ("block id", 255, "/block_id", lambda n: section(block_id=x(n))),
    ("action id", 255, "/accessory/action_id", lambda n: holding(button(action_id=x(n)))),
    ("button text", 75, "/accessory/text/text", lambda n: holding(button(text=plain(x(n))))),
    ("button value", 2000, "/accessory/value", lambda n: holding(button(value=x(n)))),
    ("button url", 3000, "/accessory/url", lambda n: holding(button(url="https:" + x(n - 6)))),
    (
        "button label",
        75,
        "/accessory/accessibility_label",
        lambda n: holding(button(accessibility_label=x(n))),
    ),
    (
        "confirm title",
        100,
        "/accessory/confirm/title/text",
        lambda n: holding(button(confirm=confirm(title=plain(x(n))))),
    ),
    (
        "confirm text",
        300,
        "/accessory/confirm/text/text",
        lambda n: holding(button(confirm=confirm(text=mrkdwn(x(n))))),
    ),
    (
        "confirm yes",
        30,
        "/accessory/confirm/confirm/text",
        lambda n: holding(button(confirm=confirm(confirm=plain(x(n))))),
    ),
    (
        "confirm no",
        30,
        "/accessory/confirm/deny/text",
        lambda n: holding(button(confirm=confirm(deny=plain(x(n))))),
    ),
    (
        "option text",
        75,
        "/accessory/options/0/text/text",
        lambda n: holding(select(options=[option(text=plain(x(n)))])),
    ),
    (
        "option value",
        150,
        "/accessory/options/0/value",
        lambda n: holding(select(options=[option(value=x(n))])),
    ),
    (
        "option description",
        75,
        "/accessory/options/0/description/text",
        lambda n: holding(select(options=[option(description=plain(x(n)))])),
    ),
    (
        "option group label",
        75,
        "/accessory/option_groups/0/label/text",
        lambda n: holding(
            {"type": "static_select", "option_groups": [{"label": plain(x(n)), "options": options(1)}]}
        ),
    ),
    ("placeholder", 150, "/accessory/placeholder/text", lambda n: holding(select(placeholder=plain(x(n))))),
    ("input label", 2000, "/label/text", lambda n: asking(text_input(), label=plain(x(n)))),
    ("input hint", 2000, "/hint/text", lambda n: asking(text_input(), hint=plain(x(n)))),
    ("input value", 3000, "/element/initial_value", lambda n: asking(text_input(initial_value=x(n)))),
    ("image alt text", 2000, "/alt_text", lambda n: image(alt_text=x(n))),
    ("image title", 2000, "/title/text", lambda n: image(title=plain(x(n)))),
    ("image url", 3000, "/image_url", lambda n: image(image_url="https:" + x(n - 6))),
    ("context text", 3000, "/elements/0/text", lambda n: {"type": "context", "elements": [mrkdwn(x(n))]}),
    ("alert text", 200, "/text/text", lambda n: {"type": "alert", "text": mrkdwn(x(n))}),
    ("card title", 150, "/title/text", lambda n: {"type": "card", "title": mrkdwn(x(n))}),
    (
        "card subtitle",
        150,
        "/subtitle/text",
        lambda n: {"type": "card", "title": plain(), "subtitle": mrkdwn(x(n))},
    ),
    ("card body", 200, "/body/text", lambda n: {"type": "card", "body": mrkdwn(x(n))}),
    ("video title", 199, "/title/text", lambda n: video(title=plain(x(n)))),
    ("video author", 49, "/author_name", lambda n: video(author_name=x(n))),
]


@pytest.mark.parametrize(
    ("most", "pointer", "block"), [c[1:] for c in CHARACTERS], ids=[c[0] for c in CHARACTERS]
)
def test_a_text_may_be_just_so_long(most: int, pointer: str, block: Callable[[int], Json]) -> None:
    assert in_modal(block(most)) == []
    assert in_modal(block(most + 1)) == [
        Problem(f"/blocks/0{pointer}", f"must be less than {most + 1} characters")
    ]


NUMBERS: list[tuple[str, int, str, Callable[[int], Json]]] = [
    ("fields", 10, "/fields", lambda n: section(fields=[mrkdwn()] * n)),
    ("actions", 25, "/elements", lambda n: actions(*map(button, range(n)))),
    ("context", 10, "/elements", lambda n: {"type": "context", "elements": [mrkdwn()] * n}),
    ("select", 100, "/accessory/options", lambda n: holding(select(options=options(n)))),
    (
        "multi select",
        100,
        "/accessory/options",
        lambda n: holding({"type": "multi_static_select", "options": options(n)}),
    ),
    ("radio", 10, "/accessory/options", lambda n: holding({"type": "radio_buttons", "options": options(n)})),
    (
        "checkboxes",
        10,
        "/accessory/options",
        lambda n: holding({"type": "checkboxes", "options": options(n)}),
    ),
    ("overflow", 5, "/accessory/options", lambda n: holding({"type": "overflow", "options": options(n)})),
    (
        "option groups",
        100,
        "/accessory/option_groups",
        lambda n: holding(
            {"type": "static_select", "option_groups": [{"label": plain(), "options": options(1)}] * n}
        ),
    ),
    (
        "options in a group",
        100,
        "/accessory/option_groups/0/options",
        lambda n: holding(
            {"type": "static_select", "option_groups": [{"label": plain(), "options": options(n)}]}
        ),
    ),
    ("card buttons", 3, "/actions", lambda n: {"type": "card", "actions": list(map(button, range(n)))}),
]


@pytest.mark.parametrize(("most", "pointer", "block"), [c[1:] for c in NUMBERS], ids=[c[0] for c in NUMBERS])
def test_a_list_may_have_just_so_many(most: int, pointer: str, block: Callable[[int], Json]) -> None:
    assert in_modal(block(most)) == []
    assert in_modal(block(most + 1)) == [Problem(f"/blocks/0{pointer}", f"no more than {most} items allowed")]
    assert in_modal(block(0)) == [Problem(f"/blocks/0{pointer}", "no fewer than 1 items allowed")]


VIEW_TEXTS: list[tuple[int, str, Callable[[int], Json]]] = [
    (24, "/title/text", lambda n: modal(title=plain(x(n)))),
    (24, "/submit/text", lambda n: modal(submit=plain(x(n)))),
    (24, "/close/text", lambda n: modal(close=plain(x(n)))),
    (3000, "/private_metadata", lambda n: modal(private_metadata=x(n))),
    (255, "/callback_id", lambda n: modal(callback_id=x(n))),
    (255, "/external_id", lambda n: modal(external_id=x(n))),
    (3000, "/private_metadata", lambda n: home(private_metadata=x(n))),
    (255, "/callback_id", lambda n: home(callback_id=x(n))),
]


@pytest.mark.parametrize(("most", "pointer", "view"), VIEW_TEXTS)
def test_a_view_s_own_texts_may_be_just_so_long(most: int, pointer: str, view: Callable[[int], Json]) -> None:
    assert check_view(view(most)) == []
    assert check_view(view(most + 1)) == [Problem(pointer, f"must be less than {most + 1} characters")]


def test_a_view_has_a_hundred_blocks_at_most() -> None:
    for view in (modal, home):
        assert check_view(view(*[section()] * 100)) == []
        assert check_view(view(*[section()] * 101)) == [Problem("/blocks", "no more than 100 items allowed")]


def test_a_view_has_250_kilobytes_at_most() -> None:
    def weighing(bytes_in_all: int) -> Json:
        blocks = [section(text=mrkdwn(x(3000))) for _ in range(80)]
        bare = modal(*blocks, private_metadata="")
        rest = bytes_in_all - len(json.dumps(bare))
        fields = [mrkdwn(x(1900)) for _ in range(rest // 1936)]
        grown = modal(*blocks, section(fields=fields), private_metadata="")
        return {**grown, "private_metadata": x(bytes_in_all - len(json.dumps(grown)))}

    assert check_view(weighing(250_000)) == []
    assert check_view(weighing(250_001)) == [Problem("", VIEW_TOO_LARGE)]


def test_a_message_has_fifty_blocks_at_most() -> None:
    assert check_message(message(*[section()] * 50)) == []
    assert check_message(message(*[section()] * 51)) == [Problem("/blocks", "no more than 50 items allowed")]


def test_a_message_has_so_many_characters_in_all() -> None:
    four = [section(text=mrkdwn(x(3000))) for _ in range(4)]
    assert check_message(message(*four, section(text=mrkdwn(x(1200))))) == []
    assert check_message(message(*four, section(text=mrkdwn(x(1201))))) == [
        Problem("/blocks", "must be less than 13201 characters in all")
    ]


def test_a_message_s_text_may_be_just_so_long() -> None:
    assert check_message({"text": x(40_000)}) == []
    assert check_message({"text": x(40_001)}) == [Problem("/text", "must be less than 40001 characters")]


def test_markdown_counts_over_the_whole_message() -> None:
    half = {"type": "markdown", "text": x(6000)}
    assert check_message(message(half, half)) == []
    assert check_message(message(half, half, {"type": "markdown", "text": "x"})) == [
        Problem("/blocks", "must be less than 12001 characters of markdown")
    ]


def table(rows: int, cells: int) -> Json:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * cells] * rows}


def test_a_message_has_one_table_of_limited_size() -> None:
    assert check_message(message(table(100, 20))) == []
    assert check_message(message(table(101, 1))) == [
        Problem("/blocks/0/rows", "no more than 100 items allowed")
    ]
    assert check_message(message(table(1, 21))) == [
        Problem("/blocks/0/rows/0", "no more than 20 items allowed")
    ]
    assert check_message(message(table(1, 1), table(1, 1))) == [Problem("/blocks", "only one table allowed")]


@pytest.mark.parametrize(
    ("payload", "problems"),
    [
        ({"text": "x"}, []),
        ({"blocks": [section()]}, []),
        ({"text": "x", "blocks": []}, []),
        ({"text": "x", "blocks": None, "metadata": None}, []),
        ({"text": "x", "thread_ts": "1.2", "unfurl_links": False}, []),
        ({"text": "x", "attachments": []}, []),
        ({}, [Problem("/text", "no_text")]),
        ({"text": ""}, [Problem("/text", "no_text")]),
        ({"text": "", "blocks": []}, [Problem("/text", "no_text")]),
        ({"text": 5}, [Problem("/text", "must provide a string")]),
        ({"text": "x", "blocks": "[]"}, [Problem("/blocks", "must provide an array")]),
        ({"text": "x", "blocks": ["x"]}, [Problem("/blocks/0", "must provide an object")]),
        ({"text": "x", "attachments": [{}]}, [Problem("/attachments", "no more than 0 items allowed")]),
        ({"text": "x", "metadata": {"event_type": "request", "event_payload": {"id": "R1"}}}, []),
        (
            {"text": "x", "metadata": {"event_type": "request"}},
            [Problem("/metadata", "missing required field: event_payload")],
        ),
        (
            {"text": "x", "metadata": {"event_type": "", "event_payload": {}}},
            [Problem("/metadata/event_type", "must be more than 0 characters")],
        ),
        (
            {"text": "x", "metadata": {"event_type": "r", "event_payload": []}},
            [Problem("/metadata/event_payload", "must provide an object")],
        ),
    ],
)
def test_a_message_needs_something_to_say_in_the_right_form(payload: Json, problems: list[Problem]) -> None:
    assert check_message(payload) == problems


WRONG: list[tuple[str, Json, str, str]] = [
    ("no type", {"text": mrkdwn()}, "", "missing required field: type"),
    ("type is a list", {"type": ["section"]}, "/type", "must provide a string"),
    ("unknown type", {"type": "hologram"}, "/type", "unsupported type: hologram"),
    ("unknown field", section(colour="red"), "", "invalid additional property: colour"),
    ("section without content", {"type": "section"}, "", "missing required field: text or fields"),
    ("empty text", section(text=mrkdwn("")), "/text/text", "must be more than 0 characters"),
    ("bare string", section(text="x"), "/text", "must provide an object"),
    ("no text in text", section(text={"type": "mrkdwn"}), "/text", "missing required field: text"),
    ("text is a number", section(text=mrkdwn(5)), "/text/text", "must provide a string"),  # type: ignore[arg-type]
    ("null", section(text=None), "/text", "must provide an object"),
    (
        "emoji in mrkdwn",
        section(text={**mrkdwn(), "emoji": True}),
        "/text",
        "invalid additional property: emoji",
    ),
    ("mrkdwn header", {"type": "header", "text": mrkdwn()}, "/text/type", "unsupported type: mrkdwn"),
    (
        "mrkdwn on a button",
        holding(button(text=mrkdwn())),
        "/accessory/text/type",
        "unsupported type: mrkdwn",
    ),
    ("mrkdwn label", asking(text_input(), label=mrkdwn()), "/label/type", "unsupported type: mrkdwn"),
    ("no label", {"type": "input", "element": text_input()}, "", "missing required field: label"),
    ("no element", {"type": "input", "label": plain()}, "", "missing required field: element"),
    ("optional is a string", asking(text_input(), optional="true"), "/optional", "must provide a boolean"),
    ("button without text", actions({"type": "button"}), "/elements/0", "missing required field: text"),
    ("button style", actions(button(style="loud")), "/elements/0/style", "must be one of: primary, danger"),
    ("button url", actions(button(url="example.com")), "/elements/0/url", "invalid url"),
    (
        "confirm without deny",
        actions(button(confirm={"title": plain(), "text": plain(), "confirm": plain()})),
        "/elements/0/confirm",
        "missing required field: deny",
    ),
    (
        "confirm style",
        actions(button(confirm=confirm(style="loud"))),
        "/elements/0/confirm/style",
        "must be one of: primary, danger",
    ),
    (
        "text input as accessory",
        holding(text_input()),
        "/accessory/type",
        "unsupported type: plain_text_input",
    ),
    (
        "text input in actions",
        actions(text_input()),
        "/elements/0/type",
        "unsupported type: plain_text_input",
    ),
    ("image in actions", actions(image()), "/elements/0/type", "unsupported type: image"),
    ("button in input", asking(button()), "/element/type", "unsupported type: button"),
    (
        "overflow in input",
        asking({"type": "overflow", "options": options(2)}),
        "/element/type",
        "unsupported type: overflow",
    ),
    (
        "button in context",
        {"type": "context", "elements": [button()]},
        "/elements/0/type",
        "unsupported type: button",
    ),
    (
        "no options",
        holding({"type": "static_select"}),
        "/accessory",
        "missing required field: options or option_groups",
    ),
    (
        "options twice",
        holding(select(option_groups=[{"label": plain(), "options": options(1)}])),
        "/accessory",
        "must define only one of: options, option_groups",
    ),
    (
        "empty option value",
        holding(select(options=[option(value="")])),
        "/accessory/options/0/value",
        "must be more than 0 characters",
    ),
    (
        "no option value",
        holding(select(options=[{"text": plain()}])),
        "/accessory/options/0",
        "missing required field: value",
    ),
    (
        "option with url",
        holding(select(options=[option(url="https://example.com")])),
        "/accessory/options/0",
        "invalid additional property: url",
    ),
    (
        "mrkdwn option in a select",
        holding(select(options=[option(text=mrkdwn())])),
        "/accessory/options/0/text/type",
        "unsupported type: mrkdwn",
    ),
    (
        "initial option not offered",
        holding(select(initial_option=option(7))),
        "/accessory/initial_option",
        "must be one of the provided options",
    ),
    (
        "initial options not offered",
        holding({"type": "checkboxes", "options": options(2), "initial_options": [option(7)]}),
        "/accessory/initial_options",
        "must be one of the provided options",
    ),
    (
        "no initial options",
        holding({"type": "checkboxes", "options": options(2), "initial_options": []}),
        "/accessory/initial_options",
        "no fewer than 1 items allowed",
    ),
    (
        "initial radio not offered",
        holding({"type": "radio_buttons", "options": options(2), "initial_option": option(7)}),
        "/accessory/initial_option",
        "must be one of the provided options",
    ),
    (
        "options of an external select",
        holding({"type": "external_select", "options": options(1)}),
        "/accessory",
        "invalid additional property: options",
    ),
    (
        "query length",
        holding({"type": "external_select", "min_query_length": -1}),
        "/accessory/min_query_length",
        "must be more than -1",
    ),
    (
        "query length as text",
        holding({"type": "external_select", "min_query_length": "3"}),
        "/accessory/min_query_length",
        "must provide a number",
    ),
    (
        "selected items",
        holding({"type": "multi_users_select", "max_selected_items": 0}),
        "/accessory/max_selected_items",
        "must be more than 0",
    ),
    (
        "empty filter",
        holding({"type": "conversations_select", "filter": {}}),
        "/accessory/filter",
        "missing required field: include or exclude_external_shared_channels or exclude_bot_users",
    ),
    (
        "date",
        holding({"type": "datepicker", "initial_date": "2026-13-01"}),
        "/accessory/initial_date",
        "invalid date",
    ),
    (
        "time",
        holding({"type": "timepicker", "initial_time": "24:00"}),
        "/accessory/initial_time",
        "invalid time",
    ),
    (
        "date and time in ms",
        actions({"type": "datetimepicker", "initial_date_time": 1772442000000}),
        "/elements/0/initial_date_time",
        "must be less than 10000000000",
    ),
    (
        "date and time as accessory",
        holding({"type": "datetimepicker"}),
        "/accessory/type",
        "unsupported type: datetimepicker",
    ),
    ("max length", asking(text_input(max_length=3001)), "/element/max_length", "must be less than 3001"),
    ("min length", asking(text_input(min_length=3001)), "/element/min_length", "must be less than 3001"),
    (
        "lengths crossed",
        asking(text_input(min_length=16, max_length=15)),
        "/element/min_length",
        "must not be more than max_length",
    ),
    ("true as a number", asking(text_input(min_length=True)), "/element/min_length", "must provide a number"),
    (
        "number without decimals rule",
        asking({"type": "number_input"}),
        "/element",
        "missing required field: is_decimal_allowed",
    ),
    (
        "numbers crossed",
        asking({"type": "number_input", "is_decimal_allowed": False, "min_value": "2", "max_value": "1"}),
        "/element/min_value",
        "must not be more than max_value",
    ),
    (
        "number as number",
        asking({"type": "number_input", "is_decimal_allowed": False, "min_value": 2}),
        "/element/min_value",
        "must provide a string",
    ),
    (
        "dispatch on a whim",
        asking(text_input(dispatch_action_config={"trigger_actions_on": ["on_whim"]})),
        "/element/dispatch_action_config/trigger_actions_on/0",
        "must be one of: on_enter_pressed, on_character_entered",
    ),
    (
        "eleven files",
        asking({"type": "file_input", "max_files": 11}),
        "/element/max_files",
        "must be less than 11",
    ),
    (
        "image from nowhere",
        {"type": "image", "alt_text": "x"},
        "",
        "missing required field: image_url or slack_file",
    ),
    (
        "image from two places",
        image(slack_file={"id": "F1"}),
        "",
        "must define only one of: image_url, slack_file",
    ),
    (
        "image without words",
        {"type": "image", "image_url": "https://example.com/a.png"},
        "",
        "missing required field: alt_text",
    ),
    (
        "title in an image element",
        {"type": "context", "elements": [image(title=plain())]},
        "/elements/0",
        "invalid additional property: title",
    ),
    (
        "alert level",
        {"type": "alert", "text": plain(), "level": "loud"},
        "/level",
        "must be one of: default, info, warning, error, success",
    ),
    (
        "empty card",
        {"type": "card", "subtitle": plain()},
        "",
        "missing required field: hero_image or title or actions or body",
    ),
    (
        "section straight in rich text",
        rich({"type": "text", "text": "x"}),
        "/elements/0/type",
        "unsupported type: text",
    ),
    (
        "list without style",
        rich({"type": "rich_text_list", "elements": [rich_section()]}),
        "/elements/0",
        "missing required field: style",
    ),
    (
        "text straight in a list",
        rich({"type": "rich_text_list", "style": "bullet", "elements": [{"type": "text", "text": "x"}]}),
        "/elements/0/elements/0/type",
        "unsupported type: text",
    ),
    (
        "list too deep",
        rich({"type": "rich_text_list", "style": "bullet", "indent": 9, "elements": [rich_section()]}),
        "/elements/0/indent",
        "must be less than 9",
    ),
    ("empty rich text", rich(), "/elements", "no fewer than 1 items allowed"),
    (
        "empty rich word",
        rich(rich_section({"type": "text", "text": ""})),
        "/elements/0/elements/0/text",
        "must be more than 0 characters",
    ),
    (
        "rich style",
        rich(rich_section({"type": "text", "text": "x", "style": {"loud": True}})),
        "/elements/0/elements/0/style",
        "invalid additional property: loud",
    ),
    (
        "user in code",
        rich({"type": "rich_text_preformatted", "elements": [{"type": "user", "user_id": "U1"}]}),
        "/elements/0/elements/0/type",
        "unsupported type: user",
    ),
    ("table", table(1, 1), "/type", "unsupported type: table"),
    ("markdown", {"type": "markdown", "text": "x"}, "/type", "unsupported type: markdown"),
]


@pytest.mark.parametrize(("block", "pointer", "said"), [c[1:] for c in WRONG], ids=[c[0] for c in WRONG])
def test_a_block_out_of_order_is_refused_where_the_fault_is(block: Json, pointer: str, said: str) -> None:
    assert in_modal(block) == [Problem(f"/blocks/0{pointer}", said)]


RIGHT: list[Json] = [
    section(),
    section(text=plain(), fields=[plain(), mrkdwn()], block_id="b", expand=True),
    {"type": "section", "fields": [mrkdwn()]},
    {"type": "divider"},
    section(text={**plain(), "emoji": True}),
    section(text={**mrkdwn(), "verbatim": True}),
    holding(button(style="danger", value="R1", url="https://example.com", confirm=confirm(style="danger"))),
    holding(image()),
    holding(select(initial_option=option(1), placeholder=plain(), focus_on_load=True)),
    holding(
        {
            "type": "static_select",
            "option_groups": [{"label": plain(), "options": options(3)}],
            "initial_option": option(2),
        }
    ),
    holding({"type": "overflow", "options": [option(url="https://example.com")]}),
    holding(
        {
            "type": "checkboxes",
            "options": [option(text=mrkdwn("option 0"), description=mrkdwn())],
            "initial_options": [option(0)],
        }
    ),
    holding({"type": "multi_external_select", "min_query_length": 0, "max_selected_items": 5}),
    holding(
        {
            "type": "workflow_button",
            "text": plain(),
            "action_id": "a",
            "workflow": {"trigger": {"url": "https://example.com"}},
        }
    ),
    actions(
        button(),
        {"type": "external_select", "min_query_length": 3, "initial_option": option()},
        {"type": "users_select", "initial_user": "U1"},
        {
            "type": "conversations_select",
            "default_to_current_conversation": True,
            "filter": {"include": ["im"]},
        },
        {"type": "channels_select", "initial_channel": "C1"},
        {"type": "datepicker", "initial_date": "2026-03-02"},
        {"type": "timepicker", "initial_time": "09:00", "timezone": "Europe/Berlin"},
        {"type": "datetimepicker", "initial_date_time": 1772442000},
        {"type": "radio_buttons", "options": options(2), "initial_option": option(0)},
    ),
    asking(
        text_input(multiline=True, min_length=14, max_length=20, initial_value="x"),
        optional=True,
        hint=plain(),
    ),
    asking(
        text_input(dispatch_action_config={"trigger_actions_on": ["on_enter_pressed"]}), dispatch_action=True
    ),
    asking(
        {
            "type": "number_input",
            "is_decimal_allowed": True,
            "initial_value": "1.5",
            "min_value": "-1",
            "max_value": "2",
        }
    ),
    asking({"type": "email_text_input"}),
    asking({"type": "url_text_input", "initial_value": "https://example.com"}),
    asking({"type": "rich_text_input", "initial_value": rich(rich_section())}),
    asking({"type": "file_input", "filetypes": ["csv"], "max_files": 1}),
    {"type": "context", "elements": [plain(), mrkdwn(), image()]},
    {"type": "image", "alt_text": "x", "slack_file": {"id": "F1"}, "title": plain()},
    {"type": "alert", "text": mrkdwn(), "level": "warning"},
    {"type": "card", "icon": image(), "title": mrkdwn(), "body": mrkdwn(), "actions": [button()]},
    video(author_name="x", description=plain(), provider_name="x", title_url="https://example.com"),
    rich(
        rich_section(
            {"type": "text", "text": "x", "style": {"bold": True, "code": True}},
            {"type": "link", "url": "https://example.com", "text": "x"},
            {"type": "user", "user_id": "U1"},
            {"type": "usergroup", "usergroup_id": "S1"},
            {"type": "channel", "channel_id": "C1"},
            {"type": "emoji", "name": "lock"},
            {"type": "date", "timestamp": 1772442000, "format": "{date_num}", "fallback": "x"},
            {"type": "broadcast", "range": "here"},
        ),
        {
            "type": "rich_text_list",
            "style": "ordered",
            "indent": 8,
            "border": 1,
            "elements": [rich_section()],
        },
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x"}]},
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "x"}]},
    ),
]


@pytest.mark.parametrize("block", RIGHT, ids=lambda block: block["type"])
def test_a_block_in_order_is_taken(block: Json) -> None:
    assert in_modal(block) == []


@pytest.mark.parametrize("kind", ["alert", "card", "markdown", "table"])
def test_some_blocks_are_for_other_surfaces(kind: str) -> None:
    refused = Problem("/blocks/0/type", f"unsupported type: {kind}")
    block = {"type": kind, "text": plain()} if kind == "alert" else {"type": kind, "title": plain()}
    assert check_view(home(block)) == [refused]
    assert (refused in check_message(message(block))) is (kind == "alert")


def test_files_are_asked_for_in_modals_only() -> None:
    block = asking({"type": "file_input"})
    refused = [Problem("/blocks/0/element/type", "unsupported type: file_input")]
    assert check_view(modal(block)) == []
    assert check_view(home(block)) == refused
    assert check_message(message(block)) == refused


def test_a_modal_that_asks_must_have_a_submit_button() -> None:
    silent = {"type": "modal", "title": plain(), "blocks": [section()]}
    assert check_view(silent) == []
    assert check_view({**silent, "blocks": [asking(text_input())]}) == [
        Problem("", "must define `submit` to use an `input` block in modals")
    ]
    assert check_view(home(asking(text_input()))) == []


@pytest.mark.parametrize(
    ("view", "problem"),
    [
        ({"title": plain(), "blocks": []}, Problem("", "missing required field: type")),
        ({"type": "sidebar"}, Problem("/type", "unsupported type: sidebar")),
        ({"type": "modal", "blocks": [section()]}, Problem("", "missing required field: title")),
        ({"type": "modal", "title": plain()}, Problem("", "missing required field: blocks")),
        (modal(blocks=[]), Problem("/blocks", "no fewer than 1 items allowed")),
        (modal(title=mrkdwn()), Problem("/title/type", "unsupported type: mrkdwn")),
        (modal(title=plain("")), Problem("/title/text", "must be more than 0 characters")),
        (modal(id="V1"), Problem("", "invalid additional property: id")),
        (modal(clear_on_close="yes"), Problem("/clear_on_close", "must provide a boolean")),
        (modal(private_metadata={}), Problem("/private_metadata", "must provide a string")),
        (home(submit=plain()), Problem("", "invalid additional property: submit")),
        ({"type": "home"}, Problem("", "missing required field: blocks")),
    ],
)
def test_a_view_out_of_order_is_refused(view: Json, problem: Problem) -> None:
    assert check_view(view) == [problem]


def test_an_empty_home_is_a_home() -> None:
    assert check_view(home()) == []


def test_block_ids_are_unique_on_a_surface() -> None:
    twice = [section(block_id="b"), section(block_id="c"), section(block_id="b")]
    said = [Problem("/blocks/2/block_id", '`block_id` "b" already exists')]
    assert check_view(modal(*twice)) == said
    assert check_message(message(*twice)) == said
    assert check_view(modal(section(), section())) == []


def test_action_ids_are_unique_within_a_block() -> None:
    assert check_message(message(actions(button(1), button(1)))) == [
        Problem("/blocks/0", '`action_id` "a1" already exists in this block')
    ]
    assert check_message(message(actions(button(1)), actions(button(1)))) == []


def test_one_element_has_the_focus() -> None:
    first, second = (asking(text_input(focus_on_load=True)) for _ in range(2))
    assert check_view(modal(first, section())) == []
    assert check_view(modal(first, second)) == [
        Problem("/blocks", "only one element may have `focus_on_load`")
    ]


def test_every_fault_is_named_at_once() -> None:
    view = {"type": "modal", "title": mrkdwn(), "blocks": [section(colour="red"), {"type": "table"}], "x": 1}
    assert set(check_view(view)) == {
        Problem("", "invalid additional property: x"),
        Problem("/title/type", "unsupported type: mrkdwn"),
        Problem("/blocks/0", "invalid additional property: colour"),
        Problem("/blocks/1/type", "unsupported type: table"),
    }


words = st.sampled_from(
    ["section", "input", "modal", "home", "mrkdwn", "plain_text", "button", "static_select"]
)
names = st.sampled_from(
    ["type", "text", "blocks", "elements", "element", "accessory", "options", "title", "fields"]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(names, anything, max_size=5))
def test_no_json_makes_the_check_raise(payload: Json) -> None:
    for problem in (*check_message(payload), *check_view(payload)):
        assert problem.message


@given(anything, st.sampled_from(RIGHT), st.data())
def test_no_damage_to_a_block_makes_the_check_raise(junk: Any, block: Json, data: st.DataObject) -> None:
    damaged = {**block, data.draw(st.sampled_from(sorted(block))): junk}
    assert isinstance(check_view(modal(damaged)), list)
    assert isinstance(check_message(message(damaged)), list)
