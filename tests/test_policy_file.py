"""The policy file is read strictly: every mistake is named at once, with its place."""

from __future__ import annotations

import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.changes import SINGLE_KINDS
from bot.domain.policy import Approvals
from bot.policy_file import PolicyError, load_policy, parse_policy

ROOT = Path(__file__).parent.parent
GOOD: dict[str, Any] = {
    "team": "T0TEAM",
    "roles": {"engineer": ["S0ENGINEERS"], "approver": ["S0APPROVERS", "U0ADMIN"]},
    "rules": [
        {
            "changes": ["lock_thing"],
            "request": ["engineer"],
            "approve": ["approver"],
            "approvals": {"none": 0, "some": 1, "many": 2},
        }
    ],
}


def problems(data: dict[str, Any]) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(data)
    return caught.value.problems


def with_rule(**changed: Any) -> dict[str, Any]:
    """The good policy with settings of its rule changed; None leaves one out."""
    data = copy.deepcopy(GOOD)
    rule = data["rules"][0] | changed
    data["rules"] = [{key: value for key, value in rule.items() if value is not None}]
    return data


def test_the_example_can_be_used_as_it_is() -> None:
    policy = load_policy(ROOT / "policy.example.toml")
    assert policy.team == "T0TEAM"
    assert (policy.approvals_channel, policy.audit_channel) == ("C0APPROVALS", "C0AUDIT")
    assert {change for rule in policy.rules for change in rule.changes} == {*SINGLE_KINDS, "*"}


def test_little_has_to_be_set_and_the_rest_has_defaults() -> None:
    policy = parse_policy(GOOD)
    (rule,) = policy.rules
    assert (policy.approvals_channel, policy.audit_channel, policy.lookups) == (None, None, {})
    assert rule.approvals == Approvals(0, 1, 2)
    assert (rule.many_from, rule.expires, rule.apply_within) == (25, timedelta(hours=24), timedelta(hours=1))
    assert rule.things_groups == ()


def test_every_setting_of_a_rule_is_read() -> None:
    (rule,) = parse_policy(
        with_rule(changes=["*"], things_groups=["G1", "G2"], many_from=3, expires="90m", apply_within="7d")
    ).rules
    assert (rule.changes, rule.things_groups, rule.many_from) == (("*",), ("G1", "G2"), 3)
    assert (rule.expires, rule.apply_within) == (timedelta(minutes=90), timedelta(days=7))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({**GOOD, "team": None}, "team: is missing"),
        ({**GOOD, "team": "Acme"}, "team: 'Acme' is not an id; names can be taken by anyone, ids can't"),
        ({**GOOD, "audit_channel": "#audit"}, "audit_channel: '#audit' is not an id"),
        ({**GOOD, "approvals_channel": "U0ADMIN"}, "approvals_channel: 'U0ADMIN' is not an id"),
        ({**GOOD, "rules": []}, "there is no [[rules]]: nothing would be allowed"),
        ({**GOOD, "rules": {}}, "there is no [[rules]]: nothing would be allowed"),
        ({**GOOD, "rules": ["all"]}, "rule 1: must be a table"),
        ({**GOOD, "lookups": ["status"]}, "lookups: must be a table"),
        ({**GOOD, "lookups": {"secrets": []}}, "[lookups]: 'secrets' is not a setting"),
        ({**GOOD, "lookups": {"status": ["boss"]}}, "lookups.status: there is no role 'boss' in [roles]"),
        ({**GOOD, "rule": []}, "the file: 'rule' is not a setting"),
        (with_rule(aprove=["approver"]), "rule 1: 'aprove' is not a setting"),
        (with_rule(changes=None), "rule 1, changes: must be a list of texts"),
        (with_rule(changes=[]), "rule 1, changes: names none, so the rule would hold for nothing"),
        (with_rule(changes=["lock"]), "rule 1, changes: 'lock' is none of lock_thing, unlock_thing"),
        (with_rule(changes="*"), "rule 1, changes: must be a list of texts"),
        (with_rule(request=None), "rule 1, request: must be a list of texts"),
        (with_rule(request=["boss"]), "rule 1, request: there is no role 'boss' in [roles]"),
        (with_rule(approve=["S0APPROVERS"]), "rule 1, approve: there is no role 'S0APPROVERS' in [roles]"),
        (with_rule(approve=[["approver"]]), "rule 1, approve: must be a list of texts"),
        (with_rule(approvals=None), "rule 1, approvals: must be { none = …, some = …, many = … }"),
        (with_rule(approvals=1), "rule 1, approvals: must be { none = …, some = …, many = … }"),
        (with_rule(approvals={"none": 0, "some": 1}), "rule 1, approvals: must be { none = …"),
        (
            with_rule(approvals={"none": 0, "some": -1, "many": 2}),
            "rule 1, approvals.some: must be a whole number of at least 0",
        ),
        (
            with_rule(approvals={"none": False, "some": 1, "many": 2}),
            "rule 1, approvals.none: must be a whole number of at least 0",
        ),
        (with_rule(many_from=0), "rule 1, many_from: must be a whole number of at least 1"),
        (with_rule(many_from=2.5), "rule 1, many_from: must be a whole number of at least 1"),
        (with_rule(expires="1 day"), 'rule 1, expires: must be a time such as "30m", "24h" or "7d"'),
        (with_rule(expires="0h"), 'rule 1, expires: must be a time such as "30m", "24h" or "7d"'),
        (with_rule(apply_within=3600), 'rule 1, apply_within: must be a time such as "30m"'),
        (with_rule(things_groups="G1"), "rule 1, things_groups: must be a list of texts"),
    ],
)
def test_a_mistake_is_named_with_its_place(data: dict[str, Any], said: str) -> None:
    (problem,) = problems(data)
    assert problem.startswith(said)


