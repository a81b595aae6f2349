"""Checking the rows of a bulk, without Slack and without a network: any number of them, and any bad day."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import delete, select

from bot.domain.changes import LockThing
from bot.domain.errors import NotASheet, NotReached, ThingNotFound
from bot.domain.identifiers import Iccid
from bot.domain.planned import plan_of
from bot.domain.plans import RowCounts, RowVerdict
from bot.domain.policy import Actor, Standing
from bot.domain.requests import ChangeRequest, Origin, Person, Status
from bot.domain.rows import BulkRow
from bot.domain.things import Thing, ThingsGroup
from bot.policy_file import parse_policy
from bot.sandbox.clock import ManualClock
from bot.sandbox.stage import POLICY
from bot.services.authority import Authority
from bot.services.bulk_intake import BulkIntake, Wanted
from bot.services.bulk_ports import Table
from bot.services.places import Places
from bot.services.planning import PLAN_WAITS, TRIES, Planning
from bot.services.ports import Directory, Dispatcher, Notifier, Platform, Room, Submission
from bot.services.preview import Previews
from bot.services.row_reading import RowReader
from bot.sheets.reading import open_sheet
from bot.storage.bulk_store import SqlBulkRows
from bot.storage.engine import Engine, open_engine
from bot.storage.store import SqlStore
from bot.storage.tables import outbox
from tests import factories_bulk as bulk

ANN = Person("U0ANN", "T0TEAM")
GROUP = "ThingsGroupId_1"


class Fleet:
    """A platform in memory that holds whatever SIM it is asked for, unless told otherwise."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.things: dict[str, Thing] = {}
        self.unknown: set[str] = set()
        self.away: Callable[[str], bool] = lambda _iccid: False
        self.at_once = self.most_at_once = 0

    async def thing(self, iccid: Iccid) -> Thing:
        self.calls["thing"] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.away(iccid.digits):
            raise NotReached("Monogoto is away")
        if iccid.digits in self.unknown or len(iccid.digits) != 19:
            raise ThingNotFound("no such Thing")
        return self.things.get(iccid.digits) or thing_of(iccid.digits)

    async def things_group(self, things_group_id: str) -> ThingsGroup:
        self.calls["group"] += 1
        return ThingsGroup(things_group_id, "Pumps", imei_lock=False, tac="")


def thing_of(iccid: str, **fields: Any) -> Thing:
    plain = Thing(
        thing_id=f"ThingId_ICCID_{iccid}",
        iccid=iccid,
        name=f"Pump {iccid[-4:]}",
        state="ACTIVE",
        cas="1",
        imei_lock=False,
        locked_imei="",
        things_group_id=GROUP,
        last_seen_imei=bulk.imei(int(iccid[6:17])),
        last_seen_at=None,
    )
    return replace(plain, **fields)


class Roles:
    """A directory in which everybody is an engineer."""

    async def actor(self, person: Person, roles: Iterable[str], *, fresh: bool = False) -> Actor:
        del roles, fresh
        return Actor(person.user_id, person.team_id, Standing.MEMBER, frozenset({"engineer"}))

    async def room(self, channel: str) -> Room:
        return Room(channel, postable=True)


class Bell:
    def wake(self) -> None:
        """Nobody listens."""


@dataclass
class House:
    """The parts that planning needs, on a database of their own."""

    engine: Engine
    clock: ManualClock
    fleet: Fleet = field(default_factory=Fleet)
    policy: dict[str, Any] = field(default_factory=lambda: POLICY)

    def __post_init__(self) -> None:
        self.store, self.kept = SqlStore(self.engine), SqlBulkRows(self.engine)
        policy, bell = parse_policy(self.policy), Bell()
        directory = cast("Directory", Roles())
        self.authority = Authority(directory=directory, policy=policy, store=self.store, clock=self.clock)
        self.intake = BulkIntake(
            store=self.store,
            kept=self.kept,
            authority=self.authority,
            places=Places(directory=directory, policy=policy),
            clock=self.clock,
            dispatcher=cast("Dispatcher", bell),
            notifier=cast("Notifier", bell),
            rate=500.0,
        )
        platform = cast("Platform", self.fleet)
        self.previews = Previews(platform=platform, store=self.store, policy=policy, clock=self.clock)

    def planning(self) -> Planning:
        """As a fresh process has it."""
        return Planning(
            store=self.store,
            kept=self.kept,
            reader=RowReader(platform=cast("Platform", self.fleet), previews=self.previews, clock=self.clock),
            previews=self.previews,
            authority=self.authority,
            notifier=cast("Notifier", Bell()),
            clock=self.clock,
        )

    async def ask(self, content: bytes, request_id: str = "BULK") -> ChangeRequest:
        """As a form with a file does."""
        origin, fields = Origin("C0FIELD"), {"reason": "New devices"}
        form = Submission(request_id, request_id, ANN, origin, "V1", "lock_csv", fields, self.clock.now())
        async with self.store.transaction() as tx:
            await tx.add_submission(form)
        return await self.intake.plan_from_table(form, "sims.csv", lambda: open_sheet(content))

    async def request(self, request_id: str = "BULK") -> ChangeRequest:
        found = await self.store.request(request_id)
        assert found is not None
        return found

    async def check(self, *, at_most: int = 10_000) -> ChangeRequest:
        """Step as the sweep does, each step by a new process, until the plan is there."""
        for _ in range(at_most):
            request = await self.request()
            if plan_of(request).digest:
                return request
            if request.next_at and request.next_at > self.clock.now():
                self.clock.advance((request.next_at - self.clock.now()).total_seconds())
            await self.planning().step(request)
        return await self.request()

    async def rows(self) -> list[BulkRow]:
        return list(await self.kept.rows("BULK", limit=200_000))


