"""The questions that the vendor's documents leave open, asked of the vendor itself on one spare SIM."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from bot.domain.errors import LoginFailed, OutcomeUnknown, PlatformError
from bot.domain.identifiers import Iccid, luhn_digit
from bot.domain.things import Thing
from bot.monogoto import failures, models
from bot.monogoto.client import Monogoto
from bot.monogoto.failures import Answer
from bot.monogoto.probe_values import two_values
from bot.monogoto.probe_words import (
    QUESTIONS,
    SHOWN_WITHIN,
    WATCHED_SECONDS,
    names_of,
    others,
    rows,
    said,
    shown,
)
from bot.monogoto.spare_sim import SpareSim
from bot.monogoto.spare_state import Harmed, PutBack, SomebodyElse, State, Stopped, changed_keys
from bot.services.ports import Clock

_LOOK_AGAIN: Final = 0.5
_TRIES: Final = 5
_NOBODYS_ICCID: Final = "89" + "0" * 16
_OPEN: Final = "not found out"


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found out, by the names of `QUESTIONS`, and how the SIM was left."""

    answers: Mapping[str, str]
    broken_off: str
    """"" where every question was asked; else why not."""
    put_back: PutBack
    before: State | None


@dataclass(frozen=True, slots=True)
class _Tried:
    """One write, tried until `cas` was not in the way."""

    answer: Answer | None
    """None where it was lost."""
    shown: bool
    seconds: float
    before: State
    after: State
    overtaken: bool = False

    def told(self) -> str:
        return "the answer was lost" if self.answer is None else said(self.answer)


async def probe(
    monogoto: Monogoto,
    iccid: Iccid,
    *,
    clock: Clock,
    stop: asyncio.Event,
    expected: Thing | None = None,
    alarm: Callable[[PutBack, State], None] = lambda _how, _before: None,
    left_by_a_probe: str | None = None,
) -> Probed:
    """Ask everything, and put the SIM back whatever happens. Raises `NotSpare` before any write.

    `expected`: the SIM as the person saw it when they agreed; another state is `NotSpare`. `alarm` is
    called where it could not be put back, also when this ends by an exception. `left_by_a_probe`: what
    was stored before an earlier probe that did not get to put it back; that is put back now.
    """
    sim = SpareSim(monogoto, iccid, clock=clock, stop=stop)
    asking = _Asking(monogoto, sim, clock)
    before = await sim.begin(expected, left_by_a_probe)
    try:
        broken_off = await asking.everything(before)
    finally:
        put_back = await sim.put_back()
        if not put_back.done:
            alarm(put_back, before)
    if put_back.state is not None:
        asking.compare(before, put_back.state)
    return Probed({name: asking.found.get(name, _OPEN) for name in QUESTIONS}, broken_off, put_back, before)