@pytest.mark.parametrize("roles", [None, {}, ["U0ADMIN"]])
def test_without_roles_no_rule_can_name_one(roles: object) -> None:
    first, *others = problems({**GOOD, "roles": roles})
    assert first == "there is no [roles]: nobody could do anything"
    assert all("there is no role" in other for other in others)


@pytest.mark.parametrize(
    "principal",
    ["ann", "@ann", "ann@example.com", "#ops", "C0OPS", "T0TEAM", "u0ann", "U0 ANN", "*", "", "U"],
)
def test_a_role_holds_ids_only(principal: str) -> None:
    (problem,) = problems({**GOOD, "roles": GOOD["roles"] | {"engineer": [principal]}})
    assert problem.startswith(f"roles.engineer: {principal!r} is not an id")


def test_an_emptied_list_of_groups_does_not_come_to_mean_every_thing() -> None:
    (problem,) = problems(with_rule(things_groups=[]))
    assert problem == "rule 1, things_groups: names none; leave it out to mean any Thing"


def test_a_role_without_members_is_read_and_allows_nobody() -> None:
    policy = parse_policy({**GOOD, "roles": GOOD["roles"] | {"engineer": []}})
    assert policy.ids_of(("engineer",)) == ()


def test_every_problem_is_named_at_once_one_line_each() -> None:
    data = {
        "teams": "T1",
        "roles": {"engineer": ["Ann"], "approver": "U0BOB"},
        "lookups": {"status": ["boss"]},
        "rules": [{"changes": ["fly"]}, "all"],
        "audit_channel": "audit",
    }
    with pytest.raises(PolicyError) as caught:
        parse_policy(data)
    places = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert set(places) == {
        "the file",
        "team",
        "roles.engineer",
        "roles.approver",
        "lookups.status",
        "rule 1, changes",
        "rule 1, request",
        "rule 1, approve",
        "rule 1, approvals",
        "rule 2",
        "audit_channel",
    }
    assert len(places) == len(caught.value.problems)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            None,
            "policy.toml can't be read (No such file or directory). Copy policy.example.toml and edit it.",
        ),
        (b"team = ", "policy.toml is not valid TOML: "),
        (b'team = "\xff"', "policy.toml is not valid TOML: "),
    ],
)
def test_a_file_that_can_not_be_read_says_so_in_one_line(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "policy.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    (problem,) = caught.value.problems
    assert said in problem
    assert "\n" not in problem
