"""What people decide about a request: authorise → conditional update → speak."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain.audit import AuditEntry
from bot.domain.changes import Bulk, noun
from bot.domain.errors import (
    AlreadyDecided,
    Changed,
    NoSuchRequest,
    NotReached,
    Overtaken,
    Unfit,
)
from bot.domain.fingerprints import differences
from bot.domain.impact import SeenGroup, SeenTarget
from bot.domain.plans import SeenPlan
from bot.domain.policy import Terms
from bot.domain.requests import (
    THE_BOT,
    UNDECIDED,
    ChangeRequest,
    Event,
    Origin,
    Person,
    PersonDecision,
    Status,
    Vote,
)
from bot.services import traces
from bot.services.authority import Authority
from bot.services.clearance import seen_target
from bot.services.in_vain import InVain
from bot.services.outcomes import overtaken_undo
from bot.services.ports import Clock, Dispatcher, Notifier, Store, Tx
from bot.services.preview import Preview, Previews
from bot.services.records import about, asked_words
from bot.services.submission import approve_now

TRIES = 5
ROLES_HOLD = timedelta(seconds=10)
"""What a person may do is asked anew when more time than this has passed since."""
STILL_PLANNED = (
    "Nothing was approved: this bulk waits for the person who asked, who has to send its ready rows on first."
)
_IN_THOUSANDS = re.compile(r"[0-9]{1,3}(?P<mark>[ ,.'\u2019\u00a0\u202f])[0-9]{3}(?:(?P=mark)[0-9]{3})*")
STILL_COUNTED = "It is still being counted whom this hurts: nobody can approve it before that is known."


class Requests:
    """Approve, deny, cancel, expire. One winner, always: the loser hears who won."""

    def __init__(
        self,
        *,
        store: Store,
        previews: Previews,
        authority: Authority,
        clock: Clock,
        dispatcher: Dispatcher,
        notifier: Notifier,
    ) -> None:
        self._store = store
        self._previews = previews
        self._authority = authority
        self._clock = clock
        self._in_vain = InVain(store, clock)
        self._dispatcher = dispatcher
        self._notifier = notifier

    async def approve(
        self, person: Person, origin: Origin, request_id: str, fingerprint: str, typed: str = ""
    ) -> ChangeRequest:
        """Count this person's approval of exactly what the fingerprint stands for.

        `typed`: how many are affected, where the policy wants that typed; else `Unfit`. Raises `NotAllowed`,
        `AlreadyDecided`, `Changed` (the card has been redrawn), or `PlatformError` where the live state can't
        be read: then nothing was approved.
        """
        async with self._in_vain.audited(person, origin, "request.approve", request_id):
            pressed = self._clock.now()
            for _ in range(TRIES):
                request = await self._pending(request_id)
                asked = self._clock.now()
                await self._authority.to_decide(person, origin, request, "approve")
                if any(a.person.user_id == person.user_id for a in request.approvals):
                    raise AlreadyDecided(request)
                self._check_typed(request, typed)
                preview = await self._unchanged(person, origin, request, fingerprint)
                await self._still_in_time(person, origin, request, asked)
                try:
                    return await self._endorse(person, origin, request, preview, pressed)
                except Overtaken:
                    continue
            raise AlreadyDecided(await self._known(request_id))

    async def may_approve(self, person: Person, origin: Origin, request_id: str) -> ChangeRequest:
        """Whether the form for an approval of many may open; the approval itself asks again."""
        async with self._in_vain.audited(person, origin, "request.approve", request_id):
            request = await self._pending(request_id)
            await self._authority.to_decide(person, origin, request, "approve", fresh=False)
            return request

    async def count_again(self, person: Person, origin: Origin, request_id: str) -> ChangeRequest:
        """A group's Things are counted anew, and earlier approvals fall: for those who decide, or who asked.

        Raises `NotAllowed`, `AlreadyDecided`, or `PlatformError`: then nothing happened.
        """
        async with self._in_vain.audited(person, origin, "request.count_again", request_id):
            request = await self._pending(request_id)
            if not isinstance(request.seen, SeenGroup) or request.seen.census is None:
                raise Unfit("This request is about one SIM: there is nothing to count.")
            if person == request.requester:
                await self._authority.to_cancel(person, origin, request)
            else:
                await self._authority.to_decide(person, origin, request, "count_again")
            seen = await self._previews.core(request.single, request.seen)
            preview = self._previews.judge(request.single, seen)
            counted = request.after(
                Event.COUNT_AGAIN,
                seen=seen,
                impact=preview.impact,
                fingerprint=preview.fingerprint,
                approvals_needed=max(preview.terms.approvals, 1),
            )
            async with self._store.transaction() as tx:
                counting = await tx.advance(request, counted)
                await tx.void_approvals(request.id)
                await tx.audit(self._entry(counting, "count_again", person, origin))
                await tx.unsay(request.id, "file")
                await tx.tell(request.id, "card")
                voided = "1" if request.approvals else ""
                await tx.tell(request.id, "counting", {"by": person.user_id, "voided": voided})
            self._notifier.wake()
            self._dispatcher.wake()
            return counting

    def _check_typed(self, request: ChangeRequest, typed: str) -> None:
        wanted = self._previews.to_type(request)
        if wanted and as_typed(typed) != wanted:
            raise Unfit(
                "To approve this, the number of SIMs affected has to be typed. Press Approve on the card.",
                "typed",
            )

    async def may_deny(self, person: Person, origin: Origin, request_id: str) -> ChangeRequest:
        """Whether the form for a denial may open; the denial itself asks again."""
        async with self._in_vain.audited(person, origin, "request.deny", request_id):
            request = await self._undecided(request_id)
            await self._authority.to_decide(person, origin, request, "deny", fresh=False)
            return request

    async def deny(self, person: Person, origin: Origin, request_id: str, reason: str) -> ChangeRequest:
        """End it with a reason. Raises `NotAllowed`, `AlreadyDecided`, `Unfit` without a reason."""
        async with self._in_vain.audited(person, origin, "request.deny", request_id):
            if not reason.strip():
                raise Unfit("Say why: the person who asked reads it.", "reason")
            for _ in range(TRIES):
                request = await self._undecided(request_id)
                await self._authority.to_decide(person, origin, request, "deny")
                decision = PersonDecision(person, Vote.DENIED, self._clock.now(), reason.strip())
                try:
                    return await self._end(request, Event.DENY, decision, origin)
                except Overtaken:
                    continue
            raise AlreadyDecided(await self._known(request_id))

    async def cancel(self, person: Person, origin: Origin, request_id: str) -> ChangeRequest:
        """The requester takes it back. Raises `NotAllowed`, `AlreadyDecided`."""
        async with self._in_vain.audited(person, origin, "request.cancel", request_id):
            for _ in range(TRIES):
                request = await self._undecided(request_id)
                await self._authority.to_cancel(person, origin, request)
                decision = PersonDecision(person, Vote.CANCELLED, self._clock.now())
                try:
                    return await self._end(request, Event.CANCEL, decision, origin)
                except Overtaken:
                    continue
            raise AlreadyDecided(await self._known(request_id))

    async def expire(self, request: ChangeRequest) -> None:
        """Nobody decided in time. Does nothing where somebody just did, or where time is left."""
        if request.status not in UNDECIDED or self._clock.now() < request.expires_at:
            return
        entry = self._entry(request, "expire", THE_BOT, Origin())
        try:
            async with self._store.transaction() as tx:
                await tx.advance(request, request.after(Event.EXPIRE))
                await _record(tx, entry, request, "expired", {})
        except Overtaken:
            return
        self._notifier.wake()

    async def _known(self, request_id: str) -> ChangeRequest:
        request = await self._store.request(request_id)
        if request is None:
            raise NoSuchRequest(
                "Nothing was changed: this request is not known here. "
                "The card may be of another installation of the bot; ask again."
            )
        traces.about_request(request.id)
        return request

    async def _pending(self, request_id: str) -> ChangeRequest:
        request = await self._undecided(request_id)
        if request.status is Status.PREVIEWING:
            raise Unfit(STILL_PLANNED if isinstance(request.change, Bulk) else STILL_COUNTED)
        return request

    async def _undecided(self, request_id: str) -> ChangeRequest:
        request = await self._known(request_id)
        await self.expire(request)
        if request.status in UNDECIDED and self._clock.now() < request.expires_at:
            return request
        raise AlreadyDecided(await self._known(request_id))

    async def _unchanged(
        self, person: Person, origin: Origin, request: ChangeRequest, fingerprint: str
    ) -> Preview:
        """The live state, if it still is what the person was shown. Raises `Changed` after a redraw."""
        if isinstance(request.change, Bulk):
            preview = self._previews.judge_plan(request)
            if preview.fingerprint != request.fingerprint:
                await self._redraw(person, origin, request, preview)
        else:
            preview = await self._live(person, origin, request)
        if fingerprint != request.fingerprint:
            raise Changed(
                "Nothing was approved: this card was out of date. Look at it again and decide anew."
            )
        return preview

    async def _live(self, person: Person, origin: Origin, request: ChangeRequest) -> Preview:
        """Of a single, as the platform shows it now. Raises `Changed` after a redraw."""
        core = _counted(await self._previews.core(request.single, request.seen), request)
        if request.seen.is_whole and not core.is_whole:
            raise NotReached("The SIM's group can't be read just now.")  # no change of the SIM: no redraw
        preview = self._previews.judge(request.single, core)
        if request.undoes and core.target.lock != request.before:
            await self._outdate_undo(person, origin, request, core)
        if preview.fingerprint != request.fingerprint:
            seen = _counted(await self._previews.look(core.target, request.single), request)
            await self._redraw(person, origin, request, self._previews.judge(request.single, seen))
        return preview

    async def _outdate_undo(
        self, person: Person, origin: Origin, request: ChangeRequest, found: SeenTarget
    ) -> None:
        """What was to be taken back is no longer there: that ends it, whatever is there now."""
        why = overtaken_undo(request.single, found.target.lock)
        entry = replace(self._entry(request, "outdate", person, origin), reason=why)
        try:
            async with self._store.transaction() as tx:
                await tx.advance(request, request.after(Event.OUTDATE, note=why))
                await _record(tx, entry, request, "outcome", {"explanation": why})
        except Overtaken:
            raise AlreadyDecided(await self._known(request.id)) from None
        self._notifier.wake()
        raise Changed(f"Your approval was not counted, and the undo has ended. {why}")

    async def _still_in_time(
        self, person: Person, origin: Origin, request: ChangeRequest, since: datetime
    ) -> None:
        """Reading may have taken long: roles may be others by now, and the time to decide over."""
        if self._clock.now() - since > ROLES_HOLD:
            await self._authority.to_decide(person, origin, request, "approve")
        if self._clock.now() >= request.expires_at:
            await self._pending(request.id)

    async def _redraw(self, person: Person, origin: Origin, request: ChangeRequest, preview: Preview) -> None:
        what = _what_differs(request, preview)
        changed = request.after(
            Event.REDRAW,
            seen=preview.seen,
            impact=preview.impact,
            fingerprint=preview.fingerprint,
            approvals_needed=max(preview.terms.approvals, 1),
            **_times(request, preview.terms),
        )
        entry = replace(self._entry(changed, "redraw", person, origin), reason=f"no longer as shown: {what}")
        try:
            async with self._store.transaction() as tx:
                await tx.advance(request, changed)
                await tx.void_approvals(request.id)
                await _record(tx, entry, request, "redrawn", {"what": what})
        except Overtaken:
            pass
        self._notifier.wake()
        raise Changed(
            f"Nothing was approved: the {noun(request.change)} has changed since this card was drawn, and "
            "earlier approvals no longer count. The card shows it as it is now: look again and decide anew."
        )

    async def _endorse(
        self, person: Person, origin: Origin, request: ChangeRequest, preview: Preview, pressed: datetime
    ) -> ChangeRequest:
        """The time to apply it runs from the press, however long the readings since then have taken."""
        at = min(pressed, self._clock.now())
        needed = max(request.approvals_needed, preview.terms.approvals)
        left = needed - len(request.approvals) - 1
        entry = self._entry(request, "approve", person, origin)
        async with self._store.transaction() as tx:
            await tx.decide(request.id, PersonDecision(person, Vote.APPROVED, at))
            if left > 0:
                result = await tx.advance(request, request.after(Event.ENDORSE, approvals_needed=needed))
            else:
                result = await approve_now(tx, request, at)
            details = {"by": person.user_id, "left": str(max(left, 0))}
            await _record(tx, entry, request, "approved", details)
        self._notifier.wake()
        self._dispatcher.wake()
        return result

    async def _end(
        self, request: ChangeRequest, event: Event, decision: PersonDecision, origin: Origin
    ) -> ChangeRequest:
        """Raises `Overtaken` where it has moved: a count may have come further, or somebody was quicker."""
        entry = self._entry(request, event.value, decision.person, origin)
        async with self._store.transaction() as tx:
            ended = await tx.advance(request, request.after(event))
            await tx.decide(request.id, decision)
            details = {"by": decision.person.user_id, "reason": decision.reason}
            await _record(tx, replace(entry, reason=decision.reason), request, decision.vote, details)
        self._notifier.wake()
        return ended

    def _entry(self, request: ChangeRequest, verb: str, person: Person, origin: Origin) -> AuditEntry:
        before, after = asked_words(request)
        entry = AuditEntry(
            at=self._clock.now(),
            event=f"request.{verb}",
            outcome="ok",
            person=person,
            origin=origin,
            request_id=request.id,
            before=before,
            after=after,
            fingerprint=request.fingerprint,
        )
        return about(entry, request.seen)


def _what_differs(request: ChangeRequest, preview: Preview) -> str:
    if isinstance(preview.seen, SeenPlan):
        return "rules"
    return ", ".join(differences(seen_target(request), preview.seen)) or "impact"


def as_typed(text: str) -> str:
    """A number as people type it, without what groups its thousands; whatever else it is, in lower case.

    What is no plain number stays as it is: "4.0", "3,7" and "-40" are no 40, and must not become one.
    """
    said = text.strip()
    if _IN_THOUSANDS.fullmatch(said):
        return "".join(c for c in said if c.isdigit())
    return said.casefold()


def _counted(seen: SeenTarget, request: ChangeRequest) -> SeenTarget:
    """A group's live state with the count that the card shows: it stands until somebody counts again."""
    return seen.counted_as(request.seen) if isinstance(seen, SeenGroup) else seen


def _times(request: ChangeRequest, terms: Terms) -> dict[str, Any]:
    """The times that the present terms allow: a stricter group's are shorter, and nothing gets longer.

    A bulk keeps those that it was sent on with, which its own duration is part of.
    """
    if not terms.rules or isinstance(request.seen, SeenPlan):
        return {}
    expires_at = min(request.expires_at, request.created_at + terms.expires)
    return {"apply_within": terms.apply_within, "expires_at": expires_at}


async def _record(
    tx: Tx, entry: AuditEntry, request: ChangeRequest, what: str, details: dict[str, str]
) -> None:
    """One audit entry, one reply, the card redrawn: in the transaction of the update itself."""
    await tx.audit(entry)
    await tx.tell(request.id, "card")
    await tx.tell(request.id, what, details)
