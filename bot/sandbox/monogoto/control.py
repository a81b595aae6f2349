"""The control API: what tests do by method, a page or another process does over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import answers
from bot.sandbox.monogoto.delivery import Handler
from bot.sandbox.monogoto.records import ABSENT

if TYPE_CHECKING:
    from bot.sandbox.monogoto.server import LocalMonogoto


class ControlApi:
    """Handlers under `/control/`; JSON in and out, for this machine and its own pages only."""

    def __init__(self, sim: LocalMonogoto) -> None:
        self._sim = sim
        self.origins: set[str] = set()
        """Origins besides our own that may call, such as the sandbox's page."""

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.get("/control/state", self.state),
            web.get("/control/calls", self.calls),
            web.get("/control/things/{iccid}", self.thing),
            web.get("/control/things/{iccid}/writes", self.writes),
            web.post("/control/things/{iccid}/data-session", self.data_session),
            web.post("/control/things/{iccid}/session-every", self.session_every),
            web.post("/control/things/{iccid}/edit", self.edit),
            web.get("/control/groups/{id}", self.group),
            web.get("/control/groups/{id}/writes", self.group_writes),
            web.post("/control/groups/{id}/edit", self.edit_group),
            web.post("/control/settings", self.change_settings),
            web.post("/control/faults", self.fail),
            web.delete("/control/faults", self.clear_faults),
            web.post("/control/expire-tokens", self.expire_tokens),
            web.post("/control/clock/advance", self.advance),
        ]

    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse other hosts' names and other pages; turn a wrong argument into 400."""
        port = self._sim.url.rpartition(":")[2]
        hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        origin = request.headers.get("Origin")
        if request.host not in hosts:
            return answers.text("wrong Host", 403)
        if origin is not None and origin not in self.origins | {f"http://{host}" for host in hosts}:
            return answers.text("wrong Origin", 403)
        if request.method == "POST" and request.content_type != "application/json":
            return answers.text("JSON only", 415)
        try:
            return await handler(request)
        except KeyError as missing:
            return answers.json({"error": f"missing or unknown: {missing}"}, 400)
        except (TypeError, ValueError) as wrong:
            return answers.json({"error": str(wrong)}, 400)

    async def state(self, _: web.Request) -> web.Response:
        """GET /control/state."""
        sim = self._sim
        return answers.json(
            {
                "now": sim.clock.now().isoformat(),
                "things": len(sim.iccids),
                "groups": list(sim.group_ids),
                "in_flight": sim.in_flight,
                "calls": len(sim.calls),
                "settings": sim.settings.as_json(),
            }
        )

    async def calls(self, request: web.Request) -> web.Response:
        """GET /control/calls?last=N&method=PUT&path=/thingsgroup/, the path by its beginning."""
        last = int(request.query.get("last", "100"))
        found = self._sim.calls_to(request.query.get("method", "*"), request.query.get("path", "/"))
        return answers.json([call.as_json() for call in found[-last:]])

    async def thing(self, request: web.Request) -> web.Response:
        """GET /control/things/{iccid}."""
        return answers.json(self._sim.thing(request.match_info["iccid"]))

    async def writes(self, request: web.Request) -> web.Response:
        """GET /control/things/{iccid}/writes."""
        found = self._sim.writes.get(request.match_info["iccid"], [])
        return answers.json(
            [
                {"at": write.at.isoformat(), "keys": write.keys, "cas": [write.cas_before, write.cas_after]}
                for write in found
            ]
        )

    async def data_session(self, request: web.Request) -> web.Response:
        """POST /control/things/{iccid}/data-session, {"imei"}."""
        body = await _body(request)
        verdict = self._sim.data_session(request.match_info["iccid"], str(body["imei"]))
        return answers.json({"accepted": verdict.accepted, "why": verdict.why})

    async def session_every(self, request: web.Request) -> web.Response:
        """POST /control/things/{iccid}/session-every, {"milliseconds": number or null}."""
        every = (await _body(request))["milliseconds"]
        self._sim.session_every(request.match_info["iccid"], None if every is None else float(every))
        return answers.json({"ok": True})

    async def edit(self, request: web.Request) -> web.Response:
        """POST /control/things/{iccid}/edit, keys in the vendor's spelling."""
        self._sim.console_edit(request.match_info["iccid"], **await _body(request))
        return answers.json({"ok": True})

    async def edit_group(self, request: web.Request) -> web.Response:
        """POST /control/groups/{id}/edit, keys in the vendor's spelling."""
        self._sim.console_edit_group(request.match_info["id"], **await _body(request))
        return answers.json({"ok": True})

    async def group(self, request: web.Request) -> web.Response:
        """GET /control/groups/{id}."""
        return answers.json(self._sim.group(request.match_info["id"]))

    async def group_writes(self, request: web.Request) -> web.Response:
        """GET /control/groups/{id}/writes: PUTs that took effect, oldest first."""
        found = self._sim.group_writes.get(request.match_info["id"], [])
        return answers.json(
            [
                {"at": write.at.isoformat(), "body": write.body, "before": write.before, "after": write.after}
                for write in found
            ]
        )

    async def change_settings(self, request: web.Request) -> web.Response:
        """POST /control/settings, any of them by name."""
        self._sim.settings.change(**await _body(request))
        return answers.json(self._sim.settings.as_json())

    async def fail(self, request: web.Request) -> web.Response:
        """POST /control/faults, {"method", "path", "what", "times" or "rate", "seconds", "status", "keys"}.

        `absent`, a list: keys of a group that are taken away, since JSON has no word for it.
        """
        body = await _body(request)
        match = (str(body.get("method", "*")).upper(), str(body.get("path", "/")))
        more: dict[str, Any] = {
            "seconds": float(body.get("seconds", 1.0)),
            "status": int(body["status"]) if "status" in body else None,
            "keys": dict(body.get("keys", {})) | dict.fromkeys(body.get("absent", []), ABSENT),
        }
        if "rate" in body:
            self._sim.fail_at_rate(match, body["what"], float(body["rate"]), **more)
        else:
            self._sim.fail(match, body["what"], int(body.get("times", 1)), **more)
        return answers.json({"ok": True})

    async def clear_faults(self, _: web.Request) -> web.Response:
        """DELETE /control/faults."""
        self._sim.clear_faults()
        return answers.json({"ok": True})

    async def expire_tokens(self, _: web.Request) -> web.Response:
        """POST /control/expire-tokens, {}."""
        self._sim.expire_tokens()
        return answers.json({"ok": True})

    async def advance(self, request: web.Request) -> web.Response:
        """POST /control/clock/advance, {"seconds"}; only a clock that stands still can be moved."""
        clock = self._sim.clock
        if not isinstance(clock, ManualClock):
            return answers.json({"error": "this clock moves by itself"}, 409)
        seconds = float((await _body(request))["seconds"])
        if seconds < 0:
            raise ValueError("time moves forward only")
        clock.advance(seconds)
        return answers.json({"now": clock.now().isoformat()})


async def _body(request: web.Request) -> dict[str, Any]:
    body = await request.json()
    if not isinstance(body, dict):
        raise TypeError("an object is wanted")
    return body
