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
from bot.monogoto.probe_words import QUESTIONS
from bot.monogoto.probing import Probed
from bot.monogoto.spare_sim import NotSpare, PutBack, State, Stopped
from bot.services.ports import Clock
from bot.storage import inspection
from bot.storage.engine import open_engine
from bot.storage.store import SqlStore

MOST_CALLS_A_SECOND = 2.0
"""A running bot keeps the pace that was set for it: this comes on top."""
TYPED_DIGITS = 6
ALL_ASKED, BROKEN_OFF, REFUSED, NOT_PUT_BACK = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where the person sits. `ask` returns what they typed; EOFError where nobody is there."""

    say: Callable[[str], None]
    ask: Callable[[str], str]


class Refused(Exception):
    """Nothing was written. The message is for the person."""


async def run(config: Config, typed: str, *, clock: Clock, terminal: Terminal) -> Probed:
    """Look, ask the person, find out, put back. Raises `Refused` before anything is written."""
    iccid = _iccid(typed)
    pace = OwnPace(clock, min(config.monogoto_max_rate, MOST_CALLS_A_SECOND))
    async with Monogoto(config.monogoto_url, credentials(config), clock=clock, gate=pace) as monogoto:
        try:
            thing = await monogoto.thing(iccid)
            await _demand_free(config, thing)
            _confirm(thing, iccid, terminal)
            await _demand_free(config, thing)
            with _ending(terminal) as stop:
                terminal.say("Probing: about a minute. Ctrl-C ends it, and puts the SIM back first.")
                return await probing.probe(
                    monogoto,
                    iccid,
                    clock=clock,
                    stop=stop,
                    expected=thing,
                    alarm=lambda how, before: terminal.say(by_hand(how, before)),
                )
        except NotSpare as no:
            raise Refused(str(no)) from None
        except Stopped:
            raise Refused("The end was asked for. Nothing was written.") from None
        except PlatformError as error:
            raise Refused(f"{error} Nothing was written.") from None


def _iccid(typed: str) -> Iccid:
    parsed = parse_iccid(typed)
    if not isinstance(parsed, Valid):
        raise Refused(f"{parsed.why} Type the ICCID as Monogoto shows it.")
    return parsed.value


async def _demand_free(config: Config, thing: Thing) -> None:
    """A request that is under way must not meet a SIM that is being tried things on."""
    if thing.imei_lock:
        raise Refused("This SIM is locked now. Nothing was written: probe one that is unlocked.")
    if not await asyncio.to_thread(inspection.is_there, config.database_url):
        return
    try:
        engine = open_engine(config.database_url, read_only=True)
        try:
            open_request = await SqlStore(engine).open_request(thing.thing_id)
        finally:
            await engine.close()
    except StoreUnavailable as error:
        raise Refused(f"The bot's database doesn't tell of open requests for this SIM: {error}") from None
    if open_request is not None:
        raise Refused(f"Request {open_request.id} for this SIM is open in the bot. Decide it first.")


def _confirm(thing: Thing, iccid: Iccid, terminal: Terminal) -> None:
    stored = thing.locked_imei or "none"
    name = "".join(char if char.isprintable() else " " for char in thing.name)[:80]
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
    return (
        "\n!!! THE SIM IS NOT AS IT WAS !!!\n"
        f"{how.said}\n"
        f"In Monogoto's console, set {wanted}, and see that its IMEI lock is as you want it (it was off).\n"
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