@pytest.fixture
async def house(tmp_path: Path, new_database: Path, clock: ManualClock) -> AsyncIterator[House]:
    shutil.copyfile(new_database, tmp_path / "bulk.db")
    engine = open_engine(f"sqlite:///{tmp_path / 'bulk.db'}")
    yield House(engine, clock)
    await engine.close()


def table(*rows: tuple[str, str]) -> bytes:
    lines = ["ICCID,IMEI", *(f'"{iccid}","{what}"' for iccid, what in rows)]
    return "\r\n".join(lines).encode()


def good(*numbers: int) -> bytes:
    return table(*((bulk.iccid(n), bulk.imei(n)) for n in numbers))


@pytest.mark.timeout(120)
async def test_ten_thousand_rows_of_every_kind_get_one_verdict_each_at_one_call_a_row(house: House) -> None:
    samples = list(bulk.samples(10_000))
    request = await house.ask(bulk.as_csv(samples))
    assert plan_of(request).rows.total == 10_000
    unchecked = plan_of(request).rows.unchecked
    assert unchecked <= sum(s.verdict in {bulk.LOCK, bulk.LAST_SEEN, bulk.KEEP, bulk.CLEAR} for s in samples)
    checked = await house.check()
    rows = plan_of(checked).rows
    assert rows.total == 10_000
    assert rows.unchecked == 0
    assert rows.refused == bulk.verdicts(samples)[bulk.REFUSED]
    assert rows.ready > 3_000
    assert checked.impact.counts is not None
    assert checked.impact.counts.total == rows.ready
    assert house.fleet.calls["thing"] == unchecked
    assert house.fleet.calls["group"] <= unchecked / 100
    assert house.fleet.most_at_once <= 4
    by_line = {row.line: row for row in await house.rows()}
    assert len(by_line) == 10_000
    for line, sample in enumerate(samples, start=2):
        if sample.verdict == bulk.REFUSED:
            assert by_line[line].verdict is RowVerdict.REFUSED, sample
        if sample.verdict in {bulk.LOOK, bulk.SAME_SIM, bulk.SAME_DEVICE}:
            assert by_line[line].verdict is RowVerdict.LOOK, sample
            assert by_line[line].item.explanation


async def test_the_first_of_two_rows_for_one_device_needs_a_look_as_the_second_does(house: House) -> None:
    one, two = bulk.iccid(1), bulk.iccid(2)
    await house.ask(table((one, bulk.imei(7)), (two, bulk.imei(7)), (bulk.iccid(3), bulk.imei(3))))
    await house.check()
    rows = await house.rows()
    assert [row.verdict for row in rows] == [RowVerdict.LOOK, RowVerdict.LOOK, RowVerdict.READY]
    assert "line 3" in rows[0].item.explanation
    assert "line 2" in rows[1].item.explanation


async def test_a_last_seen_that_turns_out_to_be_another_rows_device_needs_a_look(house: House) -> None:
    await house.ask(table((bulk.iccid(1), "last seen"), (bulk.iccid(2), bulk.imei(1))))
    await house.check()
    rows = await house.rows()
    assert [row.verdict for row in rows] == [RowVerdict.LOOK, RowVerdict.LOOK]
    assert isinstance(rows[0].change, LockThing), "it is frozen all the same"
    assert "line 3" in rows[0].item.explanation


