"""Who may do what. What no rule allows is denied; every rule that matches must hold, the strictest wins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot.domain.changes import GROUP_KINDS, Kind, doing
from bot.domain.plans import Scope
from bot.domain.tallies import USUAL_BRAKES, Brakes


class Standing(StrEnum):
    """What Slack says somebody is."""

    MEMBER = "member"
    GUEST = "guest"
    FOREIGN = "foreign"
    """Of another team, or a stranger from a shared channel."""
    BOT = "bot"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person with what they are and the roles they hold, as read from Slack just now or a little ago."""

    user_id: str
    team_id: str
    standing: Standing
    roles: frozenset[str]
    unsure: frozenset[str] = frozenset()
    """Roles that Slack would not tell about: they count as not held."""
    named: bool = False
    """Whether the policy names this very user id."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes or no, and why: one plain sentence."""

    allowed: bool
    reason: str = ""
    who_can: tuple[str, ...] = ()
    """Ids of the user groups (S…) and people (U…) that could."""


YES = Decision(allowed=True)
OWN_REQUEST = (
    "You asked for this yourself; somebody else has to decide. You can take it back with “Cancel request”."
)
HELPS_GUESTS = "admin"
"""The role that a guest is sent to, where the policy has one of that name."""


@dataclass(frozen=True, slots=True)
class Approvals:
    """Distinct people needed, by how many Things are affected. 0: nobody has to."""

    none: int
    some: int
    many: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One `[[rules]]` table of the policy file."""

    changes: tuple[str, ...]
    request: tuple[str, ...]
    approve: tuple[str, ...]
    approvals: Approvals
    things_groups: tuple[str, ...] = ()
    """Empty: any Thing, in a group or not."""
    many_from: int = 25
    expires: timedelta = timedelta(hours=24)
    apply_within: timedelta = timedelta(hours=1)

    def matches(self, kind: Kind, things_group_id: str | None) -> bool:
        """Whether this rule speaks about such a change to a Thing of that group."""
        named = "*" in self.changes or kind.value in self.changes
        return named and (not self.things_groups or things_group_id in self.things_groups)

    def needed(self, affected: int | None) -> int:
        """Approvals for so many affected; an unknown number counts as many."""
        if affected == 0:
            return self.approvals.none
        many = affected is None or affected >= self.many_from
        return self.approvals.many if many else self.approvals.some


@dataclass(frozen=True, slots=True)
class Terms:
    """What all matching rules together ask of one request."""

    approvals: int
    expires: timedelta
    apply_within: timedelta
    rules: tuple[str, ...]
    """The rules' own words, for the fingerprint: another policy is another question."""


