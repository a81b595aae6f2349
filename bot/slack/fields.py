"""The fields of the request forms, as pure builders. `version` is part of the action ids: see `Form`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain.changes import Kind
from bot.domain.things import GroupRow
from bot.slack import blocks as b
from bot.slack import ids
from bot.slack.form_state import Form

KEEP_TEXTS = {
    Kind.UNLOCK_THING: {
        "keep": (
            "Keep the stored IMEI",
            "Any device works from now on; the look-up offers it for a later lock.",
        ),
        "clear": (
            "Clear the stored IMEI",
            "Any device works, and the IMEI is forgotten: the device is retired.",
        ),
    },
    Kind.UNLOCK_THINGS_GROUP: {
        "keep": ("Keep the stored TAC", "Any device works from now on; the TAC stays for a later lock."),
        "clear": ("Clear the stored TAC", "Any device works, and the range is forgotten."),
    },
}
FILE_TYPES = ("csv", "xlsx", "txt", "tsv")
HOW_TO = (
    "One SIM on each line: its ICCID, and the IMEI to bind it to; or `last seen`, `unlock keep`, "
    "`unlock clear` instead of the IMEI. Every row is checked first, and nothing is asked for before you "
    "have seen what each would do."
)
EXAMPLE = "ICCID,IMEI\n8944-4765-0000-8878-576,49-015420-323751-8\n8944-4765-0000-8878-584,last seen"
KEEP_LABELS = {
    Kind.UNLOCK_THING: "The IMEI stored with the lock",
    Kind.UNLOCK_THINGS_GROUP: "The TAC stored with the lock",
}


def fields(shown: Form) -> list[b.Block]:
    """The fields of this form, with what was typed into them."""
    typed, v = shown.typed, shown.version
    match shown.kind:
        case Kind.LOCK_THING:
            return [_iccid(typed, v), _look_up(), _imei(typed, v), _reason(typed, v)]
        case Kind.UNLOCK_THING:
            return [_iccid(typed, v), _look_up(), _keep(shown), _reason(typed, v)]
        case Kind.LOCK_THINGS_GROUP:
            return [_things_group(typed, v), _tac(typed, v), _reason(typed, v)]
        case Kind.UNLOCK_THINGS_GROUP:
            return [_things_group(typed, v), _keep(shown), _reason(typed, v)]
        case Kind.BULK:
            return [*_how_to(), _file(), _lines(typed, v), _reason(typed, v)]


def _how_to() -> list[b.Block]:
    """What a file looks like, and where to get one to fill in."""
    example = {"type": "text", "text": EXAMPLE}
    shown = {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [example]}]}
    return [
        b.section(HOW_TO),
        shown,
        b.actions(b.button("Send me a file to fill in", ids.BULK_TEMPLATE, "template")),
    ]


def _file() -> b.Block:
    """The file can't be put back by the bot: Slack keeps what stands in it under the same ids."""
    element = {
        "type": "file_input",
        "action_id": "file",
        "filetypes": list(FILE_TYPES),
        "max_files": 1,
    }
    return {
        "type": "input",
        "block_id": ids.FILE_BLOCK,
        "label": b.plain("A file (CSV or Excel)", 2000),
        "hint": b.plain("At most 10 MB and 100,000 rows.", 2000),
        "optional": True,
        "element": element,
    }


def _lines(typed: Mapping[str, str], version: int) -> b.Block:
    field = b.text_input(
        ids.LINES_BLOCK,
        "or pasted lines",
        f"lines.v{version}",
        initial=typed.get(ids.LINES_BLOCK, ""),
        placeholder="One SIM on each line: ICCID and IMEI",
        hint=f"At most {b.TEXT_LIMIT:,} characters, some 80 SIMs. For more, send a file.",
        multiline=True,
    )
    return field | {"optional": True}


def group_option(row: GroupRow) -> b.Block:
    """A group in the list: its name, and its id small under it; what it stands for is the id."""
    return {
        "text": b.plain(row.title, 75),
        "value": row.things_group_id,
        "description": b.plain(row.things_group_id, 75),
    }


def _iccid(typed: Mapping[str, str], version: int) -> b.Block:
    return b.text_input(
        ids.ICCID_BLOCK,
        "ICCID",
        f"iccid.v{version}",
        initial=typed.get(ids.ICCID_BLOCK, ""),
        placeholder="18 to 20 digits, starting with 89",
        most=b.FIELD_LIMIT,
    )


def _look_up() -> b.Block:
    return b.actions(b.button("Look up", ids.LOOK_UP, "look_up"), block_id=ids.LOOK_UP_BLOCK)


def _imei(typed: Mapping[str, str], version: int) -> b.Block:
    return b.text_input(
        ids.IMEI_BLOCK,
        "IMEI",
        f"imei.v{version}",
        initial=typed.get(ids.IMEI_BLOCK, ""),
        placeholder="15 digits on the label, or dial *#06#",
        hint="Only this device gets service. Any other device loses it.",
        most=b.FIELD_LIMIT,
    )


def _tac(typed: Mapping[str, str], version: int) -> b.Block:
    return b.text_input(
        ids.TAC_BLOCK,
        "TAC",
        f"tac.v{version}",
        initial=typed.get(ids.TAC_BLOCK, ""),
        placeholder="The first 8 digits of the devices' IMEI",
        hint="Only devices of this model get service. Any other device in the group loses it.",
        most=b.FIELD_LIMIT,
    )


def _things_group(typed: Mapping[str, str], version: int) -> b.Block:
    """A list that is searched while one types; choosing dispatches, so that the group's facts appear."""
    element: dict[str, Any] = {
        "type": "external_select",
        "action_id": f"{ids.THINGS_GROUP_SELECT}.v{version}",
        "placeholder": b.plain("Part of the name, or the id", 150),
        "min_query_length": 0,
    }
    chosen = typed.get(ids.THINGS_GROUP_BLOCK, "")
    if chosen:
        row = GroupRow(chosen, typed.get(ids.THINGS_GROUP_NAME, ""))
        element["initial_option"] = group_option(row)
    return {
        "type": "input",
        "block_id": ids.THINGS_GROUP_BLOCK,
        "label": b.plain("Group", 2000),
        "element": element,
        "dispatch_action": True,
    }


def _keep(shown: Form) -> b.Block:
    options = {
        value: {"text": b.plain(text, 75), "description": b.plain(why, 75), "value": value}
        for value, (text, why) in KEEP_TEXTS[shown.kind].items()
    }
    element = {
        "type": "radio_buttons",
        "action_id": f"keep.v{shown.version}",
        "options": list(options.values()),
        "initial_option": options.get(shown.typed.get(ids.KEEP_BLOCK, ""), options["keep"]),
    }
    label = b.plain(KEEP_LABELS[shown.kind], 2000)
    return {"type": "input", "block_id": ids.KEEP_BLOCK, "label": label, "element": element}


def _reason(typed: Mapping[str, str], version: int) -> b.Block:
    return b.text_input(
        ids.REASON_BLOCK,
        "Reason",
        f"reason.v{version}",
        initial=typed.get(ids.REASON_BLOCK, ""),
        placeholder="For the approver, and for whoever reads the audit log",
        multiline=True,
        most=b.REASON_LIMIT,
    )
