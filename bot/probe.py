"""`python -m bot probe ICCID`: asks the vendor what its documents leave open, on one spare SIM.

A person has to be there: what the SIM is gets shown, and its last digits typed. No flag replaces that.

It leaves no audit entry. The audit's one writer is the bot that holds the database, which may be running;
a probe decides nothing, and leaves the lock fields as they were. Its report is for keeping.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.app import credentials
from bot.config import Config
from bot.domain.errors import PlatformError, StoreUnavailable
from bot.domain.identifiers import Iccid, Valid, parse_iccid
from bot.domain.things import Thing
from bot.monogoto import probing
from bot.monogoto.client import Monogoto
from bot.monogoto.pace import OwnPace
from bot.monogoto.probe_values import may_be_left_over
from bot.monogoto.probe_words import QUESTIONS
from bot.monogoto.probing import Probed
from bot.monogoto.spare_state import NotSpare, PutBack, State, Stopped
from bot.probe_note import FILE, Notes
from bot.services.ports import Clock
from bot.storage import inspection
from bot.storage.engine import open_engine
from bot.storage.store import SqlStore

MOST_CALLS_A_SECOND = 2.0
"""A running bot keeps the pace that was set for it: this comes on top."""
TYPED_DIGITS = 6
_MENDS = "`check` says what is wrong with it; an empty one may be taken away."
ALL_ASKED, BROKEN_OFF, REFUSED, NOT_PUT_BACK = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where the person sits. `ask` returns what they typed; EOFError where nobody is there."""

    say: Callable[[str], None]
    ask: Callable[[str], str]
    shout: Callable[[str], None] | None = None
    """For what must be seen wherever `say` goes; `say` where there is none."""


class Refused(Exception):
    """Nothing was written. The message is for the person."""


async def run(config: Config, typed: str, *, clock: Clock, terminal: Terminal) -> Probed:
    """Look, ask the person, find out, put back. Raises `Refused` before anything is written."""
    iccid = _iccid(typed)
    pace = OwnPace(
        clock,
        min(config.monogoto_max_rate, MOST_CALLS_A_SECOND),
        tell=lambda seconds: terminal.say(f"Monogoto asks us to wait {seconds:.0f} s."),
    )
    notes = Notes(inspection.beside(config.database_url.reveal(), FILE))
    async with Monogoto(config.monogoto_url, credentials(config), clock=clock, gate=pace) as monogoto:
        try:
            thing = await monogoto.thing(iccid)
            await _demand_free(config, thing)
            left = _left(thing, iccid, notes, terminal)
            _confirm(thing, iccid, terminal)
            await _demand_free(config, thing)
            notes.keep(iccid.digits, thing.locked_imei if left is None else left)
            with _ending(terminal) as stop:
                terminal.say("Probing: about a minute. Ctrl-C ends it, and puts the SIM back first.")
                probed = await probing.probe(
                    monogoto,
                    iccid,
                    clock=clock,
                    stop=stop,
                    expected=thing,
                    alarm=lambda how, before: (terminal.shout or terminal.say)(by_hand(how, before)),
                    left_by_a_probe=left,
                )
            if probed.put_back.done:
                _forget(notes, iccid, terminal)
        except NotSpare as no:
            raise Refused(str(no)) from None
        except Stopped:
            raise Refused("The end was asked for. Nothing was written.") from None
        except PlatformError as error:
            raise Refused(f"{error} Nothing was written.") from None
        except OSError as error:
            why = f"{notes.path} can't be kept ({error.strerror or error}). Nothing was written."
            raise Refused(f"What the SIM holds must be noted first, and {why}") from None
        return probed


def demand_a_person(*, there: bool) -> None:
    """Nothing replaces the person at the terminal."""
    if not there:
        raise Refused("A person has to confirm this at a terminal. Nothing was written.")


def _iccid(typed: str) -> Iccid:
    parsed = parse_iccid(typed)
    if not isinstance(parsed, Valid):
        raise Refused(f"{parsed.why} Type the ICCID as Monogoto shows it.")
    return parsed.value


async def _demand_free(config: Config, thing: Thing) -> None:
    """A request that is under way must not meet a SIM that is being tried things on."""
    if thing.imei_lock:
        raise Refused("This SIM is locked now. Nothing was written: probe one that is unlocked.")
    if not await asyncio.to_thread(inspection.is_there, config.database_url.reveal()):
        return
    try:
        engine = open_engine(config.database_url.reveal(), read_only=True)
        try:
            open_request = await SqlStore(engine).open_request(thing.thing_id)
        finally:
            await engine.close()
    except StoreUnavailable as error:
        raise Refused(
            f"The bot's database doesn't tell of open requests for this SIM: {error}. {_MENDS}"
        ) from None
    if open_request is not None:
        raise Refused(f"Request {open_request.id} for this SIM is open in the bot. Decide it first.")


