"""`probe` finds out what the documents leave open, whichever way it is, and leaves the SIM as it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.domain.identifiers import Iccid
from bot.monogoto import Monogoto, UserPassword
from bot.monogoto.failures import Answer
from bot.monogoto.pace import OwnPace
from bot.monogoto.probe_words import rows, said
from bot.monogoto.probing import QUESTIONS, Probed, probe
from bot.monogoto.spare_state import NotSpare, PutBack, State
from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto
from tests.monogoto.conftest import OpenGate, pumped

UPDATE = ("PUT", "/thing/update")


class Lab:
    """A probe on one SIM of the local Monogoto."""

    def __init__(self, sim: LocalMonogoto, monogoto: Monogoto, clock: ManualClock) -> None:
        self.sim, self.monogoto, self.clock = sim, monogoto, clock
        self.stop = asyncio.Event()
        self.iccid = sim.examples.fresh.iccid
        self.alarms: list[tuple[PutBack, State]] = []

    async def probe(self) -> Probed:
        """Run it to its end."""
        result: Probed = await pumped(self.clock, self.asking())
        return result

    async def asking(self) -> Probed:
        return await probe(
            self.monogoto,
            Iccid(self.iccid),
            clock=self.clock,
            stop=self.stop,
            alarm=lambda how, before: self.alarms.append((how, before)),
        )

    @property
    def lock(self) -> tuple[Any, Any]:
        """The lock fields as the vendor holds them; null and "" both mean none."""
        record = self.sim.thing(self.iccid)
        return record["LockMasterImei"], record["MasterIMEI"] or ""

    @property
    def sent(self) -> list[dict[str, Any]]:
        """Bodies of all writes that arrived."""
        return [call.body for call in self.sim.calls if call.method == "PUT"]


@pytest.fixture
async def lab(sim: LocalMonogoto, clock: ManualClock, gate: OpenGate) -> AsyncIterator[Lab]:
    who = UserPassword(sim.username, sim.password)
    async with Monogoto(sim.url, who, clock=clock, gate=gate, deadline=0.3) as monogoto:
        made = Lab(sim, monogoto, clock)
        yield made
    assert all(body["LockMasterImei"] is False for body in made.sent), "it has locked something"


def assert_put_back(lab: Lab, probed: Probed, value: str = "") -> None:
    assert probed.put_back.done
    assert lab.lock == (False, value)
    assert lab.alarms == []


async def test_the_usual_vendor_answers_every_question_and_the_sim_is_as_before(lab: Lab) -> None:
    probed = await lab.probe()
    assert_put_back(lab, probed)
    assert probed.broken_off == ""
    assert set(probed.answers) == set(QUESTIONS)
    assert not [name for name, answer in probed.answers.items() if answer.startswith("not found out")]
    assert probed.answers["write_answer"] == "200, Thing undefined successfully saved."
    assert probed.answers["stale_cas"] == "409, The Thing has been changed meanwhile; nothing was written"
    assert probed.answers["read_back"] == "within 0.0 s, as it was sent"
    assert probed.answers["other_keys"] == "these changed too: DateModified"
    assert probed.answers["left_behind"] == "these changed too: DateModified"
    assert probed.answers["cas_by_itself"] == "no"
    assert probed.answers["cleared_value"] == 'an empty text ("")'
    assert probed.answers["token_lifetime"] == "by its own claims another 4.0 hours"
    assert probed.answers["group_read"].startswith("yes, with the keys AlertEmails, ")
    assert "was null and is an empty text" in probed.put_back.said


async def test_no_secret_and_no_whole_number_is_in_the_report(lab: Lab) -> None:
    shown = repr((await lab.probe()).answers)
    hidden = (*lab.sim.secrets(lab.iccid), lab.iccid, str(lab.sim.thing(lab.iccid)["IMEI"]))
    assert [secret for secret in hidden if secret in shown] == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"PIN1": "4711", "PUK1": "24681357", "MSISDN": "46719991234567"}',
        b'{"Success": true, "Data": [{"MSISDN": "46719991234567", "PIN1": "4711"}]}',
        b'{"PIN1": "4711", "PUK1": "246813',
        b' [{"PIN1": "4711"',
        b'["4711"]',
        b'"PIN 4711"',
        b"4711",
        b"PIN 4711, PUK 24681357, call 46719991234567",
        b'{"message": "PIN 4711 is wrong"}',
        b'{"4711": {"24681357": 1}}',
    ],
)
def test_no_shape_of_answer_gets_a_pin_or_a_phone_number_into_the_report(body: bytes) -> None:
    for told in (said(Answer(200, body)), rows(Answer(200, body))):
        assert not [secret for secret in ("4711", "246813", "46719991234567") if secret in told]


def test_what_an_answer_says_to_people_is_told() -> None:
    assert said(Answer(400, b'{"message": "cas is stale", "a": 1}')) == (
        "400, an object with a, message: cas is stale"
    )


async def test_the_first_value_written_is_the_device_that_is_in_it(lab: Lab) -> None:
    await lab.probe()
    assert lab.sent[0]["MasterIMEI"] == lab.sim.examples.fresh.imei


async def test_a_stored_imei_is_put_back(lab: Lab) -> None:
    lab.sim.console_edit(lab.iccid, MasterIMEI="353053119990002")
    assert_put_back(lab, await lab.probe(), "353053119990002")


@pytest.mark.parametrize(
    "name", ["never_seen", "imei_absent", "zeros", "cleared", "hostile_long", "odd_time"]
)
async def test_every_odd_sim_is_put_back(lab: Lab, name: str) -> None:
    lab.iccid = getattr(lab.sim.examples, name).iccid
    probed = await lab.probe()
    assert_put_back(lab, probed)
    assert probed.broken_off == ""


# --- each switch -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["409", "412", "400", "500", "200"])
async def test_the_answer_to_a_stale_cas_is_told_and_that_nothing_was_written(lab: Lab, mode: str) -> None:
    lab.sim.settings.change(stale_cas=mode)
    probed = await lab.probe()
    assert_put_back(lab, probed)
    assert probed.answers["stale_cas"].startswith(f"{mode}, ")
    assert probed.answers["stale_cas"].endswith("; nothing was written")


@pytest.mark.parametrize("mode", ["404_text", "404_json", "200_null", "200_empty", "400", "500"])
async def test_the_answer_to_an_unknown_iccid_is_told(lab: Lab, mode: str) -> None:
    lab.sim.settings.change(unknown_id=mode)
    probed = await lab.probe()
    assert_put_back(lab, probed)
    assert probed.answers["unknown_iccid"].startswith(f"{mode[:3]}, ")


@pytest.mark.parametrize("unknown", ["404_text", "200_null"])
@pytest.mark.parametrize(("mode", "word"), [("lenient", "yes: 200"), ("strict", "no: ")])
async def test_the_forms_of_thing_id_that_a_write_takes_are_told(
    lab: Lab, mode: str, word: str, unknown: str
) -> None:
    lab.sim.settings.change(thing_id=mode, unknown_id=unknown)
    probed = await lab.probe()
    assert_put_back(lab, probed)
    assert probed.answers["id_with_a_leading_blank"].startswith(word)
    assert probed.answers["id_as_a_path"].startswith(word)


@pytest.mark.parametrize(("carried", "told"), [(True, "ThingsGroupId of what"), (False, "none of what")])
async def test_what_rows_of_a_listing_carry_is_told(lab: Lab, carried: bool, told: str) -> None:
    lab.sim.settings.change(rows_with_group=carried)
    assert told in (await lab.probe()).answers["list_rows"]


async def test_a_listing_that_shows_locks_is_told(lab: Lab) -> None:
    lab.sim.settings.change(rows_with_lock=True)
    told = (await lab.probe()).answers["list_rows"]
    assert told == "ThingsGroupId, MasterIMEI, LockMasterImei of what matters; not cas"


@pytest.mark.parametrize(
    ("mode", "told"), [("array", "200, a list, rows with "), ("missing", "404, Cannot GET")]
)
async def test_whether_groups_can_be_listed_is_told(lab: Lab, mode: str, told: str) -> None:
    lab.sim.settings.change(groups_listing=mode)
    assert (await lab.probe()).answers["groups_list"].startswith(told)


async def test_a_guess_that_is_answered_with_401_costs_no_log_in(lab: Lab) -> None:
    lab.sim.fail(("GET", "/thingsgroups"), "unauthorized")
    probed = await lab.probe()
    assert probed.answers["groups_list"] == "401, Unauthorized"
    assert sum(call.path == "/Auth" for call in lab.sim.calls) == 1


async def test_it_writes_to_no_group_whatever_a_group_write_would_do(lab: Lab) -> None:
    lab.sim.settings.change(group_put="replace_all", validates_tac=True, lock_wins="group")
    group = lab.sim.group(lab.sim.examples.fresh.group_id)
    assert_put_back(lab, await lab.probe())
    assert lab.sim.group(lab.sim.examples.fresh.group_id) == group


async def test_the_lifetime_of_a_log_in_is_told(lab: Lab) -> None:
    lab.sim.settings.change(token_lifetime=5400.0, token_key="Token")
    assert (await lab.probe()).answers["token_lifetime"] == "by its own claims another 1.5 hours"


async def test_a_log_in_that_may_not_write_is_told_and_nothing_more_is_tried(lab: Lab) -> None:
    lab.sim.settings.change(profile="monitor")
    probed = await lab.probe()
    assert_put_back(lab, probed)
    assert probed.answers["write_answer"] == "403, Forbidden"
    assert len(lab.sent) == 1


async def test_a_vendor_that_checks_imeis_and_one_that_shows_an_object_of_sessions_change_nothing(
    lab: Lab,
) -> None:
    lab.sim.settings.change(validates_imei=True, active_sessions="object", empty_lock="ignored")
    probed = await lab.probe()
    assert_put_back(lab, probed)
    assert probed.answers["cleared_value"] == 'an empty text ("")'


async def test_a_login_for_some_groups_only_probes_a_sim_of_its_own(lab: Lab) -> None:
    group = frozenset({lab.sim.examples.fresh.group_id})
    lab.sim.settings.change(profile="group_user", own_groups=group)
    assert_put_back(lab, await lab.probe())


async def test_a_cas_that_moves_by_itself_is_told_with_what_moves_beside_it(lab: Lab) -> None:
    lab.sim.session_every(lab.iccid, 4000)
    probed = await lab.probe()
    assert_put_back(lab, probed)
    assert probed.answers["cas_by_itself"].startswith("yes; with it ")
    assert "Last_DATA_Time" in probed.answers["cas_by_itself"]


async def test_a_sim_that_never_rests_is_said_to_be_no_good_for_this(lab: Lab) -> None:
    lab.sim.session_every(lab.iccid, 0)
    probed = await lab.probe()
    assert probed.answers["write_answer"].endswith("turn the device off, or take another SIM")
    assert_put_back(lab, probed)


# --- a write that does more than it was to ---------------------------------------------------------------


async def test_a_write_that_replaces_the_record_is_the_last_but_for_putting_back_and_raises_the_alarm(
    lab: Lab,
) -> None:
    lab.sim.settings.change(thing_put="replace")
    probed = await lab.probe()
    assert len(lab.sent) == 2
    assert lab.lock == (False, "")
    assert not probed.put_back.done
    assert "ThingName, ThingsGroupId" in probed.broken_off
    assert "ThingName, ThingsGroupId" in probed.put_back.said
    assert len(lab.alarms) == 1


async def test_what_a_later_write_does_beside_is_found_too(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    count, send = 0, lab.monogoto.raw

    async def raw(method: str, path: str, **content: Any) -> Any:
        nonlocal count
        count += method == "PUT"
        if method == "PUT" and count == 3:
            lab.sim.fail(UPDATE, "changes_too", keys={"State": "SUSPENDED"})
        return await send(method, path, **content)

    monkeypatch.setattr(lab.monogoto, "raw", raw)
    probed = await lab.probe()
    assert (len(lab.sent), probed.put_back.done) == (3, False)
    assert "State" in probed.put_back.said


async def test_a_device_that_goes_on_line_meanwhile_is_no_harm(lab: Lab) -> None:
    asking = asyncio.ensure_future(lab.asking())
    while not lab.sent:
        await asyncio.sleep(0.001)
        _advance(lab)
    lab.sim.data_session(lab.iccid, lab.sim.examples.fresh.imei)
    assert_put_back(lab, await pumped(lab.clock, _result(asking)))


async def test_a_vendor_that_turns_the_lock_on_is_undone_at_once_and_said(lab: Lab) -> None:
    lab.sim.settings.change(stored_imei_locks=True)
    probed = await lab.probe()
    assert_put_back(lab, probed)
    assert "turned the lock on" in probed.broken_off
    assert len(lab.sent) == 2


async def test_where_nothing_can_be_stored_without_a_lock_the_sim_is_at_least_unlocked(lab: Lab) -> None:
    lab.sim.console_edit(lab.iccid, MasterIMEI="353053119990002")
    lab.sim.settings.change(stored_imei_locks=True)
    probed = await lab.probe()
    assert lab.lock == (False, "")
    assert not probed.put_back.done
    assert len(lab.alarms) == 1


async def test_what_an_earlier_probe_left_is_put_back_to_what_was_there_before_it(lab: Lab) -> None:
    lab.sim.console_edit(lab.iccid, MasterIMEI="001010012345678")
    left = probe(
        lab.monogoto, Iccid(lab.iccid), clock=lab.clock, stop=lab.stop, left_by_a_probe="353053119990002"
    )
    assert_put_back(lab, await pumped(lab.clock, left), "353053119990002")


# --- what goes wrong on the way ----------------------------------------------------------------------------


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "fault",
    [
        "drop_before",
        "drop_after",
        "error_json",
        "error_after",
        "error_html",
        "hang_after",
        "hang",
        "html_200",
    ],
)
async def test_a_write_that_goes_wrong_is_taken_back_whichever_it_is(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, fault: Any, nth: int
) -> None:
    fail_nth_write(lab, fault, nth, monkeypatch)
    probed = await lab.probe()
    assert_put_back(lab, probed)


def fail_nth_write(lab: Lab, fault: Any, nth: int, monkeypatch: pytest.MonkeyPatch, times: int = 1) -> None:
    """That write of the probe goes wrong, and `times - 1` after it."""
    count = 0
    send = lab.monogoto.raw

    async def raw(method: str, path: str, **content: Any) -> Any:
        nonlocal count
        if method == "PUT":
            count += 1
            if count == nth:
                lab.sim.fail(UPDATE, fault, times)
        return await send(method, path, **content)

    monkeypatch.setattr(lab.monogoto, "raw", raw)


async def test_a_write_that_does_not_stick_is_told(lab: Lab) -> None:
    lab.sim.fail(UPDATE, "does_not_stick")
    probed = await lab.probe()
    assert probed.answers["read_back"] == "not within 20 s, so nothing more was written"
    assert_put_back(lab, probed)
    assert len(lab.sent) == 2, "what was not shown may still come: it is written over"


@pytest.mark.parametrize("fault", ["drop_before", "error_html", "truncated_json", "html_200"])
async def test_readings_that_go_wrong_for_long_break_it_off_and_the_sim_is_put_back(
    lab: Lab, fault: Any
) -> None:
    asking = asyncio.ensure_future(lab.asking())
    while not lab.sent:
        await asyncio.sleep(0.001)
        _advance(lab)
    lab.sim.fail(("GET", "/thing/ThingId"), fault, 5)
    probed = await pumped(lab.clock, _result(asking))
    assert_put_back(lab, probed)
    assert probed.broken_off


async def test_rate_limits_slow_it_down_and_nothing_else(lab: Lab, gate: OpenGate) -> None:
    lab.sim.fail(UPDATE, "rate_limited", 2, seconds=3)
    probed = await lab.probe()
    assert_put_back(lab, probed)
    assert probed.broken_off == ""
    assert gate.told.count(3.0) == 2


async def test_tokens_that_expire_half_way_are_renewed(lab: Lab) -> None:
    asking = asyncio.ensure_future(lab.asking())
    while not lab.sent:
        await asyncio.sleep(0.001)
        _advance(lab)
    lab.sim.expire_tokens()
    assert_put_back(lab, await pumped(lab.clock, _result(asking)))


async def test_a_write_answered_with_401_is_no_damage_and_costs_few_log_ins(
    lab: Lab,
) -> None:
    lab.sim.fail(UPDATE, "unauthorized", 100)
    probed = await lab.probe()
    assert_put_back(lab, probed)
    assert probed.put_back.said == "Nothing was written."
    assert probed.answers["write_answer"].startswith("401: ")
    assert sum(call.path == "/Auth" for call in lab.sim.calls) == 2


async def test_a_log_in_refused_half_way_is_not_tried_on_and_on(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_nth_write(lab, "unauthorized", 2, monkeypatch, times=100)
    probed = await lab.probe()
    assert not probed.put_back.done
    assert len(lab.alarms) == 1
    assert sum(call.path == "/Auth" for call in lab.sim.calls) <= 6


async def test_asked_to_end_while_the_vendor_asks_for_an_hour_it_puts_back_within_two_minutes(
    lab: Lab,
) -> None:
    told: list[float] = []
    who = UserPassword(lab.sim.username, lab.sim.password)
    pace = OwnPace(lab.clock, 50.0, tell=told.append)
    async with Monogoto(lab.sim.url, who, clock=lab.clock, gate=pace, deadline=0.3) as lab.monogoto:
        asking = asyncio.ensure_future(lab.asking())
        while not lab.sent:
            await asyncio.sleep(0.001)
            _advance(lab)
        lab.sim.fail(("GET", "/thing/"), "rate_limited", seconds=3600)
        while not told:
            await asyncio.sleep(0.001)
            _advance(lab)
        began = lab.clock.now()
        lab.stop.set()
        probed = await pumped(lab.clock, _result(asking))
    assert_put_back(lab, probed)
    assert told == [60.0]
    assert (lab.clock.now() - began).total_seconds() < 120


@pytest.mark.parametrize("writes", [0, 1, 2, 3])
async def test_asked_to_end_it_puts_back_first_wherever_it_is(lab: Lab, writes: int) -> None:
    asking = asyncio.ensure_future(lab.asking())
    while len(lab.sent) < writes or "/things" not in {call.path for call in lab.sim.calls}:
        await asyncio.sleep(0.0005)
        _advance(lab)
    lab.stop.set()
    probed = await pumped(lab.clock, _result(asking))
    assert probed.broken_off == "The end was asked for."
    assert_put_back(lab, probed)


@pytest.mark.parametrize("times", [1, 3])
async def test_cancelled_in_the_middle_of_a_write_it_puts_back_first(lab: Lab, times: int) -> None:
    lab.sim.fail(UPDATE, "hang_after")
    asking = asyncio.ensure_future(lab.asking())
    while not lab.sent:
        await asyncio.sleep(0.001)
        _advance(lab)
    for _ in range(times):
        asking.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await pumped(lab.clock, _result(asking))
    assert lab.lock == (False, "")
    assert len(lab.sent) > 1


async def test_what_can_not_be_put_back_raises_the_alarm_with_what_was_there(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.sim.console_edit(lab.iccid, MasterIMEI="353053119990002")
    fail_nth_write(lab, "drop_before", 2, monkeypatch, times=100)
    probed = await lab.probe()
    assert not probed.put_back.done
    ((how, before),) = lab.alarms
    assert before.thing.locked_imei == "353053119990002"
    assert "did not" in how.said


# --- whose SIM it is ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["locked", "locked_elsewhere", "lock_without_imei"])
async def test_a_locked_sim_is_refused_before_any_write(lab: Lab, name: str) -> None:
    lab.iccid = getattr(lab.sim.examples, name).iccid
    with pytest.raises(NotSpare, match="locked now"):
        await lab.probe()
    assert lab.sent == []


async def test_something_stored_that_is_no_text_is_refused_before_any_write(lab: Lab) -> None:
    lab.sim.console_edit(lab.iccid, MasterIMEI=353053119990002)
    with pytest.raises(NotSpare, match="could not be put back"):
        await lab.probe()
    assert lab.sent == []


@pytest.mark.parametrize(
    "edit",
    [{"LockMasterImei": True, "MasterIMEI": "353053119990002"}, {"MasterIMEI": "353053119990002"}],
)
async def test_what_somebody_else_does_meanwhile_is_left_alone_and_said_loudly(
    lab: Lab, edit: dict[str, Any]
) -> None:
    asking = asyncio.ensure_future(lab.asking())
    while not lab.sent:
        await asyncio.sleep(0.001)
        _advance(lab)
    lab.sim.console_edit(lab.iccid, **edit)
    probed = await pumped(lab.clock, _result(asking))
    assert lab.sim.thing(lab.iccid)["MasterIMEI"] == "353053119990002"
    assert not probed.put_back.done
    assert "by somebody else" in probed.put_back.said
    assert len(lab.alarms) == 1


def _advance(lab: Lab) -> None:
    if (wake := lab.clock.next_wake()) is not None:
        lab.clock.advance(max(0.0, (wake - lab.clock.now()).total_seconds()))


async def _result(task: asyncio.Future[Probed]) -> Probed:
    return await task
