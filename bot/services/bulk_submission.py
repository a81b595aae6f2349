"""From a checked plan to a request that waits for approval: its requester sends the ready rows on."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.audit import AuditEntry
from bot.domain.errors import AlreadyDecided, Changed, NoSuchRequest, Overtaken, Unfit
from bot.domain.planned import GENEROUS, plan_of, time_needed
from bot.domain.plans import SeenPlan
from bot.domain.policy import Terms
from bot.domain.requests import OPEN, ChangeRequest, Event, Origin, Person, Status
from bot.services import traces
from bot.services.authority import Authority
from bot.services.in_vain import InVain
from bot.services.places import Chosen, Places
from bot.services.planning import PLAN_HOLDS, Planning
from bot.services.ports import Clock, Dispatcher, Notifier, PlaceKind, Store
from bot.services.preview import Preview, Previews
from bot.services.records import asked_words
from bot.services.submission import approve_now, check_able


class BulkSubmissions:
    """`send` takes holds for all ready rows, in one transaction with the request's new state."""

    def __init__(
        self,
        *,
        store: Store,
        planning: Planning,
        previews: Previews,
        authority: Authority,
        places: Places,
        clock: Clock,
        dispatcher: Dispatcher,
        notifier: Notifier,
        rate: float,
    ) -> None:
        self._store = store
        self._planning = planning
        self._previews = previews
        self._authority = authority
        self._places = places
        self._clock = clock
        self._in_vain = InVain(store, clock)
        self._dispatcher = dispatcher
        self._notifier = notifier
        self._rate = rate

    async def send(self, person: Person, origin: Origin, request_id: str, digest: str) -> ChangeRequest:
        """Ask for approval of exactly the rows that the digest stands for.

        Raises `NotAllowed`, `AlreadyDecided`, `Unfit`, or `Changed`, where the plan was drawn anew: then
        nothing was sent on.
        """
        async with self._in_vain.audited(person, origin, "request.submit", request_id):
            request = await self._checked(request_id)
            await self._authority.to_send(person, origin, request)
            if plan_of(request).digest != digest:
                raise Changed("This plan was drawn anew since. Look at it again, and send that one on.")
            preview = self._previews.judge_plan(request)
            able = await self._able(request, preview.terms)
            places = await self._places.choose(request.requester, request.asked_in, able)
            try:
                return await self._send(request, preview, places)
            except Overtaken:
                await self._checked(request_id)
                raise Changed("The plan came further meanwhile. Look at its card, and press again.") from None

    async def _send(self, request: ChangeRequest, preview: Preview, places: Chosen) -> ChangeRequest:
        sent = self._pending(request, preview.terms, preview.fingerprint)
        is_as_shown = await self._is_as_shown(request)
        async with self._store.transaction() as tx:
            conflicts = await tx.hold_ready_rows(request.id) if is_as_shown else 0
            if conflicts or not is_as_shown:
                # With the rows, in one transaction: no digest stands for rows that are no longer ready.
                await tx.advance(request, _to_be_drawn_anew(request))
            else:
                sent = await tx.advance(request, sent)
                await tx.add_places(request, [p for p in places if p[0] is not PlaceKind.TWIN])
                await tx.audit(self._entry(sent))
                await tx.tell(request.id, "card")
                # Its requester has it already; whoever decides has to see each row, too.
                rows = {"document": "plan", "says": "rows"}
                await tx.tell(request.id, "file", rows, to=PlaceKind.CARD)
                if not sent.approvals_needed:
                    sent = await approve_now(tx, sent, self._clock.now())
        self._notifier.wake()
        self._dispatcher.wake()
        if conflicts or not is_as_shown:
            raise Changed(_why_anew(conflicts))
        return sent

    async def _is_as_shown(self, request: ChangeRequest) -> bool:
        """Whether its rows still are, counted once more, what its card says of them."""
        now = await self._planning.planned(request)
        return (plan_of(now), now.impact) == (plan_of(request), request.impact)

    def _pending(self, request: ChangeRequest, terms: Terms, fingerprint: str) -> ChangeRequest:
        now, needed = self._clock.now(), time_needed(plan_of(request).rows.ready, self._rate)
        expires_at = min(now + terms.expires, request.seen.read_at + PLAN_HOLDS)
        return request.after(
            Event.SHOW,
            fingerprint=fingerprint,
            approvals_needed=terms.approvals,
            expires_at=expires_at,
            apply_within=terms.apply_within + GENEROUS * needed,
            next_at=expires_at,
        )

    async def _able(self, request: ChangeRequest, terms: Terms) -> frozenset[str]:
        if not terms.approvals:
            return frozenset()
        able = await self._authority.approvers(request.scopes, request.requester)
        check_able(able, terms.approvals)
        return able

    async def _checked(self, request_id: str) -> ChangeRequest:
        """The request, if all of its rows are checked and nobody has sent it on."""
        request = await self._known(request_id)
        plan = plan_of(request) if isinstance(request.seen, SeenPlan) else None
        if plan is not None and request.status in OPEN - {Status.PREVIEWING}:
            raise Unfit("This plan was sent on already: its card says how it stands.")
        if plan is None or request.status is not Status.PREVIEWING:
            raise AlreadyDecided(request)
        if self._clock.now() >= request.expires_at:
            again = "Press Undo again." if request.undoes else "Ask again with the same file."
            raise Unfit(f"This plan is too old to be sent on. {again}")
        if not plan.digest:
            raise Unfit("Its rows are still being checked. Wait for the plan, and send that one on.")
        if not plan.rows.ready:
            raise Unfit("None of its rows is ready, so there is nothing to send on.")
        return request

    async def _known(self, request_id: str) -> ChangeRequest:
        request = await self._store.request(request_id)
        if request is None:
            raise NoSuchRequest("I don't know this plan: it may be of another installation of the bot.")
        traces.about_request(request.id)
        return request

    def _entry(self, request: ChangeRequest) -> AuditEntry:
        before, after = asked_words(request)
        return AuditEntry(
            at=self._clock.now(),
            event="request.submit",
            outcome="ok",
            person=request.requester,
            origin=request.asked_in,
            request_id=request.id,
            before=before,
            after=after,
            reason=request.reason,
            fingerprint=request.fingerprint,
        )


def _to_be_drawn_anew(request: ChangeRequest) -> ChangeRequest:
    """The next slice of planning counts its rows again, and shows what they are by then."""
    plan = replace(plan_of(request), digest="")
    return request.after(Event.COUNT, seen=SeenPlan(plan, request.seen.read_at), next_at=None)


def _why_anew(conflicts: int) -> str:
    if not conflicts:
        return "Its rows are no longer what the card showed, so nothing was sent on. Look at it again."
    what = "One of its SIMs is" if conflicts == 1 else f"{conflicts} of its SIMs are"
    return (
        f"{what} asked for in another open request by now, so nothing was sent on. "
        "The plan is drawn anew without: look at it again."
    )
