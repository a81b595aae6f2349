"""The vendor's calls about Things Groups: read, list, and the write that has no `cas`."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.sandbox.monogoto import answers
from bot.sandbox.monogoto.groups import NAME_KEY, GroupRecord, render_group, render_group_row
from bot.sandbox.monogoto.incoming import FAULT, acts_out, edits, json_object, page_asked
from bot.sandbox.monogoto.settings import Settings
from bot.sandbox.monogoto.world import World


class GroupsApi:
    """Handlers; what the world holds and how it answers is given."""

    def __init__(self, world: World, settings: Settings) -> None:
        self._world = world
        self._settings = settings

    def routes(self) -> list[web.RouteDef]:
        """All calls about groups."""
        return [
            web.get("/thingsgroups", self.list_groups),
            web.get("/thingsgroup/{id}", self.read),
            web.put("/thingsgroup/{id}", self.write),
        ]

    async def read(self, request: web.Request) -> web.Response:
        """GET /thingsgroup/{ThingsGroupId}."""
        group = self._find(request)
        if group is None:
            return self._unknown(request)
        self._world.edit_group(group, edits(request, "edited_first"))
        shown = self._another(group) if acts_out(request, "wrong_thing") else group
        answer = answers.json(self._world.shown(shown.group_id) or render_group(shown))
        self._world.edit_group(group, edits(request, "edited_after"))
        return answer

    async def write(self, request: web.Request) -> web.Response:
        """PUT /thingsgroup/{ThingsGroupId}: no `cas`, the last one wins; answers the bare id as text."""
        group = self._find(request)
        if group is None:
            return self._unknown(request)
        body = await json_object(request)
        if body is None:
            return answers.text("Invalid Input Data", 400)
        if self._settings.validates_tac and not _looks_like_tac(body.get("IMEIPrefix", "")):
            return answers.json({"message": "IMEIPrefix is not valid"}, 400)
        self._world.edit_group(group, edits(request, "edited_first"))
        if acts_out(request, "seen_late"):
            self._world.hide(group.group_id, render_group(group), request[FAULT].seconds)
        if not acts_out(request, "does_not_stick"):
            self._world.write_group(group, body, also=edits(request, "changes_too"))
        self._world.edit_group(group, edits(request, "edited_after"))
        return answers.text((self._another(group) if acts_out(request, "wrong_thing") else group).group_id)

    async def list_groups(self, request: web.Request) -> web.Response:
        """GET /thingsgroups: a guess, so it may be missing; else a bare array, no total, as of Things."""
        if self._settings.groups_listing == "missing":
            return answers.text("Cannot GET /thingsgroups", 404)
        page = page_asked(request)
        if isinstance(page, str):
            return answers.text(page, 400)
        found = [group for group in self._world.groups.values() if self._mine(group)]
        order = request.query.get(f"sortBy[{NAME_KEY}]")
        if order is not None:
            found.sort(key=lambda group: (str(group.name), group.group_id), reverse=order == "DESC")
        return answers.json([render_group_row(group) for group in found[page]])

    def _find(self, request: web.Request) -> GroupRecord | None:
        group = self._world.groups.get(request.match_info["id"])
        return group if group is not None and self._mine(group) else None

    def _mine(self, group: GroupRecord) -> bool:
        return self._settings.profile != "group_user" or group.group_id in self._settings.own_groups

    def _another(self, group: GroupRecord) -> GroupRecord:
        return next(other for other in self._world.groups.values() if other is not group)

    def _unknown(self, request: web.Request) -> web.Response:
        return answers.unknown_id(self._settings.unknown_id, request.match_info["id"])


def _looks_like_tac(value: Any) -> bool:
    return value == "" or (isinstance(value, str) and value.isdigit() and len(value) == 8)
