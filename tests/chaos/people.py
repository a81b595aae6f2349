"""What people do in a round: they ask, decide and undo, and try again where nothing came of it."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.monogoto.examples import Example
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack.elements import slots
from bot.sandbox.slack.filling import CannotDo
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.views import View
from tests.chaos.database import Reader
from tests.chaos.plan import Story
from tests.chaos.simulation import until

APPROVERS = ("U0APP1", "U0APP2")
TRIES = 5
FORM_SECONDS = 8.0
TAKEN_SECONDS = 40.0
COUNTED_SECONDS = 240.0
ENDED_SECONDS = 900.0
OPEN = ("previewing", "pending", "approved", "applying", "paused", "unconfirmed")
TACS = ("35305311", "49015420")


class People:
    """Everybody of one round."""

    def __init__(
        self,
        slack: LocalSlack,
        monogoto: LocalMonogoto,
        reader: Reader,
        chance: random.Random,
        patience: float = 1.0,
    ) -> None:
        """`patience`: how long they wait for anything, as a factor: little where the time is real."""
        self._patience = patience
        self._slack = slack
        self._monogoto = monogoto
        self._reader = reader
        self._chance = chance

    async def live(self, story: Story) -> None:
        """A request from its first word to its end, and its undo."""
        await asyncio.sleep(story.begins)
        request_id = await self._ask(story)
        if request_id is None:
            return
        await self._decide(story, request_id, story.fate)
        if story.undo and await self._ended(request_id) in {"succeeded", "partly_failed"}:
            undo_id = await self._undo(story, request_id)
            if undo_id:
                await self._decide(story, undo_id, "approve")
                await self._ended(undo_id)

    # --- asking ----------------------------------------------------------------------------------

    async def _ask(self, story: Story) -> str | None:
        who = self._slack.person(story.requester, f"window {story.number}")
        for _ in range(TRIES):
            if await self._form(who, lambda: self._open(who, story)):
                await self._send(who, self._values(story))
            if found := await until(lambda: self._id_of(story.reason), within=TAKEN_SECONDS * self._patience):
                return await self._sent_on(story, found)
            await self._rest()
        return None

    async def _open(self, who: Person, story: Story) -> None:
        match story.kind:
            case "lock_thing":
                sim = self._sim(story.targets[0])
                imei = self._monogoto.examples.unused_imeis[story.number % 2]
                await who.command("/lock-thing", f"{sim.iccid} {imei}")
            case "unlock_keep" | "unlock_clear":
                await who.command("/unlock-thing", self._sim(story.targets[0]).iccid)
            case "lock_group":
                tac = TACS[story.number % 2]
                await who.command("/lock-group", f"{self._group(story.targets[0])} {tac}")
            case "unlock_group":
                await who.command("/unlock-group", self._group(story.targets[0]))
            case _:
                await who.command("/lock-csv")

    def _values(self, story: Story) -> dict[str, Any]:
        values: dict[str, Any] = {"reason": story.reason}
        if story.kind in {"unlock_keep", "unlock_clear", "unlock_group"}:
            values["keep"] = "clear" if story.kind == "unlock_clear" or story.number % 2 else "keep"
        if story.kind == "bulk":
            imeis = self._monogoto.examples.unused_imeis
            rows = [f"{self._sim(t).iccid},{imeis[at % len(imeis)]}" for at, t in enumerate(story.targets)]
            values["lines"] = "\n".join(["ICCID,IMEI", *rows])
        return values

    async def _sent_on(self, story: Story, request_id: str) -> str:
        """A bulk's plan is sent on once it is there."""
        who = self._slack.person(story.requester, f"window {story.number}")
        for _ in range(TRIES):
            if story.kind != "bulk" or self._status(request_id) != "previewing":
                break
            card = await until(
                lambda: self._button(request_id, "bulk.send"), within=COUNTED_SECONDS * self._patience
            )
            if card:
                await self._press(who, card, "bulk.send")
                await until(
                    lambda: self._status(request_id) != "previewing", within=FORM_SECONDS * self._patience
                )
        return request_id

    async def _undo(self, story: Story, request_id: str) -> str | None:
        who = self._slack.person(story.requester, f"window {story.number}")
        reason = f"{story.reason} undone"
        for _ in range(TRIES):
            card = await until(
                lambda: self._button(request_id, "request.undo"), within=FORM_SECONDS * self._patience
            )
            if card and await self._form(who, lambda card=card: self._press(who, card, "request.undo")):
                await self._send(who, {"reason": reason})
            if found := await until(lambda: self._id_of(reason), within=TAKEN_SECONDS * self._patience):
                return await self._sent_on(story, found)
            await self._rest()
        return None

    # --- deciding --------------------------------------------------------------------------------

    async def _decide(self, story: Story, request_id: str, fate: str) -> None:
        await until(lambda: self._status(request_id) != "previewing", within=COUNTED_SECONDS * self._patience)
        for _ in range(TRIES):
            if self._status(request_id) != "pending":
                return
            if await until(
                lambda: self._button(request_id, "request.approve"), within=TAKEN_SECONDS * self._patience
            ):
                await asyncio.gather(*(each for each in self._acts(story, request_id, fate)))
                await until(
                    lambda: self._status(request_id) != "pending", within=FORM_SECONDS * self._patience
                )
            if fate == "leave":
                return
            await self._rest()

    def _acts(self, story: Story, request_id: str, fate: str) -> list[Any]:
        first, second = self._chance.sample(APPROVERS, 2)
        approve = self._approve
        match fate:
            case "leave":
                return []
            case "deny":
                return [self._deny(request_id, first)]
            case "cancel":
                return [self._cancel(request_id, story.requester)]
            case "race":
                ending = [self._deny(request_id, second), self._cancel(request_id, story.requester)]
                return [approve(request_id, first), approve(request_id, second), *ending]
            case "double":
                return [approve(request_id, first), approve(request_id, first), approve(request_id, second)]
            case "together":
                return [approve(request_id, first), approve(request_id, second)]
        return [self._one_by_one(request_id, first, second)]

    async def _one_by_one(self, request_id: str, *approvers: str) -> None:
        for user in approvers:
            if self._status(request_id) == "pending":
                await self._approve(request_id, user)
                await until(lambda: self._status(request_id) != "pending", within=2.0 * self._patience)

    async def _approve(self, request_id: str, user: str) -> None:
        who = self._slack.person(user, f"window {self._chance.randrange(1 << 30)}")
        card = self._button(request_id, "request.approve")
        if card is None:
            return
        await self._press(who, card, "request.approve")
        if "Approve…" in json.dumps(card.blocks, ensure_ascii=False):
            view = await until(lambda: _form_of(who), within=FORM_SECONDS * self._patience)
            if view and view.callback_id == "request.approve_many":
                await self._send(who, {"typed": json.loads(view.private_metadata)["wanted"]})

    async def _deny(self, request_id: str, user: str) -> None:
        who = self._slack.person(user, f"window {self._chance.randrange(1 << 30)}")
        card = self._button(request_id, "request.deny")
        if card and await self._form(who, lambda: self._press(who, card, "request.deny")):
            await self._send(who, {"reason": "Not this one"})

    async def _cancel(self, request_id: str, user: str) -> None:
        if card := self._button(request_id, "request.cancel"):
            await self._press(self._slack.person(user), card, "request.cancel")

    # --- hands and eyes --------------------------------------------------------------------------

    async def _form(self, who: Person, opening: Callable[[], Any]) -> View | None:
        """Open it anew; None where none comes."""
        try:
            for modal in reversed(who.modals):
                await who.close(modal)
            await opening()
        except CannotDo:
            return None
        return await until(lambda: _form_of(who), within=FORM_SECONDS * self._patience)

    async def _send(self, who: Person, values: dict[str, Any]) -> None:
        try:
            if view := _form_of(who):
                await who.submit(view, values)
        except CannotDo:
            return

    async def _press(self, who: Person, card: Message, action_id: str) -> None:
        try:
            await who.click(card, action_id, confirm=True)
        except CannotDo:
            return

    async def _rest(self) -> None:
        await asyncio.sleep(self._chance.uniform(2, 12) * self._patience)

    async def _ended(self, request_id: str) -> str | None:
        await until(lambda: self._status(request_id) not in OPEN, within=ENDED_SECONDS * self._patience)
        return self._status(request_id)

    def _button(self, request_id: str, action_id: str) -> Message | None:
        """The latest message that offers it."""
        found = [
            message
            for message in all_messages(self._slack)
            if any(
                slot.action_id == action_id and str(slot.element.get("value", "")).startswith(request_id)
                for slot in slots(message.blocks)
            )
        ]
        return found[-1] if found else None

    def _status(self, request_id: str) -> str | None:
        rows = self._reader.rows("select status from requests where id = ?", request_id)
        return str(rows[0][0]) if rows else None

    def _id_of(self, reason: str) -> str | None:
        rows = self._reader.rows("select id from requests where reason = ? order by number desc", reason)
        return str(rows[0][0]) if rows else None

    def _sim(self, name: str) -> Example:
        found: Example = getattr(self._monogoto.examples, name)
        return found

    def _group(self, name: str) -> str:
        return str(getattr(self._monogoto.examples, name))


def _form_of(who: Person) -> View | None:
    return who.modal if who.modal and who.modal.content.get("submit") else None


def all_messages(slack: LocalSlack) -> list[Message]:
    """What the bot has posted and still stands somewhere, for all to see."""
    return [
        message
        for channel in [*slack.workspace.channels]
        for message in slack.messages(channel)
        if message.from_bot and not message.ephemeral_to
    ]
