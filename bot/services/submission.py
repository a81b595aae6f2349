"""From a form that was sent to a request that waits for approval."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from bot.domain.audit import AuditEntry
from bot.domain.changes import (
    Bulk,
    Change,
    GroupChange,
    LockThing,
    LockThingsGroup,
    RestoreThing,
    RestoreThingsGroup,
    SingleChange,
    UnlockThing,
    UnlockThingsGroup,
    holds,
    noun,
)
from bot.domain.errors import AlreadyOpen, NotAllowed, Overtaken, Refusal, Unfit
from bot.domain.identifiers import Valid, parse_imei
from bot.domain.later_writes import followed_undo
from bot.domain.plans import Scope
from bot.domain.requests import THE_BOT, ChangeRequest, Event, Item, ItemState, Status
from bot.domain.things import Target, Thing
from bot.domain.undo import left_behind
from bot.services import traces
from bot.services.authority import Authority
from bot.services.group_commit import GroupCommit
from bot.services.outcomes import overtaken_undo
from bot.services.places import Places
from bot.services.ports import Clock, Dispatcher, Notifier, Store, Submission, Tx
from bot.services.preview import Preview, Previews
from bot.services.records import about, asked_words, target_typed


class Submissions:
    """`keep` before the ack, `submit` after it."""

    def __init__(
        self,
        *,
        store: Store,
        previews: Previews,
        authority: Authority,
        places: Places,
        clock: Clock,
        dispatcher: Dispatcher,
        notifier: Notifier,
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._kept_together = GroupCommit(store)
        self._previews = previews
        self._authority = authority
        self._places = places
        self._clock = clock
        self._dispatcher = dispatcher
        self._notifier = notifier
        self._new_id = new_id

    async def keep(self, submission: Submission) -> bool:
        """Store it, before the ack; False where this showing of the form was sent before."""
        return await self._kept_together.write(lambda tx: tx.add_submission(submission))

    async def give_back(self, submission: Submission) -> None:
        """It was never taken up: the person may send it anew. Changes nothing else."""
        async with self._store.transaction() as tx:
            await tx.end_submission(submission.id, "returned")

    async def submit(
        self, submission: Submission, change: SingleChange, *, undoes: ChangeRequest | None = None
    ) -> ChangeRequest:
        """Authorise, read the platform, and post the request. Raises a `Refusal` or `PlatformError`.

        Whatever is raised, the submission is ended and nothing was changed. `undoes`: the request that
        the change takes back, which is possible while the platform still shows what it has written.
        """
        try:
            return await self._submit(submission, change, undoes)
        except Exception as error:
            await self._end(submission, change, error)
            raise

    async def _submit(
        self, submission: Submission, change: SingleChange, undoes: ChangeRequest | None
    ) -> ChangeRequest:
        person, origin, kind = submission.person, submission.origin, change.kind
        actor = await self._authority.to_ask(person, origin, kind)
        target = await self._previews.target(change)
        await self._authority.to_request(actor, person, origin, [(kind, target.things_group_id)])
        if undoes:
            await self._check_untouched(undoes, change, target)
        _check_fits(change, target)
        holder = await self._store.open_request(target.target_id)
        if holder:
            raise AlreadyOpen(holder.id)
        preview = self._previews.judge(change, await self._previews.look(target, change))
        approvers = await self._able_approvers(submission, [(kind, target.things_group_id)], preview)
        places = await self._places.choose(person, origin, approvers)
        request = self._draft(submission, change, preview)
        counted = request.status is Status.PREVIEWING
        if undoes:
            request = replace(request, undoes=undoes.id)
        async with self._store.transaction() as tx:
            await tx.add_request(request, places)
            traces.about_request(request.id)
            await tx.audit(_asked(request))
            if not await tx.end_submission(submission.id, "posted", request.id):
                raise Overtaken
            await tx.tell(request.id, "card")
            if not counted and not request.approvals_needed:
                request = await approve_now(tx, request, self._clock.now())
        self._notifier.wake()
        self._dispatcher.wake()
        return request

    async def _check_untouched(self, undoes: ChangeRequest, change: SingleChange, target: Target) -> None:
        """Nobody's later work is taken back with it, were it the very same lock. Raises `Unfit`."""
        if target.lock != left_behind(undoes):
            raise Unfit(overtaken_undo(change, target.lock))
        since = await self._store.written_since(undoes.id, [target.target_id])
        if later := since.get(target.target_id):
            raise Unfit(followed_undo(change, later))

    async def _able_approvers(
        self, submission: Submission, scopes: Iterable[Scope], preview: Preview
    ) -> frozenset[str]:
        needed = preview.terms.approvals
        if not needed:
            return frozenset()
        able = await self._authority.approvers(scopes, submission.person)
        check_able(able, needed)
        return able

    def _draft(self, submission: Submission, change: SingleChange, preview: Preview) -> ChangeRequest:
        now = self._clock.now()
        return ChangeRequest(
            id=self._new_id(),
            rev=1,
            status=_first_status(change, preview),
            change=change,
            requester=submission.person,
            asked_in=submission.origin,
            reason=submission.fields.get("reason", ""),
            seen=preview.seen,
            impact=preview.impact,
            fingerprint=preview.fingerprint,
            approvals_needed=preview.terms.approvals,
            created_at=now,
            expires_at=now + preview.terms.expires,
            apply_within=preview.terms.apply_within,
        )

    async def _end(self, submission: Submission, change: Change, error: Exception) -> None:
        """It goes back to the person. A refusal is an audit entry; the policy's refusals have theirs."""
        other = error.request_id if isinstance(error, AlreadyOpen) else ""
        async with self._store.transaction() as tx:
            state = "refused" if isinstance(error, NotAllowed) else "returned"
            await tx.end_submission(submission.id, state, other)
            if isinstance(error, Refusal) and not isinstance(error, NotAllowed):
                await tx.audit(self._refused(submission, change, error.reason, other))

    def _refused(self, submission: Submission, change: Change, reason: str, other: str) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(),
            event="request.submit",
            outcome="refused",
            person=submission.person,
            origin=submission.origin,
            request_id=other,
            after=target_typed(change),
            reason=reason,
        )


def check_able(able: frozenset[str], needed: int) -> None:
    """Whether there are people enough who could approve it; raises `Unfit`."""
    if len(able) < needed:
        others = "nobody" if not able else f"only {len(able)}"
        raise Unfit(
            f"This needs {needed} approval{'s' * (needed != 1)} by others, and {others} could give one: "
            "the user groups that the policy names for it are empty or hold only you. "
            "Ask an admin of the policy."
        )


def _first_status(change: SingleChange, preview: Preview) -> Status:
    """The Things of a group are counted first, where a change of it can hurt any."""
    counted = isinstance(change, GroupChange) and preview.impact.affected != 0
    return Status.PREVIEWING if counted else Status.PENDING


async def approve_now(tx: Tx, request: ChangeRequest, at: datetime) -> ChangeRequest:
    """The last approval is in, or none is needed: hand the request to the dispatcher, in this transaction."""
    approved = await tx.advance(request, request.after(Event.APPROVE, approved_at=at, next_at=None))
    item = None
    if isinstance(request.change, Bulk):
        await tx.queue_ready_rows(request.id)
    else:
        item = await tx.put_item(None, Item(request.id, ItemState.QUEUED))
    if not request.approvals_needed:
        entry = AuditEntry(
            at,
            "request.approve",
            "ok",
            THE_BOT,
            request_id=request.id,
            reason="The policy asks for no approval.",
        )
        await tx.audit(about(entry, request.seen))
    await tx.tell(request.id, "card")
    return replace(approved, item=item)


def _asked(request: ChangeRequest) -> AuditEntry:
    before, after = asked_words(request)
    entry = AuditEntry(
        at=request.created_at,
        event="request.submit",
        outcome="ok",
        person=request.requester,
        origin=request.asked_in,
        request_id=request.id,
        before=before,
        after=after,
        reason=request.reason,
    )
    return about(entry, request.seen)


def _check_fits(change: SingleChange, target: Target) -> None:
    """What only the Thing or the group itself can tell about the form. Raises `Unfit`."""
    if isinstance(change, LockThing) and isinstance(target, Thing):
        read = parse_imei(change.imei.digits, last_seen=target.last_seen_imei)
        if not isinstance(read, Valid):
            raise Unfit(read.why, "imei")
    if holds(change, target.lock):
        raise Unfit(_already_so(change), "things_group" if isinstance(change, GroupChange) else "iccid")


def _already_so(change: SingleChange) -> str:
    match change:
        case LockThing():
            return "This SIM is already locked to that device. There is nothing to do."
        case LockThingsGroup():
            return "This group is already locked to that range. There is nothing to do."
        case UnlockThing(keep=True):
            return "This SIM is not locked. There is nothing to do."
        case UnlockThingsGroup(keep=True):
            return "This group is not locked. There is nothing to do."
        case UnlockThing():
            return "This SIM is not locked and stores no IMEI. There is nothing to do."
        case UnlockThingsGroup():
            return "This group is not locked and stores no TAC. There is nothing to do."
        case RestoreThing() | RestoreThingsGroup():
            return f"The {noun(change)}'s lock already is what it was before. There is nothing to do."
