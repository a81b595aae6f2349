"""Slack's limits for blocks, messages and views, as data. Each number stands in a table and nowhere else.

What the tables don't know is refused: the stand-in shows no block that it can't judge.
"""

from __future__ import annotations

from bot.sandbox.slack.block_kit_elements import (
    BLOCK,
    BUTTONS,
    DATE_AND_TIME,
    FILE_INPUT,
    ID,
    IMAGE,
    INPUTS,
    MULTI_SELECTS,
    NAME,
    PICKERS,
    PICTURE,
    RICH_TEXT,
    SELECTS,
    URL,
    Rules,
    plain,
    text,
)
from bot.sandbox.slack.shapes import ByType, Fields, Flag, Items, Rule, Text

BLOCKS_IN_A_MESSAGE = 50
BLOCKS_IN_A_VIEW = 100
CHARACTERS_IN_A_MESSAGE = 13_200
MARKDOWN_IN_A_MESSAGE = 12_000
MESSAGE_TEXT = 40_000
BYTES_IN_A_VIEW = 250_000

CONTEXT_TEXT: Rules = {
    "plain_text": Fields({"text": Text(3000, 1)}, {"emoji": Flag()}),
    "mrkdwn": Fields({"text": Text(3000, 1)}, {"verbatim": Flag()}),
}
ACCESSORIES = ByType({**BUTTONS, **PICKERS, **SELECTS, **MULTI_SELECTS, **IMAGE})
ACTIONS = ByType({**BUTTONS, **PICKERS, **DATE_AND_TIME, **SELECTS})
INPUT_ELEMENTS = {**INPUTS, **PICKERS, **DATE_AND_TIME, **SELECTS, **MULTI_SELECTS}


def _input(elements: Rules) -> Rule:
    return Fields(
        {"label": plain(2000), "element": ByType(elements)},
        {**BLOCK, "hint": plain(2000), "optional": Flag(), "dispatch_action": Flag()},
    )


COMMON_BLOCKS: Rules = {
    "actions": Fields({"elements": Items(ACTIONS, 25)}, BLOCK),
    "context": Fields({"elements": Items(ByType({**CONTEXT_TEXT, **IMAGE}), 10)}, BLOCK),
    "divider": Fields({}, BLOCK),
    "header": Fields({"text": plain(150)}, BLOCK),
    "image": Fields(
        {"alt_text": Text(2000, 1)},
        {**BLOCK, **PICTURE, "title": plain(2000)},
        one_of=("image_url", "slack_file"),
    ),
    "input": _input(INPUT_ELEMENTS),
    "rich_text": RICH_TEXT,
    "section": Fields(
        {},
        {
            **BLOCK,
            "text": text(3000),
            "fields": Items(text(2000), 10),
            "accessory": ACCESSORIES,
            "expand": Flag(),
        },
        any_of=("text", "fields"),
    ),
    "video": Fields(
        {"alt_text": NAME, "title": plain(199), "thumbnail_url": URL, "video_url": URL},
        {
            **BLOCK,
            "author_name": Text(49),
            "description": plain(200),
            "provider_icon_url": URL,
            "provider_name": NAME,
            "title_url": URL,
        },
    ),
}
CARD: Rules = {
    "card": Fields(
        {},
        {
            **BLOCK,
            "hero_image": ByType(IMAGE),
            "icon": ByType(IMAGE),
            "title": text(150),
            "subtitle": text(150),
            "body": text(200),
            "actions": Items(ByType({"button": BUTTONS["button"]}), 3),
        },
        any_of=("hero_image", "title", "actions", "body"),
    )
}
ALERT: Rules = {
    "alert": Fields(
        {"text": text(200)},
        {**BLOCK, "level": Text(choices=("default", "info", "warning", "error", "success"))},
    )
}
_COLUMN = Fields(may={"align": Text(choices=("left", "center", "right")), "is_wrapped": Flag()})
_CELL = ByType({"raw_text": Fields({"text": NAME}), "rich_text": RICH_TEXT})
MESSAGE_ONLY: Rules = {
    "markdown": Fields({"text": Text(MARKDOWN_IN_A_MESSAGE, 1)}, BLOCK),
    "table": Fields({"rows": Items(Items(_CELL, 20), 100)}, {**BLOCK, "column_settings": Items(_COLUMN, 20)}),
}

_VIEW: Rules = {"private_metadata": Text(3000), "callback_id": ID, "external_id": ID}
MODAL_BLOCKS = ByType({**COMMON_BLOCKS, **CARD, **ALERT, "input": _input({**INPUT_ELEMENTS, **FILE_INPUT})})
VIEWS = ByType(
    {
        "modal": Fields(
            {"title": plain(24), "blocks": Items(MODAL_BLOCKS, BLOCKS_IN_A_VIEW)},
            {
                **_VIEW,
                "submit": plain(24),
                "close": plain(24),
                "clear_on_close": Flag(),
                "notify_on_close": Flag(),
            },
        ),
        "home": Fields({"blocks": Items(ByType(COMMON_BLOCKS), BLOCKS_IN_A_VIEW, 0)}, _VIEW),
    }
)
MESSAGE: Rules = {
    "text": Text(MESSAGE_TEXT),
    "blocks": Items(ByType({**COMMON_BLOCKS, **CARD, **MESSAGE_ONLY}), BLOCKS_IN_A_MESSAGE, 0),
    "attachments": Items(Fields(open=True), 0, 0),
    "metadata": Fields({"event_type": Text(255, 1), "event_payload": Fields(open=True)}),
}
