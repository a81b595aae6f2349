"""The listings that the inventory reads: page by page, and never in anybody's way."""

from __future__ import annotations

import httpx
import pytest

from bot.domain.errors import NotReached, PlatformError, ThingNotFound, Unreadable
from bot.domain.identifiers import Iccid
from bot.domain.things import GroupRow, ThingRow
from bot.monogoto import Monogoto, UserPassword
from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto
from tests.monogoto.conftest import OpenGate


async def test_pages_hold_every_thing_once_and_the_last_one_says_so(
    sim: LocalMonogoto, monogoto: Monogoto
) -> None:
    rows: list[ThingRow] = []
    while not (page := await monogoto.things_page(len(rows))).is_last:
        rows += page.rows
        assert 0 < page.size <= 50
    rows += page.rows
    assert sorted(row.iccid for row in rows) == sorted(sim.iccids)
    fresh = next(row for row in rows if row.iccid == sim.examples.fresh.iccid)
    assert fresh.things_group_id == sim.examples.fresh.group_id


@pytest.mark.parametrize("spelt", ["absent", "null", "empty"])
async def test_a_listing_that_does_not_tell_the_group_says_that_it_is_not_known(
    sim: LocalMonogoto, monogoto: Monogoto, spelt: str
) -> None:
    sim.settings.change(rows_with_group=False, rows_untold_group=spelt)
    assert {row.things_group_id for row in (await monogoto.things_page(0)).rows} == {None}


async def test_listings_wait_until_nobody_else_wants_to_call(
    monogoto: Monogoto, gate: OpenGate, fresh: Iccid, sim: LocalMonogoto
) -> None:
    await monogoto.thing(fresh)
    gate.urgent.clear()
    await monogoto.things_page(0)
    await monogoto.things_group(sim.examples.open_group, urgent=False)
    await monogoto.thing(fresh)
    assert gate.urgent == [False, False, True]


def answering(clock: ManualClock, gate: OpenGate, *answers: httpx.Response) -> Monogoto:
    """A client whose vendor answers every listing in turn with one of these."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/Auth":
            return httpx.Response(200, json={"token": "t"})
        return left.pop(0)

    who = UserPassword("u", "p")
    transport = httpx.MockTransport(answer)
    return Monogoto("https://vendor.invalid", who, clock=clock, gate=gate, transport=transport)


async def test_rows_that_make_no_sense_count_as_read_and_are_passed_over(
    clock: ManualClock, gate: OpenGate
) -> None:
    group = {"ThingsGroupId": "G1", "ThingsGroupName": "Pumps"}
    rows = [None, "x", {}, {"ThingsGroupId": 7}, group, {"ThingsGroupId": "G2", "ThingsGroupName": None}]
    async with answering(clock, gate, httpx.Response(200, json=rows)) as monogoto:
        page = await monogoto.groups_page(0)
    assert page.rows == (GroupRow("G1", "Pumps"), GroupRow("G2", ""))
    assert page.size == 6


async def test_only_a_page_without_rows_is_the_last(clock: ManualClock, gate: OpenGate) -> None:
    row = {"ThingsGroupId": "G1", "ThingsGroupName": "Pumps"}
    pages = [httpx.Response(200, json=rows) for rows in ([row] * 49, [])]
    async with answering(clock, gate, *pages) as monogoto:
        assert not (await monogoto.groups_page(0)).is_last
        assert (await monogoto.groups_page(49)).is_last


async def test_a_page_without_one_row_that_makes_sense_is_no_page(clock: ManualClock, gate: OpenGate) -> None:
    strange = httpx.Response(200, json=[{"Things": []}, "x"])
    async with answering(clock, gate, strange, strange) as monogoto:
        for listing in (monogoto.groups_page, monogoto.things_page):
            with pytest.raises(Unreadable):
                await listing(0)


@pytest.mark.parametrize(("status", "slower"), [(500, []), (503, []), (429, [None])])
async def test_a_guess_that_fails_slows_nobody_unless_the_vendor_says_so(
    clock: ManualClock, gate: OpenGate, status: int, slower: list[None]
) -> None:
    async with answering(clock, gate, httpx.Response(status)) as monogoto:
        with pytest.raises(PlatformError):
            await monogoto.groups_page(0)
    assert [told for told in gate.told if told != "recovered"] == slower


async def test_nothing_past_the_last_row_is_an_end_and_nothing_at_all_is_not(
    clock: ManualClock, gate: OpenGate
) -> None:
    nothing = httpx.Response(200, content=b"null")
    async with answering(clock, gate, nothing, nothing) as monogoto:
        assert (await monogoto.things_page(50)).is_last
        with pytest.raises(Unreadable):
            await monogoto.things_page(0)


@pytest.mark.parametrize(("status", "error"), [(404, ThingNotFound), (401, NotReached), (403, NotReached)])
async def test_a_listing_of_groups_that_is_not_there_costs_no_log_in(
    clock: ManualClock, gate: OpenGate, status: int, error: type[Exception]
) -> None:
    again = httpx.Response(200, json=[])
    async with answering(clock, gate, httpx.Response(status), again) as monogoto:
        with pytest.raises(error):
            await monogoto.groups_page(0)
        assert gate.passed == 2, "one log-in, one try"
        await monogoto.things_page(0)
        assert gate.passed == 3, "the token still counts"
