"""The Monogoto side of the page: what the vendor holds, what it was asked, and the outside world's hands."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from bot.sandbox.demo.answering import JSON, acts, looks
from bot.sandbox.demo.calls import CallLog, without_secrets
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.monogoto.digits import luhn_digit
from bot.sandbox.monogoto.faults import Fault, FaultKind, Match

ROOT: Final = "/control/monogoto"
MOST_ROWS: Final = 50
MOST_TIMES: Final = 20
SLOW_SECONDS: Final = 8.0
RETRY_AFTER_SECONDS: Final = 5.0

_ABOUT: Final = ("/thing/", "/thingsgroup/")
"""Calls that somebody waits for: the inventory's listings use nothing up."""
_TROUBLE: Final[dict[str, tuple[Match, FaultKind, float]]] = {
    "slow": (("*", _ABOUT), "latency", SLOW_SECONDS),
    "rate_limited": (("*", _ABOUT), "rate_limited", RETRY_AFTER_SECONDS),
    "error": (("*", _ABOUT), "error_json", 0.0),
    "answer_lost": (("PUT", _ABOUT), "drop_after", 0.0),
}
"""What can be made to go wrong, by the page's name for it."""


class Pane:
    """Handlers under `/control/monogoto/`; `changed` is called after everything that was done."""

    def __init__(self, monogoto: LocalMonogoto, calls: CallLog, changed: Callable[[], None]) -> None:
        self._monogoto = monogoto
        self._calls = calls
        self._changed = changed

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        seen = {
            "things": self._things,
            "groups": self._groups,
            "things/{iccid}": self._thing,
            "groups/{id}": self._group,
            "calls": self._last_calls,
            "trouble": lambda _: self._waiting_trouble(),
        }
        done = {
            "session": self._session,
            "edit-thing": self._edit_thing,
            "edit-group": self._edit_group,
            "trouble": self._make_trouble,
            "clear": self._clear,
            "expire-tokens": self._expire_tokens,
        }
        return [looks(f"{ROOT}/{path}", look) for path, look in seen.items()] + [
            acts(f"{ROOT}/{path}", act, self._changed) for path, act in done.items()
        ]

    def _things(self, request: web.Request) -> JSON:
        """`search`, `group` (an id), `offset`: at most 50 rows, and how many there are."""
        asked = request.query
        found = self._monogoto.find.things(
            asked.get("search", ""), _page(request), group_id=asked.get("group", "")
        )
        return {"total": found.total, "rows": found.rows}

    def _groups(self, request: web.Request) -> JSON:
        found = self._monogoto.find.groups(request.query.get("search", ""), _page(request))
        return {"total": found.total, "rows": found.rows}

    def _thing(self, request: web.Request) -> JSON:
        record = self._monogoto.thing(request.match_info["iccid"])
        group_id = record["ThingsGroupId"]
        group = self._monogoto.group(group_id) if group_id in self._monogoto.group_ids else None
        return {
            "record": without_secrets(record),
            "group": group,
            "unused_imei": _another(self._monogoto.examples.unused_imeis, record),
        }

    def _group(self, request: web.Request) -> JSON:
        return {"record": self._monogoto.group(request.match_info["id"])}

    def _last_calls(self, request: web.Request) -> JSON:
        return self._calls.as_json(int(request.query.get("most", "60")))

    def _session(self, body: JSON) -> JSON:
        """`iccid`, `imei`: a device with that IMEI tries to get on-line with that SIM."""
        iccid, imei = str(body["iccid"]), _number(body["imei"], 15, "An IMEI")
        verdict = self._monogoto.data_session(iccid, imei)
        told = {"accepted": verdict.accepted, "by": verdict.by, "why": verdict.why, "imei": imei}
        return told | {"odd": _odd_check_digit(imei)}

    def _edit_thing(self, body: JSON) -> JSON:
        """`iccid`, `lock`, `imei` ("" for none): somebody at the vendor's console."""
        imei = _number(body["imei"], 15, "An IMEI") if body["imei"] else ""
        self._monogoto.console_edit(
            str(body["iccid"]), LockMasterImei=_yes_or_no(body["lock"]), MasterIMEI=imei
        )
        return {}

    def _edit_group(self, body: JSON) -> JSON:
        """`id`, `lock`, `tac` ("" for none)."""
        tac = _number(body["tac"], 8, "A TAC") if body["tac"] else ""
        self._monogoto.console_edit_group(
            str(body["id"]), LockMasterImei=_yes_or_no(body["lock"]), IMEIPrefix=tac
        )
        return {}

    def _make_trouble(self, body: JSON) -> JSON:
        """`kind`, `times`: the next so many calls go wrong in that way."""
        match, kind, seconds = _TROUBLE[str(body["kind"])]
        times = body.get("times", 1)
        if type(times) is not int or not 1 <= times <= MOST_TIMES:
            raise ValueError(f"from 1 to {MOST_TIMES} times")
        self._monogoto.fail(match, kind, times, seconds=seconds)
        return self._waiting_trouble()

    def _waiting_trouble(self) -> JSON:
        return {"waiting": [_shown(fault) for fault in self._monogoto.faults]}

    def _clear(self, _body: JSON) -> JSON:
        self._monogoto.clear_faults()
        return self._waiting_trouble()

    def _expire_tokens(self, _body: JSON) -> JSON:
        self._monogoto.expire_tokens()
        return {}


def _page(request: web.Request) -> slice:
    offset = int(request.query.get("offset", "0"))
    if offset < 0:
        raise ValueError("offset must not be negative")
    return slice(offset, offset + MOST_ROWS)


def _number(value: Any, length: int, what: str) -> str:
    """Digits as a person types them, grouped or not."""
    digits = re.sub(r"[\s./–-]", "", str(value))
    if not (digits.isascii() and digits.isdigit() and len(digits) == length):
        raise ValueError(f"{what} has {length} digits.")
    return digits


def _odd_check_digit(imei: str) -> str:
    """What to say of a number that no device has; "" where its last digit fits."""
    right = luhn_digit(imei[:14])
    return "" if imei[14] == right else f"No device has this IMEI: its last digit would be {right}."


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("lock must be true or false")
    return value


def _another(unused: tuple[str, ...], record: JSON) -> str:
    """An IMEI that this SIM neither was seen in nor is locked to."""
    taken = {str(record.get(key) or "")[:14] for key in ("IMEI", "MasterIMEI")}
    return next(imei for imei in unused if imei[:14] not in taken)


def _shown(fault: Fault) -> JSON:
    names = {kind: name for name, (_, kind, _) in _TROUBLE.items()}
    return {"kind": names.get(fault.kind, fault.kind), "times": fault.times}