COUNTED_KINDS = (*GROUP_KINDS, Kind.BULK)
"""Changes of many Things at once."""
NO_TERMS = Terms(approvals=1, expires=timedelta(0), apply_within=timedelta(0), rules=())


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy file, checked. Ids, never names."""

    team: str
    roles: Mapping[str, tuple[str, ...]]
    rules: tuple[Rule, ...]
    lookups: Mapping[str, tuple[str, ...]]
    approvals_channel: str | None = None
    audit_channel: str | None = None
    brakes: Brakes = USUAL_BRAKES
    """What stops a bulk by itself."""

    def matching(self, kind: Kind, things_group_id: str | None) -> tuple[Rule, ...]:
        """Every rule that speaks about such a change."""
        return tuple(rule for rule in self.rules if rule.matches(kind, things_group_id))

    def asking_roles(self, kind: Kind) -> tuple[str, ...]:
        """The roles on which it can hang whether somebody may ask for such a change."""
        return self._named(kind, lambda rule: rule.request)

    def approving_roles(self, kind: Kind) -> tuple[str, ...]:
        """The roles on which it can hang whether somebody may approve such a change."""
        return self._named(kind, lambda rule: rule.approve)

    def _named(self, kind: Kind, roles_of: Callable[[Rule], tuple[str, ...]]) -> tuple[str, ...]:
        rules = [rule for rule in self.rules if "*" in rule.changes or kind.value in rule.changes]
        return tuple(dict.fromkeys(name for rule in rules for name in roles_of(rule)))

    def terms(self, kind: Kind, things_group_id: str | None, affected: int | None) -> Terms:
        """The strictest of all matching rules.

        Where none matches (the Thing was moved to another group, say) nobody may ask, approve or apply;
        these terms differ from any that were approved.
        """
        rules = self.matching(kind, things_group_id)
        if not rules:
            return NO_TERMS
        return Terms(
            approvals=max(rule.needed(affected) for rule in rules),
            expires=min(rule.expires for rule in rules),
            apply_within=min(rule.apply_within for rule in rules),
            rules=tuple(repr(rule) for rule in rules),
        )

    def to_type(self, kind: Kind, scopes: Iterable[Scope], affected: int | None) -> str:
        """What an approver of a group or a bulk has to type: how many are affected, or "unknown".

        "": nothing, since it is fewer than `many_from` of every rule; or it is about a single Thing.
        """
        if kind not in COUNTED_KINDS:
            return ""
        if affected is None:
            return "unknown"
        limits = [rule.many_from for name, group_id in scopes for rule in self.matching(name, group_id)]
        return str(affected) if affected and affected >= min(limits, default=0) else ""

    def strictest(self, scopes: Iterable[Scope], affected: int | None) -> Terms:
        """The strictest terms of all scopes together. Where one has no rule, nobody may: see `terms`."""
        each = [self.terms(kind, group_id, affected) for kind, group_id in scopes]
        if not each or any(not terms.rules for terms in each):
            return NO_TERMS
        return Terms(
            approvals=max(terms.approvals for terms in each),
            expires=min(terms.expires for terms in each),
            apply_within=min(terms.apply_within for terms in each),
            rules=tuple(dict.fromkeys(rule for terms in each for rule in terms.rules)),
        )

    def may_ask(self, actor: Actor, kind: Kind) -> Decision:
        """Whether the form may open: before the Thing, and so its group, is known. Never the last word."""
        return self._anywhere(actor, kind, lambda rule: rule.request, approving=False)

    def may_approve_some(self, actor: Actor, kind: Kind) -> Decision:
        """Whether there can be a request of others that this person may approve. For the help alone."""
        return self._anywhere(actor, kind, lambda rule: rule.approve, approving=True)

    def _anywhere(
        self, actor: Actor, kind: Kind, roles_of: Callable[[Rule], tuple[str, ...]], *, approving: bool
    ) -> Decision:
        """Whether the roles do for every general rule, or, where there is none, for one group's rule."""
        if refusal := self._standing(actor, approving=approving):
            return refusal
        rules = [rule for rule in self.rules if "*" in rule.changes or kind.value in rule.changes]
        if not rules:
            return Decision(False, f"No rule of the policy allows {doing(kind)}.")
        verb = "approve" if approving else "request"
        general = [rule for rule in rules if not rule.things_groups]
        if general:
            return self._all_hold(actor, [roles_of(rule) for rule in general], doing(kind), verb)
        decisions = [self._all_hold(actor, [roles_of(rule)], doing(kind), verb) for rule in rules]
        return next((decision for decision in decisions if decision.allowed), decisions[0])

    def may_request(self, actor: Actor, kind: Kind, things_group_id: str | None) -> Decision:
        """Whether this person may ask for such a change to a Thing of that group."""
        rules = self.matching(kind, things_group_id)
        if refusal := self._standing(actor, approving=False):
            return refusal
        if not rules:
            return Decision(False, f"No rule of the policy allows {doing(kind)}.")
        return self._all_hold(actor, [rule.request for rule in rules], doing(kind), "request")

    def may_approve(
        self, actor: Actor, kind: Kind, things_group_id: str | None, requester_id: str
    ) -> Decision:
        """Whether this person's click counts. Nobody decides on their own request, admins included."""
        rules = self.matching(kind, things_group_id)
        if refusal := self._standing(actor, approving=True):
            return refusal
        if actor.user_id == requester_id:
            return Decision(False, OWN_REQUEST)
        if not rules:
            return Decision(False, f"No rule of the policy allows {doing(kind)}.")
        return self._all_hold(actor, [rule.approve for rule in rules], doing(kind), "approve")

    def may_look_up(self, actor: Actor, lookup: str) -> Decision:
        """Whether this person may use such a look-up of `/imei`; the facts in a form hang on `may_ask`."""
        refusal = self._standing(actor, approving=False)
        if refusal:
            return refusal
        return self._all_hold(actor, [self.lookups.get(lookup, ())], f"the look-up “{lookup}”", "see")

    def may_act(self, actor: Actor) -> Decision:
        """Whether this person counts as somebody of the workspace at all."""
        return self._standing(actor, approving=False) or YES

    def approver_roles(self, scopes: Iterable[Scope]) -> tuple[tuple[str, ...], ...]:
        """For each matching rule, the roles of which an approver must hold one."""
        rules = (rule for kind, group_id in scopes for rule in self.matching(kind, group_id))
        return tuple(dict.fromkeys(rule.approve for rule in rules))

    def approver_ids(self, scopes: Iterable[Scope]) -> tuple[str, ...]:
        """The user groups (S…) and people (U…) to name as possible approvers."""
        wanted = self.approver_roles(scopes)
        if not wanted:
            return ()
        common = [name for name in wanted[0] if all(name in names for names in wanted)]
        return self.ids_of(common or sorted({name for names in wanted for name in names}))

    def ids_of(self, roles: Iterable[str]) -> tuple[str, ...]:
        """The ids behind role names, each once, in the file's order."""
        return tuple(dict.fromkeys(i for role in roles for i in self.roles.get(role, ())))

    def roles_naming(self, principal_id: str) -> frozenset[str]:
        """The roles that a user group's or person's id stands under."""
        return frozenset(role for role, ids in self.roles.items() if principal_id in ids)

    def _standing(self, actor: Actor, *, approving: bool) -> Decision | None:
        if actor.standing is Standing.FOREIGN or actor.team_id != self.team:
            return Decision(False, "Only people of the workspace that owns these SIMs may use this.")
        if actor.standing is Standing.BOT:
            return Decision(False, "Bots and workflows may not use this.")
        if actor.standing is Standing.DELETED:
            return Decision(False, "This account is deactivated.")
        if actor.standing is Standing.GUEST and approving:
            return Decision(False, "Guests never approve.", self.ids_of([HELPS_GUESTS]))
        if actor.standing is Standing.GUEST and not actor.named:
            reason = "Guests may use this only where the policy names them one by one."
            return Decision(False, reason, self.ids_of([HELPS_GUESTS]))
        return None

    def _roles_of(self, actor: Actor) -> frozenset[str]:
        """A guest holds a role only by their own id: membership of a user group gives them nothing."""
        if actor.standing is Standing.GUEST:
            return actor.roles & self.roles_naming(actor.user_id)
        return actor.roles

    def _all_hold(self, actor: Actor, needed: Iterable[tuple[str, ...]], what: str, verb: str) -> Decision:
        held = self._roles_of(actor)
        for roles in needed:
            if held & set(roles):
                continue
            if actor.unsure & set(roles):
                return Decision(
                    False,
                    "Slack did not answer who holds the role that this needs, so the answer is no for now. "
                    "Try again in a minute.",
                )
            allowed = f"only the role {' or '.join(roles)}" if roles else "nobody"
            reason = f"The policy lets {allowed} {verb} {what}."
            return Decision(False, reason, self.ids_of(roles))
        return YES
