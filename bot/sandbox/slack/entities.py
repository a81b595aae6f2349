"""Names in the text of a command, as ids: what Slack does where a command asks for it (`should_escape`)."""

from __future__ import annotations

import re

from bot.sandbox.slack.workspace import Workspace

_NAMED = re.compile(r"<[^<>]*>|(?<![\w@#])([@#])([\w.-]*\w)")


def with_ids(space: Workspace, text: str) -> str:
    """`@maria.santos`, `@field-engineers` and `#field-ops` as Slack writes them; anything else as it is."""
    users = {user.name: f"<@{user.id}|{user.name}>" for user in space.users.values()}
    groups = {group.handle: f"<!subteam^{group.id}|@{group.handle}>" for group in space.groups.values()}
    channels = {
        each.name: f"<#{each.id}|{'' if each.is_private else each.name}>"
        for each in space.channels.values()
        if each.im_with is None
    }
    marks = {"@": groups | users, "#": channels}

    def mark(found: re.Match[str]) -> str:
        return marks[found[1]].get(found[2], found[0]) if found[1] else found[0]

    return _NAMED.sub(mark, text)