async def test_a_sim_that_this_account_does_not_hold_is_refused_and_another_form_of_it_proposed(
    house: House,
) -> None:
    house.fleet.unknown = {bulk.iccid(1)}
    await house.ask(table((bulk.iccid(1), "unlock keep"), (bulk.iccid(2)[:18], bulk.imei(2))))
    await house.check()
    unknown, other_form = await house.rows()
    assert unknown.verdict is RowVerdict.REFUSED
    assert other_form.verdict is RowVerdict.LOOK
    assert Iccid(bulk.iccid(2)).grouped in other_form.item.explanation


async def test_what_is_so_already_is_left_alone(house: House) -> None:
    locked = thing_of(bulk.iccid(1), imei_lock=True, locked_imei=bulk.imei(1))
    house.fleet.things[bulk.iccid(1)] = locked
    await house.ask(table((bulk.iccid(1), bulk.imei(1)), (bulk.iccid(2), "unlock keep")))
    checked = await house.check()
    assert plan_of(checked).rows == RowCounts(already=2)


async def test_rows_that_the_requester_may_not_ask_for_are_refused_with_the_rule(house: House) -> None:
    strict = {**POLICY["rules"][0], "request": ["admin"], "things_groups": [GROUP]}
    guarded = House(house.engine, house.clock, house.fleet, {**POLICY, "rules": [*POLICY["rules"], strict]})
    house.fleet.things[bulk.iccid(2)] = thing_of(bulk.iccid(2), things_group_id=None)
    await guarded.ask(good(1, 2))
    await guarded.check()
    refused, ready = await guarded.rows()
    assert refused.verdict is RowVerdict.REFUSED
    assert "only the role admin" in refused.item.explanation
    assert ready.verdict is RowVerdict.READY


async def test_a_row_that_cannot_be_read_is_tried_again_and_at_last_given_up_honestly(house: House) -> None:
    house.fleet.away = lambda iccid: iccid == bulk.iccid(2)
    await house.ask(good(1, 2, 3))
    checked = await house.check()
    rows = await house.rows()
    assert [row.verdict for row in rows] == [RowVerdict.READY, RowVerdict.LOOK, RowVerdict.READY]
    assert f"{TRIES} tries" in rows[1].item.explanation
    assert house.fleet.calls["thing"] == 2 + TRIES
    assert checked.note == ""


async def test_while_the_vendor_is_away_the_card_says_so_and_few_rows_are_tried(house: House) -> None:
    house.fleet.away = lambda _iccid: True
    await house.ask(good(*range(1, 101)))
    assert not await house.planning().step(await house.request())
    resting = await house.request()
    assert "does not answer" in resting.note
    assert resting.next_at is not None
    assert resting.next_at > house.clock.now()
    assert house.fleet.calls["thing"] <= 4
    house.fleet.away = lambda _iccid: False
    checked = await house.check()
    assert plan_of(checked).rows == RowCounts(ready=100)
    assert checked.note == ""


async def test_rows_at_the_top_that_cannot_be_read_hold_up_no_other_for_longer_than_a_moment(
    house: House,
) -> None:
    house.fleet.away = lambda iccid: iccid in {bulk.iccid(n) for n in range(1, 5)}
    await house.ask(good(*range(1, 101)))
    began = house.clock.now()
    for _ in range(4):
        request = await house.request()
        if request.next_at and request.next_at > house.clock.now():
            house.clock.advance((request.next_at - house.clock.now()).total_seconds())
        await house.planning().step(request)
    assert (await house.kept.row_counts("BULK")).ready == 96
    assert (house.clock.now() - began).total_seconds() <= 15
    resting = await house.request()
    assert resting.note == "", "the vendor answers: it is the rows"
    assert plan_of(await house.check()).rows == RowCounts(ready=96, look=4)


