"""`python -m bot probe`: a person has to be there, nobody's request is in the way, and it ends in order."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import pty
import shutil
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot import probe
from bot.config import Config
from bot.monogoto.probing import Probed
from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto
from bot.storage.engine import open_engine
from bot.storage.store import SqlStore
from tests import warm
from tests.monogoto.conftest import pumped
from tests.storage import samples
from tests.test_command_line import KEPT_OF_THE_SYSTEM, ROOT

SLACK = {"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"}


class Person:
    """Reads what is said, and types one answer."""

    def __init__(self, answer: str | type[BaseException]) -> None:
        self.answer, self.heard, self.asked = answer, "", 0

    def say(self, text: str) -> None:
        self.heard += text + "\n"

    def ask(self, question: str) -> str:
        self.asked += 1
        if isinstance(self.answer, str):
            return self.answer
        raise self.answer


@pytest.fixture
async def sim(clock: ManualClock) -> AsyncIterator[LocalMonogoto]:
    async with LocalMonogoto(clock, things=60) as sim:
        yield sim


@pytest.fixture
def environment(sim: LocalMonogoto, tmp_path: Path) -> dict[str, str]:
    """Against the local Monogoto, with a database that is not there yet."""
    return SLACK | {
        "MONOGOTO_URL": sim.url,
        "MONOGOTO_USERNAME": sim.username,
        "MONOGOTO_PASSWORD": sim.password,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'imei-lock.db'}",
    }


def _probe(
    environment: dict[str, str], iccid: str, person: Person, clock: ManualClock
) -> Coroutine[Any, Any, Probed]:
    terminal = probe.Terminal(person.say, person.ask)
    return probe.run(Config.from_env(environment), iccid, clock=clock, terminal=terminal)


async def run(environment: dict[str, str], iccid: str, person: Person, clock: ManualClock) -> Any:
    return await pumped(clock, _probe(environment, iccid, person, clock))


async def until_written(sim: LocalMonogoto, clock: ManualClock) -> None:
    """Return once the first write has arrived; the clock moves along."""
    while not writes(sim):
        await asyncio.sleep(0.001)  # real: calls over HTTP are under way
        if (wake := clock.next_wake()) is not None:
            clock.advance(max(0.0, (wake - clock.now()).total_seconds()))


def writes(sim: LocalMonogoto) -> int:
    return sum(call.method == "PUT" for call in sim.calls)


async def test_confirmed_it_asks_everything_and_reports_without_whole_numbers(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock
) -> None:
    iccid = sim.examples.fresh.iccid
    person = Person(iccid[-6:])
    probed = await run(environment, iccid, person, clock)
    assert (probe.exit_code(probed), person.asked) == (0, 1)
    text, told = probe.as_text(probed, iccid), json.loads(probe.as_json(probed, iccid))
    assert set(told["answers"]) == set(probe.QUESTIONS)
    assert (told["put_back"], told["exit_code"], told["sim"]) == (True, 0, f"…{iccid[-4:]}")
    assert "Put back: yes. The lock fields are as they were" in text
    for shown in (text, json.dumps(told), person.heard):
        assert [one for one in (iccid, *sim.secrets(iccid)) if one in shown] == []


async def test_it_keeps_to_two_calls_a_second(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock
) -> None:
    iccid = sim.examples.fresh.iccid
    await run(environment | {"MONOGOTO_MAX_RATE": "500"}, iccid, Person(iccid[-6:]), clock)
    times = [call.at.timestamp() for call in sim.calls]
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.499


@pytest.mark.parametrize("answer", ["", "yes", "y", "000000", EOFError, KeyboardInterrupt])
async def test_without_the_last_digits_typed_nothing_is_written(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock, answer: Any
) -> None:
    with pytest.raises(probe.Refused, match=r"Nothing was written|not its last digits"):
        await run(environment, sim.examples.fresh.iccid, Person(answer), clock)
    assert writes(sim) == 0


@pytest.mark.parametrize("name", ["locked", "lock_without_imei"])
async def test_a_locked_sim_is_refused_before_the_person_is_asked(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock, name: str
) -> None:
    person = Person("123456")
    with pytest.raises(probe.Refused, match="locked now"):
        await run(environment, getattr(sim.examples, name).iccid, person, clock)
    assert (person.asked, writes(sim)) == (0, 0)


async def test_a_sim_that_was_locked_while_the_person_thought_is_refused(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock
) -> None:
    iccid = sim.examples.fresh.iccid
    person = Person(iccid[-6:])

    def locks_meanwhile(question: str) -> str:
        sim.console_edit(iccid, LockMasterImei=True, MasterIMEI=sim.examples.fresh.imei)
        return iccid[-6:]

    person.ask = locks_meanwhile  # type: ignore[method-assign]
    with pytest.raises(probe.Refused, match="locked now"):
        await run(environment, iccid, person, clock)
    assert writes(sim) == 0


@pytest.mark.parametrize("typed", ["", "12", "what", "353053119990002"])
async def test_what_is_no_iccid_is_refused_without_a_call(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock, typed: str
) -> None:
    with pytest.raises(probe.Refused):
        await run(environment, typed, Person(""), clock)
    assert len(sim.calls) == 0


async def test_an_unknown_sim_and_a_refused_log_in_are_plain_refusals(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock
) -> None:
    with pytest.raises(probe.Refused, match="knows no such id"):
        await run(environment, sim.examples.unknown_iccid, Person(""), clock)
    wrong = environment | {"MONOGOTO_PASSWORD": "wrong"}
    with pytest.raises(probe.Refused, match="refused our log-in"):
        await run(wrong, sim.examples.fresh.iccid, Person(""), clock)


async def test_an_open_request_for_the_sim_is_in_the_way_also_beside_a_running_bot(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock, new_database: Path, tmp_path: Path
) -> None:
    shutil.copyfile(new_database, tmp_path / "imei-lock.db")
    iccid = sim.examples.fresh.iccid
    engine = open_engine(environment["DATABASE_URL"])
    try:
        async with SqlStore(engine).transaction() as tx:
            thing = samples.thing(thing_id=f"ThingId_ICCID_{iccid}")
            await tx.add_request(samples.request(on=thing), ())
        with pytest.raises(probe.Refused, match="is open in the bot"):
            await run(environment, iccid, Person(iccid[-6:]), clock)
        assert writes(sim) == 0
        other = sim.examples.cleared.iccid
        assert probe.exit_code(await run(environment, other, Person(other[-6:]), clock)) == 0
    finally:
        await engine.close()


async def test_a_database_that_does_not_tell_is_in_the_way(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "imei-lock.db")) as empty:
        empty.execute("CREATE TABLE other (x)")
    with pytest.raises(probe.Refused, match="doesn't tell of open requests"):
        await run(environment, sim.examples.fresh.iccid, Person(""), clock)


async def test_what_is_to_be_put_back_by_hand_is_said_loudly_and_in_full(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock
) -> None:
    iccid = sim.examples.fresh.iccid
    sim.console_edit(iccid, MasterIMEI="353053119990002")
    person = Person(iccid[-6:])
    running = asyncio.ensure_future(_probe(environment, iccid, person, clock))
    await until_written(sim, clock)
    sim.fail(("PUT", "/thing/update"), "error_json", 1000)
    probed = await pumped(clock, asyncio.wait_for(running, None))
    assert probe.exit_code(probed) == 3
    assert "!!! THE SIM IS NOT AS IT WAS !!!" in person.heard
    assert "set its stored IMEI to 353053119990002" in person.heard


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
async def test_ended_by_a_signal_it_puts_the_sim_back_first(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock, name: str
) -> None:
    iccid = sim.examples.fresh.iccid
    person = Person(iccid[-6:])
    running = asyncio.ensure_future(_probe(environment, iccid, person, clock))
    await until_written(sim, clock)
    for _ in range(2):
        os.kill(os.getpid(), getattr(signal, name))
    probed = await pumped(clock, asyncio.wait_for(running, None))
    assert (probe.exit_code(probed), probed.broken_off) == (1, "The end was asked for.")
    assert (sim.thing(iccid)["LockMasterImei"], sim.thing(iccid)["MasterIMEI"]) == (False, "")
    assert "put back first" in person.heard


async def test_ended_by_a_signal_before_it_began_it_says_that_nothing_was_written(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock
) -> None:
    iccid = sim.examples.fresh.iccid
    person = Person(iccid[-6:])

    def say(text: str) -> None:
        if "Probing" in text:
            sim.fail(("GET", "/thing/"), "error_html")
            os.kill(os.getpid(), signal.SIGTERM)

    person.say = say  # type: ignore[method-assign]
    with pytest.raises(probe.Refused, match="The end was asked for"):
        await run(environment, iccid, person, clock)
    assert writes(sim) == 0


# --- killed half-way ---------------------------------------------------------------------------------------


async def test_what_the_sim_held_is_noted_for_its_owner_only_until_it_is_put_back(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock, tmp_path: Path
) -> None:
    iccid = sim.examples.fresh.iccid
    sim.console_edit(iccid, MasterIMEI="353053119990002")
    note = tmp_path / "imei-lock-probe.json"
    running = asyncio.ensure_future(_probe(environment, iccid, Person(iccid[-6:]), clock))
    await until_written(sim, clock)
    assert json.loads(note.read_text()) == {iccid: "353053119990002"}
    assert note.stat().st_mode & 0o777 == 0o600
    assert probe.exit_code(await pumped(clock, asyncio.wait_for(running, None))) == 0
    assert not note.exists()


async def test_the_next_probe_puts_back_what_was_there_before_the_one_that_was_killed(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock, tmp_path: Path
) -> None:
    iccid = sim.examples.fresh.iccid
    (tmp_path / "imei-lock-probe.json").write_text(json.dumps({iccid: "353053119990002"}))
    sim.console_edit(iccid, MasterIMEI=sim.examples.fresh.imei)
    person = Person(iccid[-6:])
    probed = await run(environment, iccid, person, clock)
    assert probe.exit_code(probed) == 0
    assert sim.thing(iccid)["MasterIMEI"] == "353053119990002"
    assert "An earlier probe" in person.heard
    assert os.listdir(tmp_path) == []


async def test_what_somebody_stored_since_is_not_overwritten_by_an_old_note(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock, tmp_path: Path
) -> None:
    iccid = sim.examples.fresh.iccid
    (tmp_path / "imei-lock-probe.json").write_text(json.dumps({iccid: ""}))
    sim.console_edit(iccid, MasterIMEI="353053119990002")
    await run(environment, iccid, Person(iccid[-6:]), clock)
    assert sim.thing(iccid)["MasterIMEI"] == "353053119990002"


async def test_a_stored_value_that_a_probe_may_have_left_is_pointed_out(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock
) -> None:
    iccid = sim.examples.fresh.iccid
    sim.console_edit(iccid, MasterIMEI=sim.examples.fresh.imei)
    person = Person("no")
    with pytest.raises(probe.Refused):
        await run(environment, iccid, person, clock)
    assert "may have been left by a probe" in person.heard


async def test_where_nothing_can_be_noted_nothing_is_written(
    sim: LocalMonogoto, environment: dict[str, str], clock: ManualClock, tmp_path: Path
) -> None:
    (tmp_path / "imei-lock-probe.json").mkdir()
    iccid = sim.examples.fresh.iccid
    with pytest.raises(probe.Refused, match="Nothing was written"):
        await run(environment, iccid, Person(iccid[-6:]), clock)
    assert writes(sim) == 0


# --- the process -------------------------------------------------------------------------------------------


async def process(environment: dict[str, str], folder: Path, *arguments: str, stdin: int) -> Any:
    system = {key: os.environ[key] for key in KEPT_OF_THE_SYSTEM if key in os.environ}
    return await asyncio.create_subprocess_exec(
        *warm.bot("probe", *arguments),
        cwd=folder, env=system | {"PYTHONPATH": str(ROOT)} | environment, stdin=stdin,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_without_a_terminal_nobody_can_confirm_and_no_call_is_made(
    sim: LocalMonogoto, environment: dict[str, str], tmp_path: Path
) -> None:
    iccid = sim.examples.fresh.iccid
    done = await process(environment, tmp_path, iccid, stdin=asyncio.subprocess.PIPE)
    out, err = await done.communicate(iccid[-6:].encode() + b"\n")
    assert (done.returncode, out, len(sim.calls)) == (2, b"", 0)
    assert b"A person has to confirm this" in err


async def test_the_process_asks_at_the_terminal_and_ends_in_order_on_a_signal(
    sim: LocalMonogoto, environment: dict[str, str], tmp_path: Path
) -> None:
    iccid = sim.examples.fresh.iccid
    person, terminal = pty.openpty()
    running = await process(environment, tmp_path, iccid, "--json", stdin=terminal)
    try:
        asked = await running.stderr.readuntil(b"to go on: ")
        os.write(person, iccid[-6:].encode() + b"\n")
        begun = await running.stderr.readuntil(b"puts the SIM back first.\n")
        while not any(call.path == "/thingsgroups" for call in sim.calls):
            await asyncio.to_thread(time.sleep, 0.01)  # real: another process is at work
        running.send_signal(signal.SIGTERM)
        out, err = await running.communicate()
    finally:
        os.close(person)
        os.close(terminal)
    told = json.loads(out)
    assert (running.returncode, told["put_back"], told["broken_off"]) == (1, True, "The end was asked for.")
    assert b"Ending: the SIM is put back first." in err
    assert iccid.encode() not in asked + begun + err + out


async def test_that_nobody_reads_any_more_changes_neither_the_end_nor_the_exit_code(
    sim: LocalMonogoto, environment: dict[str, str], tmp_path: Path
) -> None:
    iccid = sim.examples.fresh.iccid
    sim.console_edit(iccid, MasterIMEI="353053119990002")
    person, terminal = pty.openpty()
    running = await process(environment | {"MONOGOTO_MAX_RATE": "50"}, tmp_path, iccid, stdin=terminal)
    try:
        await running.stderr.readuntil(b"to go on: ")
        os.write(person, iccid[-6:].encode() + b"\n")
        await running.stderr.readuntil(b"puts the SIM back first.\n")
        while not writes(sim):
            await asyncio.to_thread(time.sleep, 0.01)  # real: another process is at work
        sim.fail(("PUT", "/thing/update"), "edited_first", 50, keys={"MasterIMEI": "353053119990010"})
        running._transport.get_pipe_transport(1).close()
        running._transport.get_pipe_transport(2).close()
        running.send_signal(signal.SIGTERM)
        code = await running.wait()
    finally:
        os.close(person)
        os.close(terminal)
    assert code == 3
