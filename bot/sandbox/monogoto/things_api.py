"""The vendor's calls about Things: read, list, status, state, and the write that this is all about."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from bot.sandbox.monogoto import answers
from bot.sandbox.monogoto.incoming import FAULT, acts_out, edits, json_object, page_asked
from bot.sandbox.monogoto.records import ThingRecord, render_row, render_thing
from bot.sandbox.monogoto.settings import Settings
from bot.sandbox.monogoto.world import World

_PREFIX: Final = "ThingId_ICCID_"
_SAVED: Final = "Thing undefined successfully saved."


class ThingsApi:
    """Handlers; what the world holds and how it answers is given."""

    def __init__(self, world: World, settings: Settings) -> None:
        self._world = world
        self._settings = settings

    def routes(self) -> list[web.RouteDef]:
        """All calls about Things, with and without the last slash."""
        return [
            web.get("/things", self.list_things),
            web.get("/thing/status", self.status),
            web.get("/thing/{id}", self.read),
            *(web.get(f"/thing/{{id}}/state{slash}", self.read_state) for slash in ("", "/")),
            *(web.put(f"/thing/{{id}}/state{slash}", self.write_state) for slash in ("", "/")),
            *(web.put(f"/thing/update{slash}", self.update) for slash in ("", "/")),
        ]

    async def read(self, request: web.Request) -> web.Response:
        """GET /thing/ThingId_ICCID_<iccid>."""
        record = self._find(request.match_info["id"])
        if record is None:
            return answers.unknown_id(self._settings.unknown_id, request.match_info["id"])
        self._edit(record, edits(request, "edited_first"))
        shown = record
        if acts_out(request, "wrong_thing"):
            shown = next(other for other in self._world.things.values() if other is not record)
        answer = answers.json(self._world.shown(shown.thing_id) or render_thing(shown))
        self._edit(record, edits(request, "edited_after"))
        return answer

    async def list_things(self, request: web.Request) -> web.Response:
        """GET /things: a bare array, no total."""
        page = page_asked(request)
        if isinstance(page, str):
            return answers.text(page, 400)
        found = self._world.rows(
            page,
            imei=request.query.get("filterBy[IMEI]"),
            order=request.query.get("sortBy[ThingName]"),
            groups=self._settings.own_groups if self._settings.profile == "group_user" else None,
        )
        with_group, with_lock = self._settings.rows_with_group, self._settings.rows_with_lock
        untold = self._settings.rows_untold_group
        return answers.json(
            [
                render_row(record, with_group=with_group, with_lock=with_lock, untold=untold)
                for record in found
            ]
        )

    async def status(self, request: web.Request) -> web.Response:
        """GET /thing/status?ThingIds=…."""
        ids = [part for value in request.query.getall("ThingIds", []) for part in value.split(",")]
        found = [record for record in map(self._find, ids) if record is not None]
        data = [self._status_row(record) for record in found]
        return answers.json({"Success": True, "Message": "OK", "Data": data})

    async def read_state(self, request: web.Request) -> web.Response:
        """GET /thing/ThingId_ICCID_<iccid>/state/."""
        record = self._find(request.match_info["id"])
        if record is None:
            return answers.unknown_id(self._settings.unknown_id, request.match_info["id"])
        return answers.json({"state": record.state})

    async def write_state(self, request: web.Request) -> web.Response:
        """PUT /thing/ThingId_ICCID_<iccid>/state/."""
        record = self._find(request.match_info["id"])
        if record is None:
            return answers.unknown_id(self._settings.unknown_id, request.match_info["id"])
        body = await json_object(request)
        if body is None or body.get("state") not in {"ACTIVE", "SUSPENDED"}:
            return answers.text("Invalid Input Data", 400)
        if not acts_out(request, "does_not_stick"):
            self._world.write(record, {"State": body["state"]})
        return answers.text("Thing state updated successfully.")

    async def update(self, request: web.Request) -> web.Response:
        """PUT /thing/update/: with the present `cas`, merges only the keys sent, or as the switch says."""
        body = await json_object(request)
        if body is None or not body.get("cas") or not isinstance(body.get("ThingId"), str):
            return answers.text("Invalid Input Data", 400)
        record = self._find(self._bare_id(body["ThingId"]))
        if record is None:
            return answers.unknown_id(self._settings.unknown_id, body["ThingId"])
        if acts_out(request, "cas_moves_first"):
            self._world.move_cas(record)
        self._edit(record, edits(request, "edited_first"))
        if not _same_cas(body["cas"], record.cas):
            return answers.stale_cas(self._settings.stale_cas)
        keys = {key: value for key, value in body.items() if key not in {"cas", "ThingId"}}
        if self._settings.validates_imei and not _looks_like_imei(keys.get("MasterIMEI")):
            return answers.json({"message": "MasterIMEI is not valid"}, 400)
        if acts_out(request, "seen_late"):
            self._world.hide(record.thing_id, render_thing(record), request[FAULT].seconds)
        if not acts_out(request, "does_not_stick"):
            self._world.write(record, keys, also=self._unasked(keys) | edits(request, "changes_too"))
        self._edit(record, edits(request, "edited_after"))
        return answers.text(_SAVED)

    def _unasked(self, keys: dict[str, Any]) -> dict[str, Any]:
        """What this vendor changes along with the keys that were sent."""
        also: dict[str, Any] = {}
        if self._settings.thing_put == "replace":
            also = {key: "" for key in ("ThingName", "ThingDescription", "ThingsGroupId") if key not in keys}
        if self._settings.stored_imei_locks and keys.get("MasterIMEI"):
            also["LockMasterImei"] = True
        return also

    def _edit(self, record: ThingRecord, keys: dict[str, Any]) -> None:
        """At the console; nothing at all moves where there are no keys."""
        if keys:
            self._world.edit(record, keys)

    def _find(self, thing_id: str) -> ThingRecord | None:
        if not thing_id.startswith(_PREFIX):
            return None
        record = self._world.touch(thing_id.removeprefix(_PREFIX))
        return record if record is not None and self._mine(record) else None

    def _mine(self, record: ThingRecord) -> bool:
        return self._settings.profile != "group_user" or record.group_id in self._settings.own_groups

    def _bare_id(self, sent: str) -> str:
        return sent if self._settings.thing_id == "strict" else sent.strip().removeprefix("/thing/")

    def _status_row(self, record: ThingRecord) -> dict[str, Any]:
        session = {"SessionId": f"local-{record.iccid[-6:]}", "Type": "DATA"}
        shape = self._settings.active_sessions
        sessions: Any = [session] if shape == "list" else session
        return {
            "ThingId": record.thing_id,
            "ThingName": record.name,
            "ProvisionStatus": record.state,
            "ConnectionStatus": "Online" if record.online else "Offline",
            "ActiveSessions": sessions if record.online else type(sessions)(),
            "ActiveIMSI": "",
            "LastConnectionTime": record.last_location,
        }


def _same_cas(sent: Any, present: int) -> bool:
    """A string, or a number that came through whole: a float never does."""
    if isinstance(sent, bool) or not isinstance(sent, (str, int)):
        return False
    return str(sent) == str(present)


def _looks_like_imei(value: Any) -> bool:
    return value in (None, "") or (isinstance(value, str) and value.isdigit() and len(value) == 15)
