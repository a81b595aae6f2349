"""Whatever the vendor answers, the client returns a value or raises one of its own error tree."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.errors import OutcomeUnknown, PlatformError, Refused
from bot.domain.identifiers import Iccid, Imei
from bot.monogoto import Monogoto, UserPassword
from bot.monogoto.auth import Credentials, ReadyToken
from bot.monogoto.models import group_from, thing_from
from bot.sandbox.clock import ManualClock
from tests.fuzz.conftest import MORE, Elsewhere

ICCID, IMEI, GROUP = "8944500000000000005", "490154203237518", "ThingsGroupId_1"
THING = {
    "ThingId": f"ThingId_ICCID_{ICCID}",
    "ThingName": "Pump 7",
    "IMEI": IMEI,
    "MasterIMEI": "",
    "LockMasterImei": False,
    "ThingsGroupId": GROUP,
    "cas": "1700000000000000000",
    "State": "ACTIVE",
    "DateModified": "2026-11-01T00:00:00.000Z",
}
THINGS_GROUP = {
    "ThingsGroupId": GROUP,
    "ThingsGroupName": "Pumps",
    "LockMasterImei": False,
    "IMEIPrefix": "",
    "TelephonyProfile": {"a": 1},
}
LATER = datetime(2099, 1, 1, tzinfo=UTC)
TOKEN = "eyJhbGciOiJub25lIn0.e30."

Call = Callable[[Monogoto], Awaitable[object]]
READS: dict[str, Call] = {
    "try_log_in": lambda m: m.try_log_in(),
    "log_in": lambda m: m.log_in(UserPassword("ops", "hunter2")),
    "thing": lambda m: m.thing(Iccid(ICCID)),
    "things_group": lambda m: m.things_group(GROUP),
    "things_page": lambda m: m.things_page(0),
    "groups_page": lambda m: m.groups_page(0),
    "things_last_seen_in": lambda m: m.things_last_seen_in(Imei(IMEI)),
    "is_online": lambda m: m.is_online(thing_from(THING, ICCID)),
    "things_online": lambda m: m.things_online([ICCID]),
    "raw": lambda m: m.raw("GET", "/things"),
    "token_ends": lambda m: m.token_ends(),
}
WRITES: dict[str, Call] = {
    "write_thing_lock": lambda m: m.write_thing_lock(
        thing_from(THING, ICCID), imei_lock=True, locked_imei=IMEI, not_after=LATER
    ),
    "write_group_lock": lambda m: m.write_group_lock(
        group_from(THINGS_GROUP, GROUP), imei_lock=True, tac="49015420", not_after=LATER
    ),
}


class FreePace:
    """A gate that is open."""

    async def acquire(self, *, urgent: bool = True) -> None: ...
    async def slow_down(self, retry_after: float | None) -> None: ...
    async def recovered(self) -> None: ...


class Vendor:
    """Answers every request with the same bytes, and hangs up."""

    def __init__(self) -> None:
        self.answer = b""
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
            writer.write(self.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def asked(self, call: Call, credentials: Credentials) -> Exception | None:
        """What came of it: None for a value."""
        client = Monogoto(
            f"http://127.0.0.1:{self.port}", credentials, clock=ManualClock(), gate=FreePace(), deadline=10.0
        )
        try:
            async with client:
                await call(client)
        except Exception as error:  # noqa: BLE001  which ones there are is the question
            return error
        return None


def test_every_call_to_the_vendor_is_tried() -> None:
    methods = {
        name for name, _ in inspect.getmembers(Monogoto, inspect.iscoroutinefunction) if name[0] != "_"
    }
    assert methods - {"aclose"} == set(READS) | set(WRITES)


ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(st.characters(categories=None), max_size=12),
    st.sampled_from(["\ud800", ICCID, IMEI, GROUP, "true", "0" * 15, "9" * 400, "2026-99-99", "\r\nX: 1"]),
)
JSON = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)


def changed(record: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A real record with anything in some of its fields, or without them."""
    keys = st.sampled_from(sorted(record))
    return st.builds(
        lambda put, gone: {key: value for key, value in (record | put).items() if key not in gone},
        st.dictionaries(keys, JSON, max_size=3),
        st.sets(keys, max_size=2),
    )


RECORDS = (
    changed(THING) | changed(THINGS_GROUP) | changed({"token": TOKEN, "Token": TOKEN, "access_token": TOKEN})
)
BODIES = st.one_of(
    st.binary(max_size=60),
    JSON.map(json.dumps).map(str.encode),
    RECORDS.map(json.dumps).map(str.encode),
    st.lists(RECORDS, max_size=3).map(json.dumps).map(str.encode),
    st.dictionaries(st.sampled_from(["things", "data", ICCID, f"ThingId_ICCID_{ICCID}"]), JSON, max_size=2)
    .map(json.dumps)
    .map(str.encode),
    st.sampled_from([b"[" * 200_000, b'{"a":' * 100_000, b"9" * 10_000, b"NaN", b"\xff\xfe[]", b"<html>"]),
    st.just(b"a" * (1 << 20) + b"b"),
)
LINES = st.sampled_from(
    [
        b"",
        b"Retry-After: 9\r\n",
        b"Retry-After: soon\r\n",
        b"Retry-After: " + b"9" * 400 + b"\r\n",
        b"Retry-After: -1\r\n",
        b"Retry-After: \xff\r\n",
        b"Date: yesterday\r\n",
        b"Date: Thu, 99 Foo 99999 99:99:99 GMT\r\n",
        b"Content-Type: text/html; charset=none\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Location: http://127.0.0.1:1/\r\n",
        b"Set-Cookie: a=b; Domain=.\r\n",
        b"X: " + b"a" * 200_000 + b"\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
    ]
)
STATUS = st.sampled_from(
    [200, 201, 204, 301, 304, 307, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 599]
)


def http(status: int, line: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\n" % status + line + b"Connection: close\r\n\r\n" + body


ANSWERS = (
    st.builds(http, st.just(200), LINES, BODIES)
    | st.builds(http, STATUS, LINES, BODIES)
    | st.binary(max_size=80)
)


@pytest.mark.parametrize("credentials", ["ready", "password"])
def test_no_answer_of_the_vendor_raises_but_what_the_error_tree_names(
    elsewhere: Elsewhere, caplog: pytest.LogCaptureFixture, credentials: str
) -> None:
    who = ReadyToken(TOKEN) if credentials == "ready" else UserPassword("ops", "hunter2")
    vendor = Vendor()
    elsewhere.run(vendor.start())
    calls = READS | WRITES

    @settings(max_examples=100 * MORE, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(sorted(calls)), ANSWERS)
    def fuzz(name: str, answer: bytes) -> None:
        vendor.answer = answer
        error = elsewhere.run(vendor.asked(calls[name], who))
        assert error is None or isinstance(error, PlatformError), repr(error)
        assert "hunter2" not in str(error)
        assert TOKEN not in str(error)
        lost = not answer.startswith(b"HTTP/1.1 ")
        if name in WRITES and credentials == "ready" and lost:
            assert isinstance(error, (OutcomeUnknown, Refused)), "a write that may have landed is never sure"

    fuzz()
    elsewhere.run(vendor.stop())
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []
