"""The bot asks for the scopes that its calls need, for no other, and says of each why."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from bot.slack.inspection import OPTIONAL_SCOPES, SCOPES

ROOT = Path(__file__).parents[2]
MANIFEST = (ROOT / "manifest.yml").read_text()
ASKED: list[str] = yaml.safe_load(MANIFEST)["oauth_config"]["scopes"]["bot"]
EVENTS: list[str] = yaml.safe_load(MANIFEST)["settings"]["event_subscriptions"]["bot_events"]

KINDS = ("channels", "groups", "im", "mpim")
METHODS = {
    "apps.connections.open": (),  # with the app-level token, which has connections:write alone
    "auth.test": (),
    "chat.getPermalink": (),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.history": ("channels:history", "groups:history"),
    "conversations.info": tuple(f"{kind}:read" for kind in KINDS),
    "conversations.members": tuple(f"{kind}:read" for kind in KINDS),
    "conversations.open": ("im:write",),
    "conversations.replies": ("channels:history", "groups:history"),
    "files.completeUploadExternal": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "files.info": ("files:read",),
    "usergroups.list": ("usergroups:read",),
    "usergroups.users.list": ("usergroups:read",),
    "users.info": ("users:read",),
    "views.open": (),
    "views.publish": (),
    "views.update": (),
}
"""Methods, and the scopes that Slack documents for them (of those for what we do)."""
BESIDES = {"commands": "slash commands and shortcuts"}
"""Scopes that no method needs."""
EVENTS_NEED = {
    "app_home_opened": (),
    "subteam_members_changed": ("usergroups:read",),
    "subteam_updated": ("usergroups:read",),
}
FAMILY = re.compile(
    r"(admin|apps|auth|bookmarks|bots|calls|canvases|chat|conversations|dnd|emoji|files|lists|migration|oauth"
    r"|openid|pins|reactions|reminders|rtm|search|stars|team|usergroups|users|views|workflows)\.[a-zA-Z.]+"
)


def called() -> set[str]:
    """Every method of the Web API that stands as a text in the bot's own code."""
    found = set()
    for path in sorted((ROOT / "bot").rglob("*.py")):
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and FAMILY.fullmatch(node.value)
            ):
                found.add(node.value)
    return found


def test_every_method_that_is_called_has_its_scopes_written_down() -> None:
    assert called() - set(METHODS) == set()


def test_the_manifest_asks_for_what_is_needed_and_for_nothing_else() -> None:
    needed = {scope for method in called() for scope in METHODS[method]}
    needed |= {scope for event in EVENTS for scope in EVENTS_NEED[event]}
    assert set(ASKED) == needed | set(BESIDES)


@pytest.mark.parametrize("scope", ASKED)
def test_each_scope_says_beside_it_what_it_is_for(scope: str) -> None:
    assert re.search(rf"^ +- {re.escape(scope)} +# \S.{{9,}}", MANIFEST, re.MULTILINE)


def test_check_looks_at_the_same_scopes() -> None:
    assert sorted([*SCOPES, *OPTIONAL_SCOPES]) == sorted(ASKED)


def test_nothing_of_what_could_act_for_a_person_or_read_what_people_write_is_asked_for() -> None:
    assert "user" not in yaml.safe_load(MANIFEST)["oauth_config"]["scopes"]
    assert not [
        s for s in ASKED if s.startswith(("admin", "im:history", "mpim:history", "chat:write.public"))
    ]
