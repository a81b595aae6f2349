"""The bot broken on purpose, in ways in which somebody might break it by mistake: the rounds have to notice.

`python -m tests.chaos.sabotage` plays, for each, a round in which it matters, and prints what was found.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.policy import Rule
from bot.domain.requests import ChangeRequest, ItemState
from bot.services.clearance import Clearance
from bot.services.group_execution import GroupExecution
from bot.services.progress import Progress, item_of, sending
from bot.services.thing_execution import SAY, ThingExecution, iccid_of
from bot.slack.messenger import Messenger
from bot.storage.outbox import SqlOutbox
from bot.storage.transaction import SqlTx
from tests.chaos.campaign import Workshop, prepare_process
from tests.chaos.plan import Plan, Rate, SlackRate, quiet_plan
from tests.chaos.rounds import play

Patch = pytest.MonkeyPatch
LOCK, GROUP = quiet_plan(1, "lock_thing"), quiet_plan(2, "lock_group")
LOST = Rate("PUT", "/thing/update", "drop_before", 1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Sabotage:
    """What is broken, in which round it matters, and which invariants must notice."""

    act: Callable[[Patch], None]
    plan: Plan
    breaks: tuple[str, ...]
    or_else: Sequence[Plan] = ()
    """More plans, of which one at least breaks it: which effect comes when moves with the bot."""

    @property
    def plans(self) -> Sequence[Plan]:
        """All of them."""
        return (self.plan, *self.or_else)


def send_before_the_audit_knows(patched: Patch) -> None:
    """`sent` and its entry are committed only once the answer is there."""
    pending: dict[str, Any] = {}
    answered = Progress.answered

    async def mark_sent(self: Progress, request: ChangeRequest, target: Any) -> Any:
        item, goal, entry = sending(request, target, self._clock.now())
        pending[request.id] = (item_of(request), item, entry)
        return replace(request, item=item), goal

    async def late(self: Progress, request: ChangeRequest, answer: Any) -> None:
        old, new, entry = pending.pop(request.id)
        async with self._store.transaction() as tx:
            await tx.put_item(old, new)
            await tx.audit(entry)
        await answered(self, request, answer)

    patched.setattr(Progress, "mark_sent", mark_sent)
    patched.setattr(Progress, "answered", late)


def repeat_a_doubtful_group_write(patched: Patch) -> None:
    """After a crash what may have been sent is sent again, without waiting for a reading that shows it."""

    async def in_doubt(self: GroupExecution, request: ChangeRequest) -> None:
        seen: Any = await self._clearance._previews.core(request.single, request.seen, patient=True)
        await self._write(request, seen)

    patched.setattr(GroupExecution, "in_doubt", in_doubt)


def repeat_a_doubtful_write(patched: Patch) -> None:
    """The same of a SIM: with a fresh `cas` nothing stops it."""

    async def in_doubt(self: ThingExecution, request: ChangeRequest) -> None:
        await self._write(request, await self._platform.thing(iccid_of(request)))

    patched.setattr(ThingExecution, "in_doubt", in_doubt)


def say_done_without_reading(patched: Patch) -> None:
    """A yes of the vendor is taken for done."""
    look = ThingExecution._look_after

    async def look_after(self: ThingExecution, request: ChangeRequest, sent: Any, answer: Any) -> Any:
        if answer is not None:
            return await look(self, request, sent, answer)
        await self._finish(request, ItemState.DONE, SAY.done, sent.lock)
        return None

    patched.setattr(ThingExecution, "_look_after", look_after)


def apply_late(patched: Patch) -> None:
    """Whatever was approved is applied, however long that was ago."""
    plain: Any = ChangeRequest.apply_before

    def apply_before(self: ChangeRequest) -> Any:
        found = plain.fget(self)
        return found + timedelta(days=7) if found else None

    patched.setattr(Clearance, "is_late", lambda self, request: False)
    patched.setattr(ChangeRequest, "apply_before", property(apply_before))


def one_approval_is_enough(patched: Patch) -> None:
    """Two people have to approve a group's change; here the first one's click applies it."""
    patched.setattr(Rule, "needed", lambda self, affected: 1)


def forget_to_redraw(patched: Patch) -> None:
    """A card that stands is not drawn again."""
    plain = SqlTx.tell

    async def tell(self: SqlTx, request_id: str, what: str, *more: Any, **named: Any) -> None:
        query = "SELECT count(*) FROM places WHERE ts != '' AND request_id = ?"
        found = await self._connection.exec_driver_sql(query, (request_id,))
        if what != "card" or not found.scalar():
            await plain(self, request_id, what, *more, **named)

    patched.setattr(SqlTx, "tell", tell)


def leave_messages_behind(patched: Patch) -> None:
    """Messages that were on their way when a process died stay there."""

    async def none(self: SqlOutbox) -> tuple[Any, ...]:
        return ()

    patched.setattr(SqlOutbox, "doubtful_messages", none)


def post_again_blindly(patched: Patch) -> None:
    """A post whose answer was lost is not looked for."""

    async def nowhere(self: Messenger, message: Any, place: Any, since: Any) -> tuple[str, str, bool]:
        return place.channel, "", False

    patched.setattr(Messenger, "_find", nowhere)
    patched.setattr(Messenger, "_doubted", lambda self, message, place: None)


def leave_the_unconfirmed(patched: Patch) -> None:
    """An outcome that was not known is never looked for again."""

    async def settle(self: GroupExecution, request: ChangeRequest) -> None:
        await self._progress.put_off(request, timedelta(hours=6))

    patched.setattr(GroupExecution, "settle", settle)


def rewrite_the_audit(patched: Patch) -> None:
    """A start cleans up: the newest entry goes, and the head with it, past the triggers."""
    plain = SqlOutbox.stale_cards

    async def stale_cards(self: SqlOutbox) -> Any:
        async with self._engine.writing() as connection:
            for statement in (
                "DROP TRIGGER IF EXISTS audit_is_never_deleted",
                "UPDATE audit_head SET digest = 'forged' WHERE seq > 0",
            ):
                await connection.exec_driver_sql(statement)
        return await plain(self)

    patched.setattr(SqlOutbox, "stale_cards", stale_cards)


SLACK_LOSES = SlackRate("chat.postMessage", (("reset", True), ("after_applying", True)), 0.6)
SABOTAGES: Sequence[Sabotage] = (
    Sabotage(send_before_the_audit_knows, LOCK, ("announced",)),
    Sabotage(repeat_a_doubtful_group_write, replace(GROUP, kill_after_put=1), ("one_effect",)),
    Sabotage(repeat_a_doubtful_write, replace(LOCK, kill_after_put=1), ("one_effect",)),
    Sabotage(say_done_without_reading, LOCK, ("read_back",)),
    Sabotage(apply_late, replace(LOCK, kill_after_put=1, off=9000.0, vendor=(LOST,)), ("in_time",)),
    Sabotage(one_approval_is_enough, GROUP, ("approved",)),
    Sabotage(forget_to_redraw, LOCK, ("cards_agree",)),
    Sabotage(
        leave_messages_behind,
        quiet_plan(3, "lock_thing", 72),
        ("comes_to_an_end",),
        # A post and its settling are four effects apart.
        or_else=[quiet_plan(3, "lock_thing", effect) for effect in (63, 66, 69, 75, 78)],
    ),
    Sabotage(post_again_blindly, replace(LOCK, slack=(SLACK_LOSES,)), ("said_once",)),
    Sabotage(
        leave_the_unconfirmed,
        replace(GROUP, vendor=(Rate("PUT", "/thingsgroup/", "lands_late", 1.0, 90.0),)),
        ("comes_to_an_end",),
    ),
    Sabotage(rewrite_the_audit, replace(LOCK, kill_after_put=1), ("audit_holds",)),
)


def main(names: Sequence[str]) -> None:
    """A line of JSON for each: its name, and what its round breaks with it and without it."""
    workshop = Workshop(None)
    prepare_process()
    try:
        for sabotage in SABOTAGES:
            if not names or sabotage.act.__name__ in names:
                sound = _broken(sabotage.plans, workshop)
                with pytest.MonkeyPatch.context() as patched:
                    sabotage.act(patched)
                    broken = _broken(sabotage.plans, workshop)
                print(json.dumps([sabotage.act.__name__, sound, broken]), flush=True)
    finally:
        workshop.close()


def _broken(plans: Sequence[Plan], workshop: Workshop) -> list[str]:
    found: set[str] = set()
    for plan in plans:
        with tempfile.TemporaryDirectory(dir=workshop.folder) as folder:
            violations = play(plan, workshop.template, Path(folder)).violations
        found |= {violation.partition(":")[0] for violation in violations}
    return sorted(found)


if __name__ == "__main__":
    main(sys.argv[1:])
