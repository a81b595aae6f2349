"""Logging in: once for all who wait, once after a 401, and not again and again into a closed door."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.domain.errors import LoginFailed, NotReached, RateLimited
from bot.domain.identifiers import Iccid
from bot.monogoto import Monogoto, ReadyToken, UserPassword
from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto
from tests.monogoto.conftest import LATER


def log_ins(sim: LocalMonogoto) -> int:
    return Counter(call.path for call in sim.calls)["/Auth"]


async def test_many_at_once_log_in_once_at_the_start_and_once_after_a_401(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid
) -> None:
    await asyncio.gather(*(monogoto.thing(fresh) for _ in range(20)))
    assert log_ins(sim) == 1
    sim.expire_tokens()
    await asyncio.gather(*(monogoto.thing(fresh) for _ in range(20)))
    assert log_ins(sim) == 2


async def test_more_callers_than_connections_still_get_their_new_token(
    sim: LocalMonogoto, clock: ManualClock, gate: Any, fresh: Iccid
) -> None:
    narrow = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=2))
    who = UserPassword(sim.username, sim.password)
    async with Monogoto(sim.url, who, clock=clock, gate=gate, transport=narrow) as monogoto:
        await monogoto.thing(fresh)
        sim.expire_tokens()
        await asyncio.gather(*(monogoto.thing(fresh) for _ in range(12)))
    assert log_ins(sim) == 2


async def test_a_write_that_met_401_is_sent_again_and_written_once(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid
) -> None:
    thing = await monogoto.thing(fresh)
    sim.expire_tokens()
    await monogoto.write_thing_lock(thing, imei_lock=True, locked_imei="353053119990002", not_after=LATER)
    assert len(sim.writes[fresh.digits]) == 1


async def test_a_fresh_token_refused_is_the_end_of_it(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid
) -> None:
    sim.fail(("GET", "/thing/"), "unauthorized", times=2)
    with pytest.raises(LoginFailed):
        await monogoto.thing(fresh)
    assert [call.path for call in sim.calls].count("/Auth") == 2
    calls = len(sim.calls)
    with pytest.raises(LoginFailed):
        await monogoto.thing(fresh)
    assert len(sim.calls) == calls


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
async def test_a_refused_log_in_is_remembered_for_a_growing_while(
    sim: LocalMonogoto, clock: ManualClock, gate: Any, fresh: Iccid, status: int
) -> None:
    sim.settings.change(failed_login_status=status)
    async with Monogoto(sim.url, UserPassword("u", "wrong"), clock=clock, gate=gate) as monogoto:
        for _ in range(600):
            with pytest.raises(LoginFailed):
                await monogoto.thing(fresh)
            clock.advance(1)
    assert [(call.at - sim.calls[0].at).seconds for call in sim.calls] == [0, 5, 15, 35, 75, 155, 315]


async def test_after_the_pause_a_good_log_in_works_again(
    monogoto: Monogoto, sim: LocalMonogoto, clock: ManualClock, fresh: Iccid
) -> None:
    sim.fail(("POST", "/Auth"), "html_200")
    with pytest.raises(LoginFailed):
        await monogoto.thing(fresh)
    clock.advance(5)
    assert (await monogoto.thing(fresh)).iccid == fresh.digits


@pytest.mark.parametrize(
    ("what", "means"),
    [("drop_before", NotReached), ("error_html", NotReached), ("redirect", NotReached),
     ("too_long", NotReached), ("rate_limited", RateLimited)],
)  # fmt: skip
async def test_a_log_in_that_failed_on_the_way_is_no_refusal(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid, what: Any, means: type[Exception]
) -> None:
    sim.fail(("POST", "/Auth"), what)
    with pytest.raises(means):
        await monogoto.thing(fresh)
    assert (await monogoto.thing(fresh)).iccid == fresh.digits


async def test_those_who_waited_for_a_log_in_share_its_failure(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid
) -> None:
    sim.fail(("POST", "/Auth"), "error_html", times=20)
    results = await asyncio.gather(*(monogoto.thing(fresh) for _ in range(10)), return_exceptions=True)
    assert {type(result) for result in results} == {NotReached}
    assert log_ins(sim) == 1


async def test_a_token_is_renewed_before_it_expires(
    monogoto: Monogoto, sim: LocalMonogoto, clock: ManualClock, fresh: Iccid
) -> None:
    sim.settings.change(token_lifetime=100)
    await monogoto.thing(fresh)
    clock.advance(95)
    await monogoto.thing(fresh)
    assert log_ins(sim) == 2
    assert 401 not in {call.status for call in sim.calls}


async def test_a_renewal_that_fails_hurts_nobody_while_the_token_holds(
    monogoto: Monogoto, sim: LocalMonogoto, clock: ManualClock, fresh: Iccid
) -> None:
    sim.settings.change(token_lifetime=100)
    await monogoto.thing(fresh)
    clock.advance(95)
    sim.fail(("POST", "/Auth"), "error_html", times=5)
    await asyncio.gather(*(monogoto.thing(fresh) for _ in range(5)))
    assert log_ins(sim) == 2
    clock.advance(30)
    with pytest.raises(NotReached):
        await monogoto.thing(fresh)


async def test_the_other_spelling_of_token_is_read(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid
) -> None:
    sim.settings.change(token_key="Token")
    assert (await monogoto.thing(fresh)).iccid == fresh.digits


async def test_a_ready_made_token_is_used_as_it_is_and_given_up_for_a_while_when_refused(
    sim: LocalMonogoto, clock: ManualClock, gate: Any, fresh: Iccid
) -> None:
    ready = ReadyToken(f" {sim.mint_token()}\n")
    async with Monogoto(sim.url, ready, clock=clock, gate=gate) as monogoto:
        assert (await monogoto.thing(fresh)).iccid == fresh.digits
        sim.expire_tokens()
        for _ in range(3):
            with pytest.raises(LoginFailed):
                await monogoto.thing(fresh)
    assert [call.status for call in sim.calls] == [200, 401]


def test_credentials_do_not_show_themselves() -> None:
    assert "hidden" not in f"{UserPassword('u', 'hidden')!r}{ReadyToken('hidden')!r}"


class Broken(httpx.AsyncByteStream):
    """A body that ends before it is whole."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        raise httpx.ReadError("broken off")


class Refusing(httpx.AsyncBaseTransport):
    """Logs everybody in, and refuses every token; the bodies of its refusals can't be read."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        if request.url.path.endswith("/Auth"):
            return httpx.Response(200, json={"token": f"token-{len(self.paths)}"})
        return httpx.Response(401, stream=Broken())


async def test_refusals_whose_bodies_break_off_are_refusals_all_the_same(
    clock: ManualClock, gate: Any, fresh: Iccid
) -> None:
    vendor = Refusing()
    who = UserPassword("u", "p")
    async with Monogoto("http://vendor.test", who, clock=clock, gate=gate, transport=vendor) as monogoto:
        for _ in range(5):
            with pytest.raises(LoginFailed):
                await monogoto.thing(fresh)
    assert vendor.paths.count("/Auth") == 2
    assert len(vendor.paths) == 4


async def test_nothing_is_sent_after_the_end(monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid) -> None:
    await monogoto.thing(fresh)
    await monogoto.aclose()
    calls = len(sim.calls)
    with pytest.raises(RuntimeError, match="after the end"):
        await monogoto.thing(fresh)
    assert len(sim.calls) == calls
