"""The bot broken on purpose, in ways that somebody might break it by mistake: the rounds have to notice.

`python -m tests.chaos.sabotage NAME SEED…` prints what they find, one violation a line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain.policy import Policy
from bot.domain.requests import ChangeRequest, ItemState, Status
from bot.monogoto import wire
from bot.services import group_execution, progress, thing_execution
from bot.services.clearance import Clearance
from bot.services.group_execution import GroupExecution
from bot.services.progress import Progress, item_of, sending
from bot.services.thing_execution import ThingExecution
from bot.slack import cards, notifier
from bot.storage import transaction
from bot.storage.outbox import SqlOutbox
from tests.chaos.campaign import Workshop, judge, prepare_process


def send_before_the_audit_knows() -> None:
    """`sent` and its entry are committed only once the answer is there."""
    answered = Progress.answered

    async def mark_sent(self: Progress, request: ChangeRequest, target: Any) -> Any:
        item, goal, entry = sending(request, target, self._clock.now())
        kept = replace(request, item=item)
        _PENDING[request.id] = (item_of(request), item, entry)
        return kept, goal

    async def late(self: Progress, request: ChangeRequest, answer: Any) -> None:
        old, new, entry = _PENDING.pop(request.id)
        async with self._store.transaction() as tx:
            await tx.put_item(old, new)
            await tx.audit(entry)
        await answered(self, request, answer)

    Progress.mark_sent = mark_sent  # type: ignore[method-assign]
    Progress.answered = late  # type: ignore[method-assign]


_PENDING: dict[str, Any] = {}


def repeat_a_doubtful_group_write() -> None:
    """What may have been sent is sent again, without waiting for a reading that shows it."""

    async def in_doubt(self: GroupExecution, request: ChangeRequest) -> None:
        cleared = await self._clearance._previews.core(request.single, patient=True)
        await self._write(request, cleared)  # type: ignore[arg-type]

    GroupExecution.in_doubt = in_doubt  # type: ignore[method-assign]


def repeat_a_doubtful_write() -> None:
    """After a crash a Thing's write starts over as if nothing had left, with a fresh `cas`."""

    async def in_doubt(self: ThingExecution, request: ChangeRequest) -> None:
        await self._write(request, await self._platform.thing(thing_execution.iccid_of(request)))

    ThingExecution.in_doubt = in_doubt  # type: ignore[method-assign]


def say_done_without_reading() -> None:
    """A yes of the vendor is taken for done."""
    look = ThingExecution._look_after

    async def look_after(self: ThingExecution, request: ChangeRequest, sent: Any, answer: Any) -> Any:
        if answer is not None:
            return await look(self, request, sent, answer)
        await self._finish(request, ItemState.DONE, thing_execution.SAY.done, sent.lock)
        return None

    ThingExecution._look_after = look_after  # type: ignore[method-assign]


def apply_late() -> None:
    """Whatever was approved is applied, however long that was ago."""
    Clearance.is_late = lambda self, request: False  # type: ignore[method-assign]
    before = ChangeRequest.apply_before.fget
    assert before
    far = timedelta(days=7)

    def apply_before(self: ChangeRequest) -> Any:
        found = before(self)
        return found + far if found else None

    ChangeRequest.apply_before = property(apply_before)  # type: ignore[assignment]


def one_approval_is_enough() -> None:
    """Two people have to approve a group's change; here the first one's click applies it."""
    ChangeRequest.approvals_left = property(lambda self: 0)  # type: ignore[assignment]


def forget_to_redraw() -> None:
    """A card is not drawn again once it stands there."""
    plain = transaction.SqlTx.tell

    async def tell(self: Any, request_id: str, what: str, *more: Any, **named: Any) -> None:
        if what != "card" or self._audit._head is None:
            await plain(self, request_id, what, *more, **named)

    transaction.SqlTx.tell = tell  # type: ignore[method-assign]


def leave_messages_behind() -> None:
    """Messages that were on their way when the process died stay so."""

    async def none(self: SqlOutbox) -> tuple[Any, ...]:
        return ()

    SqlOutbox.doubtful_messages = none  # type: ignore[method-assign]


def post_again_blindly() -> None:
    """A post whose answer was lost is not looked for."""

    async def nowhere(self: Any, message: Any, place: Any, since: Any) -> tuple[str, str, bool]:
        return place.channel, "", False

    notifier.Messenger._find = nowhere  # type: ignore[method-assign]
    notifier.Messenger._doubted = lambda self, message, place: None  # type: ignore[method-assign]


def leave_the_unconfirmed() -> None:
    """An outcome that was not known is never looked for again."""

    async def settle(self: Any, request: ChangeRequest) -> None:
        await self._progress.put_off(request, timedelta(hours=6))

    ThingExecution.settle = settle  # type: ignore[method-assign]
    GroupExecution.settle = settle  # type: ignore[method-assign]


SABOTAGES: dict[str, Callable[[], None]] = {
    act.__name__: act
    for act in (
        send_before_the_audit_knows,
        repeat_a_doubtful_group_write,
        repeat_a_doubtful_write,
        say_done_without_reading,
        apply_late,
        one_approval_is_enough,
        forget_to_redraw,
        leave_messages_behind,
        post_again_blindly,
        leave_the_unconfirmed,
    )
}


def main(name: str, seeds: Iterable[int]) -> None:
    """Play them with a broken bot."""
    workshop = Workshop(None)
    prepare_process()
    try:
        SABOTAGES[name]()
        for seed in seeds:
            for violation in judge(seed, workshop.folder, None).violations:
                print(f"{seed}: {violation.splitlines()[0]}", flush=True)
    finally:
        workshop.close()


if __name__ == "__main__":
    main(sys.argv[1], map(int, sys.argv[2:]))
