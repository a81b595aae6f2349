"""What the policy's ids come to: who holds which role, and whether enough people may approve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.domain.policy import Policy, Rule
from bot.services.checked import Checked, failed, not_checked, ok, warning
from bot.slack.inspection import Workspace

Holders = Mapping[str, frozenset[str] | None]
"""People by the id that the policy names them with; None where Slack would not tell."""
_MORE = "Let more people hold the roles of its `approve`, or ask for fewer approvals."


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


def enough_approvers(policy: Policy, people: Holders) -> Iterable[Checked]:
    """For each rule, whether as many people may approve as it asks for."""
    for number, rule in enumerate(policy.rules, start=1):
        name = f"rule {number}: approvers"
        behind = [people.get(principal_id) for principal_id in policy.ids_of(rule.approve)]
        if any(some is None for some in behind):
            yield not_checked(name, "it is not known who holds the roles of its `approve`")
        else:
            yield _enough(name, rule, len(frozenset().union(*(some for some in behind if some))))


def _enough(name: str, rule: Rule, there: int) -> Checked:
    needed = rule.approvals
    least, most = min(needed.none, needed.some, needed.many), max(needed.none, needed.some, needed.many)
    said = f"{there} may approve, and it asks for {most if least <= there else least} approvals"
    if there < least:
        return failed(name, f"{said}: nothing that it holds for can ever be applied", _MORE)
    if there < most:
        return warning(name, f"{said} where most are affected: such requests can't be applied", _MORE)
    return ok(name, f"{there} may approve; at most {most} are needed")


def unknown(policy: Policy, because: str) -> Iterable[Checked]:
    """The same lines where Slack can't be asked."""
    for role, ids in policy.roles.items():
        yield from (not_checked(f"role {role}: {principal_id}", because) for principal_id in ids)
    yield from (not_checked(f"rule {n}: approvers", because) for n in range(1, len(policy.rules) + 1))
