"""The main job, played by several people over both stand-ins. Exit code 0 only if all came as expected."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.logs import set_up
from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto.examples import Example
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.views import View
from bot.sandbox.stage import Stage, everything_in
from bot.sandbox.transcript import Transcript
from bot.storage import audit
from bot.storage.engine import open_engine

FIELD = "C0FIELD"
ENGINEER, APPROVER, SECOND_APPROVER, ADMIN = "U0ENG1", "U0APP1", "U0APP2", "U0ADMIN"
THINGS = 10_000


class Story:
    """Seven scenes on one stage."""

    def __init__(self, stage: Stage, transcript: Transcript) -> None:
        self._stage = stage
        self._show = transcript
        self._sims = stage.monogoto.examples
        self.unexpected: list[str] = []

    async def play(self) -> None:
        """All scenes, in order."""
        scenes = [
            ("A stolen box: its SIM is locked to the device it belongs in", self.lock_approved),
            ("Nobody approves their own request, admins included", self.own_request),
            ("A wrong digit is caught beside the field", self.wrong_digit),
            ("Somebody in the console was quicker", self.overtaken),
            ("An unlock that clears the stored IMEI", self.unlock),
            ("The answer of a write is lost on the way", self.answer_lost),
            ("A whole group is bound to one model: two have to approve", self.group_locked),
        ]
        for number, (title, scene) in enumerate(scenes, start=1):
            self._show.scene(number, title)
            await scene()

    async def lock_approved(self) -> None:
        """Command, look-up, approval, PUT, read-back, confirmation."""
        sim = self._sims.fresh
        card = await self._ask(ENGINEER, f"{sim.iccid} {sim.imei}", "The box was stolen from the site")
        await self._approve(APPROVER, card)
        await self._outcome(card, "done")
        self._expect_lock(sim, on=True, imei=sim.imei)
        self._expect("exactly one PUT took effect", len(self._stage.monogoto.writes[sim.iccid]) == 1)
        session = self._stage.monogoto.data_session(sim.iccid, self._sims.unused_imeis[0])
        self._show.happens(f"a thief puts the SIM into a phone; a data session there: {session.why}")
        self._expect("the thief's phone gets no service", not session.accepted)

    async def own_request(self) -> None:
        """An admin may ask and may approve, but not both of one request."""
        sim = self._sims.never_seen
        admin = self._stage.person(ADMIN)
        card = await self._ask(ADMIN, f"{sim.iccid} {self._sims.unused_imeis[1]}", "New device, first use")
        await self._press(admin, card, "Approve", "request.approve")
        whisper = await self._until(lambda: self._stage.whispers(ADMIN))
        self._show.reads(ADMIN, whisper[-1])
        self._expect("the refusal says why", "asked for this yourself" in everything_in(whisper[-1].blocks))
        self._expect_lock(sim, on=False)
        await self._press(admin, card, "Cancel request", "request.cancel")
        await self._until(lambda: "Cancelled" in card.text)
        self._expect("the requester could still take it back", held=True)

    async def wrong_digit(self) -> None:
        """Two swapped digits fail the check digit; put right, it goes through."""
        sim = self._sims.online
        typo = sim.imei[:1] + sim.imei[2] + sim.imei[1] + sim.imei[3:]
        person = self._stage.person(ENGINEER)
        view = await self._open(person, f"{sim.iccid}")
        self._show.does(ENGINEER, f"types the IMEI {typo} and sends the form")
        result = await person.submit(view, {"imei": typo, "reason": "Swap of the modem"})
        self._show.happens(f"beside the field: {result.errors.get('imei')}")
        self._expect("the field says what is wrong", "imei" in result.errors)
        self._show.does(ENGINEER, f"looks at the label again, types {sim.imei} and sends the form")
        before = len(self._stage.cards(FIELD))
        await person.submit(view, {"imei": sim.imei})
        card = (await self._until(lambda: self._stage.cards(FIELD)[before:]))[0]
        await self._approve(APPROVER, card)
        await self._outcome(card, "done")
        self._expect_lock(sim, on=True, imei=sim.imei)

    async def overtaken(self) -> None:
        """The lock changes in the console between the request and the click: nothing is applied over it."""
        sim = self._sims.cleared
        theirs = self._sims.unused_imeis[2]
        card = await self._ask(ENGINEER, f"{sim.iccid} {self._sims.unused_imeis[3]}", "Moved to a new router")
        self._show.happens("somebody locks the same SIM to another IMEI in Monogoto's console")
        self._stage.monogoto.console_edit(sim.iccid, LockMasterImei=True, MasterIMEI=theirs)
        await self._press(self._stage.person(APPROVER), card, "Approve", "request.approve")
        whisper = await self._until(lambda: self._stage.whispers(APPROVER))
        self._show.vendor()
        self._show.reads(APPROVER, whisper[-1])
        await self._until(lambda: self._stage.replies(card))
        self._show.reads(APPROVER, card)
        self._expect("nothing was written over it", not self._stage.monogoto.writes.get(sim.iccid))
        self._expect_lock(sim, on=True, imei=theirs)

    async def unlock(self) -> None:
        """Keep or clear are two intents; this one clears."""
        sim = self._sims.locked
        person = self._stage.person(ENGINEER)
        view = await self._open(person, sim.iccid, command="/unlock-thing")
        self._show.does(ENGINEER, "chooses “Clear the stored IMEI” and sends the form")
        before = len(self._stage.cards(FIELD))
        await person.submit(view, {"keep": "clear", "reason": "The device is scrapped"})
        card = (await self._until(lambda: self._stage.cards(FIELD)[before:]))[0]
        self._show.vendor()
        self._show.reads(APPROVER, card)
        await self._approve(APPROVER, card)
        await self._outcome(card, "done")
        self._expect_lock(sim, on=False, imei="")

    async def answer_lost(self) -> None:
        """The write takes effect and its answer never comes: read back before anything else."""
        sim = self._sims.twenty_digits
        imei = sim.imei or self._sims.unused_imeis[4]
        card = await self._ask(ENGINEER, f"{sim.iccid} {imei}", "Goes to a site without a fence")
        self._show.happens("from here Monogoto drops the connection right after it has applied a write")
        self._stage.monogoto.fail(("PUT", "/thing/update"), "drop_after")
        await self._approve(APPROVER, card)
        await self._outcome(card, "done")
        self._expect_lock(sim, on=True, imei=imei)
        self._expect("it was not written a second time", len(self._stage.monogoto.writes[sim.iccid]) == 1)

    async def group_locked(self) -> None:
        """One call, a whole fleet: name and profile are written back as read, and everything is compared."""
        group_id, tac = self._sims.open_group, "35305311"
        before = self._stage.monogoto.group(group_id)
        text = f"{group_id} {tac}"
        card = await self._ask(ENGINEER, text, "Only trackers of this model", "/lock-group")
        await self._approve(APPROVER, card)
        await self._until(lambda: "1 more approval" in everything_in(card.blocks))
        self._expect("one approval is not enough", not self._stage.monogoto.group_writes[group_id])
        await self._approve(SECOND_APPROVER, card)
        await self._outcome(card, "done")
        now = self._stage.monogoto.group(group_id)
        changed = {key for key in now if now[key] != before.get(key)} - {"DateModified"}
        self._expect(f"Monogoto's own record: the group is locked to {tac}", now["IMEIPrefix"] == tac)
        self._expect("name, profile and all else are untouched", changed <= {"IMEIPrefix", "LockMasterImei"})

    # --- what people do ----------------------------------------------------------------------------

    async def _open(self, person: Person, text: str, command: str = "/lock-thing") -> View:
        for left_open in reversed(person.modals):
            await person.close(left_open)
        self._show.does(person.id, f"{command} {text}")
        await person.command(command, text, channel=FIELD)
        view: View = await self._until(lambda: person.modal)
        looked_up = {"/lock-group": ("Group", "lock ")}.get(command, ("ICCID", "state"))
        await self._until(lambda: all(words in everything_in(view.content) for words in looked_up))
        self._show.vendor()
        self._show.reads(person.id, view)
        return view

    async def _ask(self, user_id: str, text: str, reason: str, command: str = "/lock-thing") -> Message:
        person = self._stage.person(user_id)
        view = await self._open(person, text, command)
        self._show.does(user_id, f"types the reason “{reason}” and sends the form")
        before = len(self._stage.cards(FIELD))
        await person.submit(view, {"reason": reason})
        card: Message = (await self._until(lambda: self._stage.cards(FIELD)[before:]))[0]
        await self._until(lambda: person.modal and "posted" in person.modal.title)
        await self._until(lambda: not everything_in(card.blocks).startswith("🔎"))  # a group is counted first
        self._show.vendor()
        self._show.reads(APPROVER, card)
        return card

    async def _approve(self, user_id: str, card: Message) -> None:
        person = self._stage.person(user_id)
        await self._press(person, card, "Approve", "request.approve")
        if "Approve…" in everything_in(card.blocks):
            await self._type_number(person)

    async def _type_number(self, person: Person) -> None:
        """From many on the number affected has to be typed: it is read off the form."""
        view: View = await self._until(
            lambda: person.modal and person.modal.content.get("submit") and person.modal
        )
        number = re.search(r"\*([\d,]+)\* affected", everything_in(view.content))
        self._show.does(person.id, f"types {number[1] if number else '?'}")
        await person.submit(view, {"typed": number[1] if number else ""})

    async def _press(self, person: Person, card: Message, label: str, action_id: str) -> None:
        self._show.does(person.id, f"clicks [{label}]")
        await person.click(card, action_id, confirm=True)

    async def _outcome(self, card: Message, word: str) -> None:
        replies = await self._until(lambda: [r for r in self._stage.replies(card) if word in r.text])
        await self._until(lambda: "read back" in card.text)
        self._show.vendor()
        self._show.reads(ENGINEER, replies[-1])
        self._expect(f"the thread says “{word}”, and the card shows it", held=True)

    async def _until(self, condition: Callable[[], Any]) -> Any:
        return await self._stage.until(condition)

    # --- what is expected --------------------------------------------------------------------------

    def _expect(self, what: str, held: bool) -> None:
        self._show.checked(what, held=held)
        if not held:
            self.unexpected.append(what)

    def _expect_lock(self, sim: Example, *, on: bool, imei: str | None = None) -> None:
        thing = self._stage.monogoto.thing(sim.iccid)
        held = thing["LockMasterImei"] is on and (imei is None or (thing["MasterIMEI"] or "") == imei)
        state = f"locked to {imei}" if on else "not locked"
        self._expect(f"Monogoto's own record: …{sim.iccid[-4:]} is {state}", held)


async def tell(folder: Path) -> int:
    """Play it in this folder; returns the exit code."""
    stage = Stage(folder, clock=ManualClock(), things=THINGS)
    async with stage:
        transcript = Transcript(stage.slack, stage.monogoto, print)
        story = Story(stage, transcript)
        print(f"Two stand-ins on this machine: Slack at {stage.slack.url}, Monogoto at {stage.monogoto.url}")
        print(f"with {THINGS:,} Things. The bot talks to both over real HTTP and Socket Mode.")
        await story.play()
    engine = open_engine(f"sqlite:///{folder / 'imei-lock.db'}", read_only=True)
    fault = await audit.verify(engine)
    entries, _ = await audit.head(engine)
    await engine.close()
    print(f"\nThe audit log: {entries} entries, {'the chain holds' if fault is None else fault}.")
    if story.unexpected or fault:
        print(f"{len(story.unexpected)} outcomes were not as expected.")
        return 1
    print("Every outcome was as expected.")
    return 0


def main() -> int:
    """Play the story in a folder that is gone afterwards."""
    set_up(level="ERROR", form="text", stream=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="imei-lock-") as folder:
        return asyncio.run(tell(Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
