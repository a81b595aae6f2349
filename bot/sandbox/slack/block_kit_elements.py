"""Slack's limits for elements and the small objects in them, as data; `block_kit_table` builds on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bot.sandbox.slack.shapes import ByType, Fields, Flag, Items, Problem, Rule, Text, Whole

Rules = Mapping[str, Rule]

DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"

ID = Text(255)
URL = Text(3000, pattern=r"[a-z][a-z0-9+.\-]*:\S+", complaint="invalid url")
NAME = Text(least=1)
STYLE = Text(choices=("primary", "danger"))


def plain(most: int) -> Rule:
    """A text object without formatting, of 1 to so many characters."""
    return ByType({"plain_text": Fields({"text": Text(most, 1)}, {"emoji": Flag()})})


def text(most: int) -> Rule:
    """A text object of either kind, of 1 to so many characters."""
    unformatted = Fields({"text": Text(most, 1)}, {"emoji": Flag()})
    return ByType(
        {"plain_text": unformatted, "mrkdwn": Fields({"text": Text(most, 1)}, {"verbatim": Flag()})}
    )


def _key(option: Mapping[str, Any]) -> tuple[str, str]:
    return option["value"], option["text"]["text"]


def _initial_is_offered(element: Mapping[str, Any]) -> Iterator[Problem]:
    groups = [element, *element.get("option_groups", ())]
    offered = {_key(option) for group in groups for option in group.get("options", ())}
    if "initial_option" in element and _key(element["initial_option"]) not in offered:
        yield Problem("/initial_option", "must be one of the provided options")
    if not all(_key(option) in offered for option in element.get("initial_options", ())):
        yield Problem("/initial_options", "must be one of the provided options")


def _lengths_agree(element: Mapping[str, Any]) -> Iterator[Problem]:
    if element.get("min_length", 0) > element.get("max_length", 3000):
        yield Problem("/min_length", "must not be more than max_length")


def _numbers_agree(element: Mapping[str, Any]) -> Iterator[Problem]:
    if float(element.get("min_value", "-inf")) > float(element.get("max_value", "inf")):
        yield Problem("/min_value", "must not be more than max_value")


CONFIRM = Fields(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)}, {"style": STYLE}
)
OPTION = Fields({"text": plain(75), "value": Text(150, 1)}, {"description": plain(75)})
RICH_OPTION = Fields({"text": text(75), "value": Text(150, 1)}, {"description": text(75)})
LINK_OPTION = Fields({"text": plain(75), "value": Text(150, 1)}, {"description": plain(75), "url": URL})
OPTION_GROUP = Fields({"label": plain(75), "options": Items(OPTION, 100)})
SLACK_FILE = Fields(may={"id": NAME, "url": URL}, one_of=("id", "url"))
ON_EVENT = Text(choices=("on_enter_pressed", "on_character_entered"))
DISPATCH = Fields(may={"trigger_actions_on": Items(ON_EVENT, 2)})
CONVERSATIONS = Fields(
    may={
        "include": Items(Text(choices=("im", "mpim", "private", "public")), 4),
        "exclude_external_shared_channels": Flag(),
        "exclude_bot_users": Flag(),
    },
    any_of=("include", "exclude_external_shared_channels", "exclude_bot_users"),
)
WORKFLOW = Fields(
    {
        "trigger": Fields(
            {"url": URL},
            {"customizable_input_parameters": Items(Fields({"name": NAME, "value": Text()}))},
        )
    }
)

_ACTION: Rules = {"action_id": ID}
_PICK: Rules = {**_ACTION, "confirm": CONFIRM, "focus_on_load": Flag()}
_SELECT: Rules = {**_PICK, "placeholder": plain(150)}
_SELECT_MANY: Rules = {**_SELECT, "max_selected_items": Whole(1)}
_TYPE_IN: Rules = {
    **_ACTION,
    "placeholder": plain(150),
    "focus_on_load": Flag(),
    "dispatch_action_config": DISPATCH,
}
SUGGESTIONS = Fields(
    may={"options": Items(OPTION, 100, 0), "option_groups": Items(OPTION_GROUP, 100, 0)},
    one_of=("options", "option_groups"),
)
_OPTIONS: Rules = {"options": Items(OPTION, 100), "option_groups": Items(OPTION_GROUP, 100)}
_EITHER = ("options", "option_groups")
_CURRENT: Rules = {"default_to_current_conversation": Flag(), "filter": CONVERSATIONS}
_RESPONSE_URL: Rules = {"response_url_enabled": Flag()}
_DECIMAL = Text(pattern=r"-?\d+(\.\d+)?", complaint="must provide a number")

BUTTONS: Rules = {
    "button": Fields(
        {"text": plain(75)},
        {
            **_ACTION,
            "url": URL,
            "value": Text(2000),
            "style": STYLE,
            "confirm": CONFIRM,
            "accessibility_label": Text(75),
        },
    ),
    "workflow_button": Fields(
        {"text": plain(75), "action_id": ID, "workflow": WORKFLOW},
        {"style": STYLE, "accessibility_label": Text(75)},
    ),
    "overflow": Fields({"options": Items(LINK_OPTION, 5)}, {**_ACTION, "confirm": CONFIRM}),
}
PICKERS: Rules = {
    "checkboxes": Fields(
        {"options": Items(RICH_OPTION, 10)},
        {**_PICK, "initial_options": Items(RICH_OPTION, 10)},
        also=(_initial_is_offered,),
    ),
    "radio_buttons": Fields(
        {"options": Items(RICH_OPTION, 10)},
        {**_PICK, "initial_option": RICH_OPTION},
        also=(_initial_is_offered,),
    ),
    "datepicker": Fields(may={**_SELECT, "initial_date": Text(pattern=DATE, complaint="invalid date")}),
    "timepicker": Fields(
        may={
            **_SELECT,
            "initial_time": Text(pattern=r"([01]\d|2[0-3]):[0-5]\d", complaint="invalid time"),
            "timezone": NAME,
        }
    ),
}
DATE_AND_TIME: Rules = {
    "datetimepicker": Fields(may={**_PICK, "initial_date_time": Whole(1_000_000_000, 9_999_999_999)})
}
SELECTS: Rules = {
    "static_select": Fields(
        may={**_SELECT, **_OPTIONS, "initial_option": OPTION}, one_of=_EITHER, also=(_initial_is_offered,)
    ),
    "external_select": Fields(may={**_SELECT, "initial_option": OPTION, "min_query_length": Whole()}),
    "users_select": Fields(may={**_SELECT, "initial_user": NAME}),
    "conversations_select": Fields(
        may={**_SELECT, **_CURRENT, **_RESPONSE_URL, "initial_conversation": NAME}
    ),
    "channels_select": Fields(may={**_SELECT, **_RESPONSE_URL, "initial_channel": NAME}),
}
MULTI_SELECTS: Rules = {
    "multi_static_select": Fields(
        may={**_SELECT_MANY, **_OPTIONS, "initial_options": Items(OPTION, 100)},
        one_of=_EITHER,
        also=(_initial_is_offered,),
    ),
    "multi_external_select": Fields(
        may={**_SELECT_MANY, "initial_options": Items(OPTION, 100), "min_query_length": Whole()}
    ),
    "multi_users_select": Fields(may={**_SELECT_MANY, "initial_users": Items(NAME)}),
    "multi_conversations_select": Fields(
        may={**_SELECT_MANY, **_CURRENT, "initial_conversations": Items(NAME)}
    ),
    "multi_channels_select": Fields(may={**_SELECT_MANY, "initial_channels": Items(NAME)}),
}

_BORDER: Rules = {"border": Whole(0, 1)}
_TEXT_STYLES = Fields(may=dict.fromkeys(("bold", "italic", "strike", "code", "underline"), Flag()))
_MENTION_STYLES = Fields(
    may=dict.fromkeys(("bold", "italic", "strike", "highlight", "client_highlight", "unlink"), Flag())
)
_WRITTEN: Rules = {
    "text": Fields({"text": NAME}, {"style": _TEXT_STYLES}),
    "link": Fields({"url": URL}, {"text": Text(), "unsafe": Flag(), "style": _TEXT_STYLES}),
}
_INLINE = ByType(
    {
        **_WRITTEN,
        "user": Fields({"user_id": NAME}, {"style": _MENTION_STYLES}),
        "usergroup": Fields({"usergroup_id": NAME}, {"style": _MENTION_STYLES}),
        "channel": Fields({"channel_id": NAME}, {"style": _MENTION_STYLES}),
        "team": Fields({"team_id": NAME}, {"style": _MENTION_STYLES}),
        "emoji": Fields({"name": NAME}, {"unicode": Text(), "skin_tone": Whole(1, 6), "style": _TEXT_STYLES}),
        "date": Fields(
            {"timestamp": Whole(), "format": NAME}, {"url": URL, "fallback": Text(), "style": _TEXT_STYLES}
        ),
        "broadcast": Fields(
            {"range": Text(choices=("here", "channel", "everyone"))}, {"style": _TEXT_STYLES}
        ),
        "color": Fields({"value": NAME}, {"style": _TEXT_STYLES}),
    }
)
_RICH_SECTION = ByType({"rich_text_section": Fields({"elements": Items(_INLINE, least=0)})})
_RICH_PARTS = ByType(
    {
        **_RICH_SECTION.rules,
        "rich_text_list": Fields(
            {"elements": Items(_RICH_SECTION), "style": Text(choices=("bullet", "ordered"))},
            {**_BORDER, "indent": Whole(0, 8), "offset": Whole()},
        ),
        "rich_text_preformatted": Fields(
            {"elements": Items(ByType(_WRITTEN), least=0)}, {**_BORDER, "language": NAME}
        ),
        "rich_text_quote": Fields({"elements": Items(_INLINE, least=0)}, _BORDER),
    }
)
BLOCK: Rules = {"block_id": ID}
RICH_TEXT = Fields({"elements": Items(_RICH_PARTS)}, BLOCK)

INPUTS: Rules = {
    "plain_text_input": Fields(
        may={
            **_TYPE_IN,
            "initial_value": Text(3000),
            "multiline": Flag(),
            "min_length": Whole(0, 3000),
            "max_length": Whole(1, 3000),
        },
        also=(_lengths_agree,),
    ),
    "email_text_input": Fields(may={**_TYPE_IN, "initial_value": Text()}),
    "url_text_input": Fields(may={**_TYPE_IN, "initial_value": Text()}),
    "number_input": Fields(
        {"is_decimal_allowed": Flag()},
        {**_TYPE_IN, "initial_value": _DECIMAL, "min_value": _DECIMAL, "max_value": _DECIMAL},
        also=(_numbers_agree,),
    ),
    "rich_text_input": Fields(may={**_TYPE_IN, "initial_value": ByType({"rich_text": RICH_TEXT})}),
}
FILE_INPUT: Rules = {
    "file_input": Fields(may={**_ACTION, "filetypes": Items(NAME), "max_files": Whole(1, 10)})
}

PICTURE: Rules = {"image_url": URL, "slack_file": SLACK_FILE}
IMAGE: Rules = {"image": Fields({"alt_text": Text(2000, 1)}, PICTURE, one_of=("image_url", "slack_file"))}