def _left(thing: Thing, iccid: Iccid, notes: Notes, terminal: Terminal) -> str | None:
    """What an earlier probe, killed half-way, has left to be put back; None for nothing."""
    left = notes.left(iccid.digits)
    if left is not None and left != thing.locked_imei and (not thing.locked_imei or may_be_left_over(thing)):
        terminal.say(
            "An earlier probe of this SIM was ended before it had put it back. It held as stored IMEI:\n"
            f"{left or 'none'}. This probe puts that back at its end. (Noted in {notes.path.name}: delete\n"
            "that file if what the SIM holds now is right.)"
        )
        return left
    if may_be_left_over(thing):
        terminal.say(
            "What is stored now may have been left by a probe that was killed, or kept by an unlock. It is\n"
            "what this probe puts back: if it is wrong, mend it in Monogoto's console first."
        )
    return None


def _forget(notes: Notes, iccid: Iccid, terminal: Terminal) -> None:
    try:
        notes.drop(iccid.digits)
    except OSError:
        terminal.say(f"The SIM is put back, but {notes.path} still says that it isn't: delete it.")


def _confirm(thing: Thing, iccid: Iccid, terminal: Terminal) -> None:
    stored = thing.locked_imei or "none"
    name = _plain(thing.name)
    terminal.say(
        f"SIM {iccid.masked}, “{name}”, {thing.state}. Its lock is off; stored IMEI: {stored}.\n"
        "For about a minute its stored IMEI is changed a few times, always with the lock off, so that no\n"
        "device loses service. Then it is put back. Take a spare SIM that nobody else works on."
    )
    try:
        answer = terminal.ask(f"Type the last {TYPED_DIGITS} digits of its ICCID to go on: ")
    except (EOFError, KeyboardInterrupt):
        raise Refused("Nobody confirmed it. Nothing was written.") from None
    if answer.strip() != iccid.digits[-TYPED_DIGITS:]:
        raise Refused("Those are not its last digits. Nothing was written.")


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:80]


@contextmanager
def _ending(terminal: Terminal) -> Iterator[asyncio.Event]:
    """Set once somebody asks for the end: Ctrl-C, SIGTERM, or the terminal going away."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def end() -> None:
        stop.set()
        terminal.say("Ending: the SIM is put back first.")

    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for name in names:
        loop.add_signal_handler(name, end)
    try:
        yield stop
    finally:
        for name in names:
            loop.remove_signal_handler(name)


def by_hand(how: PutBack, before: State) -> str:
    """Loud: what a person has to do now. The stored IMEI in full: they have to type it."""
    stored = before.thing.locked_imei
    wanted = f"its stored IMEI to {stored}" if stored else "its stored IMEI to none"
    thing = before.thing
    return (
        "\n!!! THE SIM IS NOT AS IT WAS !!!\n"
        f"{how.said}\n"
        f"In Monogoto's console, set {wanted}, and see that its IMEI lock is as you want it (it was off).\n"
        f"It was {thing.state}, named “{_plain(thing.name)}”; group: {_plain(thing.things_group_id or '')}\n"
    )


def exit_code(probed: Probed) -> int:
    """0: all was asked. 1: broken off. 3: the SIM is not as it was. (2: refused before any write.)"""
    if not probed.put_back.done:
        return NOT_PUT_BACK
    return BROKEN_OFF if probed.broken_off else ALL_ASKED


def as_text(probed: Probed, iccid: str) -> str:
    """Question, answer; then how the SIM was left."""
    lines = [f"SIM …{iccid[-4:]}"]
    for name, question in QUESTIONS.items():
        lines += [question, f"    {probed.answers[name]}"]
    if probed.broken_off:
        lines += ["", f"Broken off: {probed.broken_off}"]
    lines += ["", f"Put back: {'yes' if probed.put_back.done else 'NO'}. {probed.put_back.said}"]
    return "\n".join(lines)


def as_json(probed: Probed, iccid: str) -> str:
    """One object with stable keys; `answers` by the names of `QUESTIONS`."""
    told = {
        "exit_code": exit_code(probed),
        "sim": f"…{iccid[-4:]}",
        "answers": dict(probed.answers),
        "broken_off": probed.broken_off,
        "put_back": probed.put_back.done,
        "put_back_said": probed.put_back.said,
    }
    return json.dumps(told, ensure_ascii=False, indent=1)


def refused_as_json(no: Refused) -> str:
    """So that a script finds an object there whatever happened."""
    return json.dumps({"exit_code": REFUSED, "refused": str(no)}, ensure_ascii=False, indent=1)