class _Asking:
    """One run through the questions."""

    def __init__(self, monogoto: Monogoto, sim: SpareSim, clock: Clock) -> None:
        self._monogoto = monogoto
        self._sim = sim
        self._clock = clock
        self._restless: set[str] = set()
        self.found: dict[str, str] = {}

    async def everything(self, before: State) -> str:
        """Why it was broken off, or ""."""
        try:
            await self._readings(before)
            await self._writings(before)
        except Stopped:
            return "The end was asked for."
        except (SomebodyElse, Harmed) as other:
            return str(other)
        except PlatformError as error:
            return f"{error} {shown(error.snippet.encode())}" if error.snippet else str(error)
        return ""

    def compare(self, before: State, after: State) -> None:
        """The whole record, before everything and after it."""
        keys = changed_keys(before, after) - models.KEYS_OF_A_WRITE
        self.found["left_behind"] = others(keys, self._restless)

    async def _readings(self, before: State) -> None:
        ends = await self._monogoto.token_ends()
        if ends is not None:
            hours = (ends - self._clock.now()).total_seconds() / 3600
            self.found["token_lifetime"] = f"by its own claims another {hours:.1f} hours"
        else:
            self.found["token_lifetime"] = "it doesn't tell: no JWT with an end"  # noqa: S105  no password
        one = {"limit": "1", "offset": "0"}
        listing = await self._sim.ask("/things", one)
        self.found["list_rows"] = rows(listing)
        self.found["groups_list"] = said(await self._sim.ask("/thingsgroups", one, guess=True))
        self.found["group_read"] = await self._group(before.thing.things_group_id)
        nobody = _NOBODYS_ICCID + luhn_digit(_NOBODYS_ICCID)
        self.found["unknown_iccid"] = said(await self._sim.ask(f"/thing/{models.ID_PREFIX}{nobody}"))
        await self._watch()

    async def _group(self, things_group_id: str | None) -> str:
        if not things_group_id:
            return f"{_OPEN}: this SIM names no group"
        answer = await self._sim.ask(f"/thingsgroup/{quote(things_group_id, safe='')}")
        try:
            body = failures.content(answer)
            models.group_from(body, things_group_id)
        except PlatformError:
            return f"not as a group: {said(answer)}"
        return f"yes, with the keys {names_of(body)}"

    async def _watch(self) -> None:
        first = await self._sim.look()
        await self._sim.rest(WATCHED_SECONDS)
        second = await self._sim.look()
        self._restless = changed_keys(first, second)
        self._sim.moves_by_itself(self._restless)
        moved = first.thing.cas != second.thing.cas
        with_it = ", ".join(sorted(self._restless - {"cas"})) or "no other key"
        self.found["cas_by_itself"] = f"yes; with it {with_it}" if moved else "no"

    async def _writings(self, before: State) -> None:
        """Nothing is tried on a SIM that takes no write at all."""
        forms = models.id_forms(before.thing.thing_id)
        one, another = two_values(before.thing)
        first = await self._try(one)
        self.found["write_answer"] = first.told() + (_ALWAYS_OVERTAKEN if first.overtaken else "")
        if not first.shown:
            self.found["read_back"] = f"not within {SHOWN_WITHIN:.0f} s, so nothing more was written"
            return
        self.found["read_back"] = f"within {first.seconds:.1f} s, as it was sent"
        keys = changed_keys(first.before, first.after) - models.KEYS_OF_A_WRITE
        self.found["other_keys"] = others(keys, self._restless)
        await self._stale(first, another)
        for what, thing_id in list(forms.items())[1:]:
            self.found[f"id_{what.replace(' ', '_')}"] = await self._form(thing_id, one)
        cleared = first if one == "" else await self._try("")
        spelling = models.spelling_of_none(cleared.after.record)
        self.found["cleared_value"] = spelling if cleared.shown else f"{_OPEN}: {cleared.told()}"

    async def _stale(self, first: _Tried, value: str) -> None:
        """With the `cas` that the first write used up."""
        now = await self._sim.look()
        if now.thing.cas == first.before.thing.cas:
            self.found["stale_cas"] = f"{_OPEN}: cas did not move by a write"
            return
        answer = await self._send(first.before, value)
        await self._sim.rest(max(2.0, 2 * first.seconds))
        after = await self._sim.look()
        told = "the answer was lost" if answer is None else said(answer)
        wrote = after.thing.locked_imei == value
        self.found["stale_cas"] = (
            f"{told}; {'IT WAS WRITTEN all the same' if wrote else 'nothing was written'}"
        )

    async def _form(self, thing_id: str, value: str) -> str:
        now = await self._sim.look()
        tried = await self._try("" if now.thing.locked_imei == value else value, thing_id)
        if tried.shown:
            return f"yes: {tried.told()}"
        return (
            f"{_OPEN}{_ALWAYS_OVERTAKEN}" if tried.overtaken else f"no: {tried.told()}; nothing was written"
        )

    async def _try(self, value: str, thing_id: str | None = None) -> _Tried:
        """Write `value`; again where `cas` moved in between, or the vendor asked to go slower."""
        tries = _TRIES
        while True:
            tries -= 1
            before = await self._sim.look()
            answer = await self._send(before, value, thing_id)
            sent = self._clock.now()
            if answer is None or answer.is_good:
                after, shown = await self._shown(value)
            else:
                after = await self._sim.look()
                shown = after.thing.locked_imei == value
            seconds = (self._clock.now() - sent).total_seconds()
            overtaken = not shown and after.thing.cas != before.thing.cas
            tried = _Tried(answer, shown, seconds, before, after, overtaken)
            slower = answer is not None and answer.status == 429
            if not tries or not (overtaken or slower):
                return tried

    async def _send(self, state: State, value: str, thing_id: str | None = None) -> Answer | None:
        """None where the answer was lost: a reading will tell."""
        try:
            return await self._sim.write(state, value, thing_id=thing_id)
        except OutcomeUnknown:
            return None
        except LoginFailed as error:
            self.found.setdefault("write_answer", f"401: {error}")
            raise

    async def _shown(self, value: str) -> tuple[State, bool]:
        """Read until it is shown, or the time is over."""
        until = self._clock.now().timestamp() + SHOWN_WITHIN
        while True:
            state = await self._sim.look()
            if state.thing.locked_imei == value:
                return state, True
            if self._clock.now().timestamp() >= until:
                self._sim.doubt()  # it may still come: putting back has to write after it
                return state, False
            await self._sim.rest(_LOOK_AGAIN)


_ALWAYS_OVERTAKEN: Final = "; cas moved each time in between: turn the device off, or take another SIM"
