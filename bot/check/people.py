"""What the policy's ids come to: who holds which role, and whether enough people may approve."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from bot.domain.changes import SINGLE_KINDS
from bot.domain.policy import Policy, Rule
from bot.services.checked import Checked, failed, not_checked, ok, warning
from bot.slack.workspace import Workspace

Holders = Mapping[str, frozenset[str] | None]
"""People by the id that the policy names them with; None where Slack would not tell."""
_MORE = "Let more people hold the roles of its `approve`, or ask for fewer approvals."
_ASKERS = "Let somebody hold a role of its `request`, or take it out."


async def holders(workspace: Workspace, policy: Policy) -> tuple[list[Checked], Holders]:
    """A line for each role and id, and who is behind each id."""
    lines: list[Checked] = []
    found: dict[str, frozenset[str] | None] = {}
    for role, ids in policy.roles.items():
        if not ids:
            fix = "Put a user group (S…) or people (U…) into it, or take the role out."
            lines.append(warning(f"role {role}", "names nobody", fix))
        for principal_id in ids:
            line, found[principal_id] = await workspace.principal(
                f"role {role}: {principal_id}", principal_id
            )
            lines.append(line)
    return lines, found


def enough_approvers(policy: Policy, people: Holders, guests: Collection[str]) -> Iterable[Checked]:
    """For each set of rules that hold together, whether enough others may approve what somebody asks for."""
    for name, rules in _together(policy).items():
        askers = [_behind(policy, people, rule.request) for rule in rules]
        approvers = [_behind(policy, people, rule.approve) for rule in rules]
        known = [some for some in (*askers, *approvers) if some is not None]
        if len(known) < len(askers) + len(approvers):
            yield not_checked(name, "it is not known who holds the roles of its `request` and `approve`")
            continue
        may_ask = frozenset.intersection(*known[: len(askers)])
        may_approve = frozenset.intersection(*known[len(askers) :]) - frozenset(guests)
        yield _enough(name, rules, may_ask, may_approve)


def _together(policy: Policy) -> dict[str, tuple[Rule, ...]]:
    """The rules that match one and the same change, by what they are called: each such set once."""
    groups = [None, *sorted({group for rule in policy.rules for group in rule.things_groups})]
    found: dict[str, tuple[Rule, ...]] = {}
    for kind in SINGLE_KINDS:
        for group in groups:
            numbers = [n for n, rule in enumerate(policy.rules, start=1) if rule.matches(kind, group)]
            if numbers:
                called = "rule " if len(numbers) == 1 else "rules "
                name = f"{called}{' + '.join(map(str, numbers))}: approvers"
                found[name] = tuple(policy.rules[n - 1] for n in numbers)
    return found


def _behind(policy: Policy, people: Holders, roles: Iterable[str]) -> frozenset[str] | None:
    """The people who hold one of the roles; None where Slack would not tell."""
    behind = [people.get(principal_id) for principal_id in policy.ids_of(roles)]
    known = [some for some in behind if some is not None]
    return frozenset[str]().union(*known) if len(known) == len(behind) else None


def _enough(
    name: str, rules: Iterable[Rule], may_ask: frozenset[str], may_approve: frozenset[str]
) -> Checked:
    """Nobody approves their own request: it is counted who is left beside each who may ask."""
    if not may_ask:
        return failed(name, "nobody may ask for what it holds for", _ASKERS)
    approvals = [rule.approvals for rule in rules]
    each = [max(kind) for kind in zip(*((a.none, a.some, a.many) for a in approvals), strict=True)]
    beside = [len(may_approve - {asker}) for asker in may_ask]
    there, fewest = max(beside), min(beside)
    if there < min(each):
        said = f"at most {there} may approve what another one asks for, and {min(each)} must"
        return failed(name, f"{said}: nothing that it holds for can ever be applied", _MORE)
    if fewest < max(each):
        said = f"for some requests only {fewest} may approve, and up to {max(each)} must"
        return warning(name, f"{said}: such requests can't be applied", _MORE)
    return ok(name, f"{len(may_approve)} may approve; at most {max(each)} are needed")


def unknown(policy: Policy, because: str) -> Iterable[Checked]:
    """The same lines where Slack can't be asked."""
    for role, ids in policy.roles.items():
        yield from (not_checked(f"role {role}: {principal_id}", because) for principal_id in ids)
    yield from (not_checked(name, because) for name in _together(policy))
