"""The one authorization layer: every command, view, button and execution asks here. On doubt, no."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.audit import AuditEntry
from bot.domain.changes import Kind
from bot.domain.errors import DirectoryUnavailable, NotAllowed
from bot.domain.plans import Scope
from bot.domain.policy import Actor, Decision, Policy, Standing
from bot.domain.requests import ChangeRequest, Origin, Person
from bot.services.decisions import all_of, any_of, kinds, named
from bot.services.ports import Clock, Directory, Room, Store

UNREACHABLE = (
    "Nothing was changed: Slack did not answer who you are and which roles you hold. Try again in a minute."
)
APPROVERS_LOOKED_AT = 50
"""People asked about, one call each, before a request is taken; the tier allows 100 a minute."""
LOOKUPS = ("status", "requests", "history")
"""The look-ups of `/imei`, as the policy names them."""
UNSEEN = (
    "I can't see whether this channel is shared with another company, so nothing was shared. "
    "Invite me to the channel first, or share it elsewhere."
)
EXTERNAL = "This channel is shared with another company. Ask in a channel of your own workspace."


class Authority:
    """Policy and directory together. Every refusal is an audit entry before it is told."""

    def __init__(self, *, directory: Directory, policy: Policy, store: Store, clock: Clock) -> None:
        self._directory = directory
        self._policy = policy
        self._store = store
        self._clock = clock

    async def to_open(self, person: Person, origin: Origin, kind: Kind) -> None:
        """May this person open the form? Cached roles do: the submission asks again. Raises `NotAllowed`."""
        await self._refuse_external(person, origin, f"{kind}.open")
        roles = self._roles_to_ask(kind)
        actor = await self._actor(person, origin, f"{kind}.open", roles, fresh=False)
        await self._enforce(self._may_ask(actor, kind), person, origin, f"{kind}.open")

    async def to_ask(self, person: Person, origin: Origin, kind: Kind) -> Actor:
        """May this person submit such a change at all? Fresh roles. Raises `NotAllowed`."""
        await self._refuse_external(person, origin, "request.submit")
        roles = self._roles_to_ask(kind)
        actor = await self._actor(person, origin, "request.submit", roles, fresh=True)
        await self._enforce(self._may_ask(actor, kind), person, origin, "request.submit")
        return actor

    async def asker(self, person: Person) -> Actor:
        """The person with the roles on which it hangs what they may ask for. Raises `DirectoryUnavailable`,
        also where only some of the roles are known.

        For what is judged ahead: the last word is `to_request`'s.
        """
        actor = await self._directory.actor(person, self._roles_to_ask(Kind.BULK))
        if actor.unsure:
            raise DirectoryUnavailable(f"roles unknown: {', '.join(sorted(actor.unsure))}")
        return actor

    async def to_request(self, actor: Actor, person: Person, origin: Origin, scopes: Iterable[Scope]) -> None:
        """And to Things of those groups? Raises `NotAllowed`."""
        decision = self.may_request(actor, scopes)
        await self._enforce(decision, person, origin, "request.submit")

    async def to_decide(
        self, person: Person, origin: Origin, request: ChangeRequest, verb: str, *, fresh: bool = True
    ) -> None:
        """May this person approve or deny that request? Raises `NotAllowed`."""
        event = f"request.{verb}"
        await self._refuse_external(person, origin, event, request.id)
        roles = self._approving_roles(request.scopes)
        actor = await self._actor(person, origin, event, roles, fresh=fresh, request_id=request.id)
        decision = self._may_approve(actor, request.scopes, request.requester.user_id)
        await self._enforce(decision, person, origin, event, request.id)

    async def to_act(self, person: Person, origin: Origin, event: str, request_id: str) -> None:
        """Is this anybody who may act at all? Asked before it is told how a request stands.

        Raises `NotAllowed`.
        """
        await self._refuse_external(person, origin, event, request_id)
        actor = await self._actor(person, origin, event, (), fresh=False, request_id=request_id)
        await self._enforce(self._policy.may_act(actor), person, origin, event, request_id)

    async def to_look_up(self, person: Person, origin: Origin, lookup: str, *, fresh: bool = False) -> None:
        """May this person use that look-up (`status`, `requests`, `history`)? Raises `NotAllowed`."""
        event = f"lookup.{lookup}"
        await self._refuse_external(person, origin, event)
        actor = await self._actor(person, origin, event, self._policy.lookups.get(lookup, ()), fresh=fresh)
        await self._enforce(self._policy.may_look_up(actor, lookup), person, origin, event)

    async def to_share(self, person: Person, origin: Origin, lookup: str) -> None:
        """May this person show that look-up to the whole channel? Fresh roles. Raises `NotAllowed`.

        Only a channel that is known to be the company's own will do: an answer can't be taken back.
        """
        event = f"lookup.{lookup}"
        await self.to_look_up(person, origin, lookup, fresh=True)
        if (await self._room(person, origin, event)).external is not False:
            await self._enforce(Decision(False, UNSEEN), person, origin, event)

    async def sights(self, person: Person, origin: Origin) -> dict[str, Decision]:
        """For the help: which look-ups this person may use. Raises `NotAllowed` as `abilities` does."""
        actor = await self._actor(person, origin, "help.show", tuple(self._policy.roles), fresh=False)
        return {lookup: self._policy.may_look_up(actor, lookup) for lookup in LOOKUPS}

    async def to_cancel(self, person: Person, origin: Origin, request: ChangeRequest) -> None:
        """Only the requester cancels, while still somebody of this workspace. Raises `NotAllowed`."""
        await self._refuse_external(person, origin, "request.cancel", request.id)
        actor = await self._actor(person, origin, "request.cancel", (), fresh=True, request_id=request.id)
        if person != request.requester:
            requester = (request.requester.user_id,)
            decision = Decision(False, "Only the person who asked can cancel a request.", requester)
        else:
            decision = self._policy.may_act(actor)
        await self._enforce(decision, person, origin, "request.cancel", request.id)

    async def to_steer(self, person: Person, origin: Origin, bulk: ChangeRequest, verb: str) -> None:
        """May this person pause a bulk, resume it, or cancel its rest? Fresh roles. Raises `NotAllowed`.

        The requester may, and whoever could approve it. To go on needs the right to ask for it still;
        to stop it, only to be somebody of this workspace.
        """
        event = f"bulk.{verb}"
        await self._refuse_external(person, origin, event, bulk.id)
        mine = person == bulk.requester
        roles = self._asking_roles(bulk.scopes) if mine else self._approving_roles(bulk.scopes)
        actor = await self._actor(person, origin, event, roles, fresh=True, request_id=bulk.id)
        if not mine:
            decision = self._may_approve(actor, bulk.scopes, bulk.requester.user_id)
        elif verb == "resume":
            decision = self.may_request(actor, bulk.scopes)
        else:
            decision = self._policy.may_act(actor)
        await self._enforce(decision, person, origin, event, bulk.id)

    async def to_send(self, person: Person, origin: Origin, request: ChangeRequest) -> None:
        """Only who made a plan sends it on, and may still ask for all of it. Fresh roles.

        Raises `NotAllowed`.
        """
        if person != request.requester:
            decision = Decision(
                False, "Only the person who made this plan can send it on.", (request.requester.user_id,)
            )
            await self._enforce(decision, person, origin, "request.submit", request.id)
        actor = await self.to_ask(person, origin, Kind.BULK)
        await self.to_request(actor, person, origin, request.scopes)

    async def abilities(self, person: Person, origin: Origin) -> dict[Kind, tuple[Decision, Decision]]:
        """For the help: (may request, may approve others') for each change. Raises `NotAllowed`."""
        await self._refuse_external(person, origin, "help.show")
        actor = await self._actor(person, origin, "help.show", tuple(self._policy.roles), fresh=False)
        await self._enforce(self._policy.may_act(actor), person, origin, "help.show")
        return {kind: (self._may_ask(actor, kind), self._may_approve_some(actor, kind)) for kind in Kind}

    async def decidable(self, person: Person, requests: Iterable[ChangeRequest]) -> tuple[ChangeRequest, ...]:
        """Of these, those which this person's approval would count for, and who has not given it yet.

        For what is shown: cached roles, no entry in the audit. Raises `DirectoryUnavailable`.
        """
        actor = await self._directory.actor(person, tuple(self._policy.roles))
        return tuple(
            request
            for request in requests
            if person not in {approval.person for approval in request.approvals}
            and self._may_approve(actor, request.scopes, request.requester.user_id).allowed
        )

    async def is_one_who_asks(self, person: Person, kinds: Iterable[Kind]) -> bool:
        """Whether names may be offered to this person while they type. Cached roles; on doubt, no.

        Not an entry in the audit: the form is asked for, and refused, as a whole.
        """
        kinds = tuple(kinds)
        roles = {role for kind in kinds for role in self._policy.asking_roles(kind)}
        try:
            actor = await self._directory.actor(person, sorted(roles))
        except DirectoryUnavailable:
            return False
        return any(self._policy.may_ask(actor, kind).allowed for kind in kinds)

    async def still_holds(self, request: ChangeRequest) -> str | None:
        """Why an approved request may no longer be applied, or None. Raises `DirectoryUnavailable`."""
        asking, approving = self._asking_roles(request.scopes), self._approving_roles(request.scopes)
        asker = await self._directory.actor(request.requester, asking, fresh=True)
        refusal = self._unsure_or(asker, self.may_request(asker, request.scopes))
        if not refusal.allowed:
            return f"The person who asked may no longer do so. {refusal.reason}"
        for approval in request.approvals:
            approver = await self._directory.actor(approval.person, approving, fresh=True)
            refusal = self._unsure_or(approver, self._may_approve(approver, request.scopes, asker.user_id))
            if not refusal.allowed:
                return f"A person who approved may no longer do so. {refusal.reason}"
        if len(request.approvals) < request.approvals_needed:
            return "Fewer people have approved it than the policy asks for."
        return None

    async def approvers(self, scopes: Iterable[Scope], requester: Person) -> frozenset[str]:
        """User ids of all who could approve such a request of this person. Raises `DirectoryUnavailable`."""
        scopes = tuple(scopes)
        needed = self._policy.approver_roles(scopes)
        if not needed:
            return frozenset()
        candidates = await self._directory.holders(self._policy.ids_of(needed[0]))
        roles = self._approving_roles(scopes)
        able = set()
        for user_id in sorted(candidates - {requester.user_id})[:APPROVERS_LOOKED_AT]:
            person = Person(user_id, self._policy.team)
            actor = await self._directory.actor(person, roles)
            if self._may_approve(actor, scopes, requester.user_id).allowed:
                able.add(user_id)
        return frozenset(able)

    def may_request(self, actor: Actor, scopes: Iterable[Scope]) -> Decision:
        """Yes where every scope says so; of several refusals the first."""
        return all_of(self._policy.may_request(actor, kind, group_id) for kind, group_id in scopes)

    def _may_ask(self, actor: Actor, kind: Kind) -> Decision:
        """Of a bulk: whether any row could be asked for."""
        return any_of(named(self._policy.may_ask(actor, each), each, kind) for each in kinds(kind))

    def _may_approve_some(self, actor: Actor, kind: Kind) -> Decision:
        return any_of(named(self._policy.may_approve_some(actor, each), each, kind) for each in kinds(kind))

    def _roles_to_ask(self, kind: Kind) -> tuple[str, ...]:
        return tuple(dict.fromkeys(r for each in kinds(kind) for r in self._policy.asking_roles(each)))

    def _may_approve(self, actor: Actor, scopes: Iterable[Scope], requester_id: str) -> Decision:
        """Yes where every scope says so; of several refusals the first."""
        return all_of(
            self._policy.may_approve(actor, kind, group_id, requester_id) for kind, group_id in scopes
        )

    def _asking_roles(self, scopes: Iterable[Scope]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(r for kind, _ in scopes for r in self._policy.asking_roles(kind)))

    def _approving_roles(self, scopes: Iterable[Scope]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(r for kind, _ in scopes for r in self._policy.approving_roles(kind)))

    async def _actor(
        self,
        person: Person,
        origin: Origin,
        event: str,
        roles: tuple[str, ...],
        *,
        fresh: bool,
        request_id: str = "",
    ) -> Actor:
        try:
            return await self._directory.actor(person, roles, fresh=fresh)
        except DirectoryUnavailable:
            await self._enforce(Decision(False, UNREACHABLE), person, origin, event, request_id)
            raise

    async def _refuse_external(
        self, person: Person, origin: Origin, event: str, request_id: str = ""
    ) -> None:
        if origin.channel and (await self._room(person, origin, event, request_id)).external:
            await self._enforce(Decision(False, EXTERNAL), person, origin, event, request_id)

    async def _room(self, person: Person, origin: Origin, event: str, request_id: str = "") -> Room:
        try:
            return await self._directory.room(origin.channel)
        except DirectoryUnavailable:
            await self._enforce(Decision(False, UNREACHABLE), person, origin, event, request_id)
            raise

    async def _enforce(
        self, decision: Decision, person: Person, origin: Origin, event: str, request_id: str = ""
    ) -> None:
        if decision.allowed:
            return
        entry = AuditEntry(
            at=self._clock.now(),
            event=event,
            outcome="refused",
            person=person,
            origin=origin,
            request_id=request_id,
            reason=decision.reason,
        )
        async with self._store.transaction() as tx:
            await tx.audit(entry)
        raise NotAllowed(decision.reason, decision.who_can)

    def _unsure_or(self, actor: Actor, decision: Decision) -> Decision:
        if not decision.allowed and actor.unsure and actor.standing is Standing.MEMBER:
            raise DirectoryUnavailable(f"roles unknown: {', '.join(sorted(actor.unsure))}")
        return decision