async def test_the_longer_the_vendor_is_away_the_seldomer_it_is_asked(house: House) -> None:
    house.fleet.away = lambda _iccid: True
    await house.ask(good(*range(1, 201)))
    pauses = []
    for _ in range(10):
        await house.planning().step(await house.request())
        wait = ((await house.request()).next_at or house.clock.now()) - house.clock.now()
        pauses.append(wait.total_seconds())
        house.clock.advance(wait.total_seconds())
    assert pauses == [5, 5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert (await house.kept.row_counts("BULK")).look == 0, "an outage is no row's fault"


async def test_a_rest_with_new_counts_is_told(house: House) -> None:
    house.fleet.away = lambda iccid: iccid == bulk.iccid(2)
    await house.ask(good(1, 2))
    await house.planning().step(await house.request())
    async with house.engine.writing() as connection:
        await connection.execute(delete(outbox))
    await house.planning().step(await house.request())
    resting = await house.request()
    assert plan_of(resting).rows == RowCounts(ready=1, unchecked=1)
    async with house.engine.reading() as connection:
        assert list(await connection.scalars(select(outbox.c.what))) == ["card"]


async def test_a_checked_plan_waits_for_its_requester_and_for_nobody_else(house: House) -> None:
    await house.ask(good(1))
    checked = await house.check()
    assert checked.status is Status.PREVIEWING
    assert checked.next_at == checked.expires_at == house.clock.now() + PLAN_WAITS
    assert not await house.planning().step(checked)
    assert (await house.request()).rev == checked.rev, "nothing is done twice"


async def test_a_slice_that_was_lost_is_read_again_and_changes_no_verdict(house: House) -> None:
    await house.ask(good(*range(1, 301)))
    before = await house.request()
    await house.planning().step(before)
    first = await house.rows()
    await house.planning().step(before)  # as after a kill: the request as it was read before
    again = await house.rows()
    done = [row for row in first if row.verdict is RowVerdict.READY]
    assert done
    assert [row.fingerprint for row in again[: len(done)]] == [row.fingerprint for row in done]
    assert plan_of(await house.check()).rows == RowCounts(ready=300)


async def test_a_file_that_goes_wrong_at_its_end_leaves_nothing_behind(house: House) -> None:
    broken = good(*range(1, 1001)) + b'\r\n"' + bulk.iccid(5000).encode()
    with pytest.raises(NotASheet):
        await house.ask(broken)
    assert await house.store.request("BULK") is None
    assert await house.rows() == []


async def test_reading_that_was_cut_off_goes_on_where_its_form_is_kept(house: House) -> None:
    content = good(*range(1, 1001))

    def cut_off() -> Any:
        sheet = open_sheet(content)

        def lines() -> Any:
            for number, line in enumerate(sheet):
                if number == 900:
                    raise asyncio.CancelledError
                yield line

        return lines()

    form = Submission("BULK", "K", ANN, Origin("C0FIELD"), "V", "lock_csv", {}, house.clock.now())
    async with house.store.transaction() as tx:
        await tx.add_submission(form)
    with pytest.raises(asyncio.CancelledError):
        await house.intake.plan_from_table(form, "sims.csv", cut_off)
    assert len(await house.rows()) == 800
    await house.intake.forget_unread()
    assert len(await house.rows()) == 800, "its form is kept: it goes on"
    await house.intake.plan_from_table(form, "sims.csv", lambda: open_sheet(content))
    assert plan_of(await house.check()).rows == RowCounts(ready=1000)


async def half_read(house: House) -> Submission:
    """A form whose rows stopped coming after the first 800."""
    content = good(*range(1, 1001))

    def lines() -> Any:
        for number, line in enumerate(open_sheet(content)):
            if number == 900:
                raise asyncio.CancelledError
            yield line

    form = Submission("BULK", "K", ANN, Origin("C0FIELD"), "V", "lock_csv", {}, house.clock.now())
    async with house.store.transaction() as tx:
        await tx.add_submission(form)
    with pytest.raises(asyncio.CancelledError):
        await house.intake.plan_from_table(form, "sims.csv", lambda: cast("Table", lines()))
    assert len(await house.rows()) == 800
    return form


@pytest.mark.parametrize("end", ["too late", "refused"])
async def test_half_read_rows_go_with_the_form_that_is_given_back(house: House, end: str) -> None:
    form = await half_read(house)
    if end == "too late":
        await house.intake.let_go(form)
    else:
        await house.intake.give_back(form, NotASheet("The file is gone."))
    assert await house.store.request("BULK") is None
    assert await house.rows() == []


async def test_rows_that_nobody_goes_on_with_are_forgotten_at_the_next_start(house: House) -> None:
    async def pieces() -> AsyncIterator[list[Any]]:
        yield []
        raise asyncio.CancelledError

    wanted = Wanted("AGAIN", ANN, Origin("C0FIELD"), "the failed ones", "again")
    with pytest.raises(asyncio.CancelledError):
        await house.intake.plan_from_rows(wanted, pieces())
    assert await house.store.request("AGAIN") is not None
    await house.intake.forget_unread()
    assert await house.store.request("AGAIN") is None
