"""Who may do what: denied unless every rule that matches allows it."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.changes import SINGLE_KINDS, Kind
from bot.domain.policy import Actor, Approvals, Policy, Rule, Standing

LOCK, UNLOCK = Kind.LOCK_THING, Kind.UNLOCK_THING
ONE = Approvals(1, 1, 1)
SINGLE = Rule(("lock_thing", "unlock_thing"), ("engineer", "admin"), ("approver", "admin"), ONE)
STRICT = Rule(("*",), ("admin",), ("approver",), Approvals(2, 3, 3), things_groups=("G1",))
ROLES = {
    "engineer": ("S0ENGINEERS", "U0GUEST"),
    "support": ("S0SUPPORT",),
    "approver": ("S0APPROVERS",),
    "admin": ("U0ADMIN",),
    "empty": (),
}
LOOKUPS = {"status": ("engineer", "support"), "history": ()}


def policy(*rules: Rule) -> Policy:
    return Policy("T0TEAM", ROLES, rules or (SINGLE, STRICT), LOOKUPS)


def actor(*roles: str, user: str = "U0ANN", standing: Standing = Standing.MEMBER) -> Actor:
    return Actor(user, "T0TEAM", standing, frozenset(roles))


EVERYBODY = [
    actor(*roles)
    for count in range(len(ROLES) + 1)
    for roles in itertools.combinations(("engineer", "support", "approver", "admin", "empty"), count)
]
GROUPS = (None, "G1", "G2")


# --- what no rule allows -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.LOCK_THINGS_GROUP, Kind.UNLOCK_THINGS_GROUP])
@pytest.mark.parametrize("group", [None, "G2", "unheard of"])
def test_a_change_that_no_rule_names_is_denied_to_everybody(kind: Kind, group: str | None) -> None:
    for somebody in EVERYBODY:
        assert not policy().may_request(somebody, kind, group).allowed
        assert not policy().may_approve(somebody, kind, group, "U0BOB").allowed
    assert policy().terms(kind, group, 1).approvals >= 1


def test_a_change_allowed_in_some_groups_only_is_denied_in_any_other_and_in_none() -> None:
    only = policy(replace(STRICT, changes=("lock_thing",)))
    admin = actor("admin", "approver")
    assert only.may_request(admin, LOCK, "G1").allowed
    assert not only.may_request(admin, LOCK, "G2").allowed
    assert not only.may_request(admin, LOCK, None).allowed
    assert not only.may_request(admin, UNLOCK, "G1").allowed
    assert not only.may_approve(admin, LOCK, None, "U0BOB").allowed


def test_a_rule_with_nobody_in_it_allows_nobody() -> None:
    closed = policy(replace(SINGLE, request=(), approve=()))
    for somebody in EVERYBODY:
        decision = closed.may_request(somebody, LOCK, None)
        assert decision.reason == "The policy lets nobody request locking a SIM."
        assert not closed.may_approve(somebody, LOCK, None, "U0BOB").allowed


def test_terms_of_a_thing_that_no_rule_speaks_of_are_nobodys_and_differ_from_all_others() -> None:
    """A Thing moved into such a group after the approval: the question is another one, not an error."""
    only = policy(replace(STRICT, changes=("lock_thing",)))
    assert only.terms(LOCK, "G2", 0).rules == ()
    assert only.terms(LOCK, "G2", 0).apply_within == timedelta(0)
    assert only.terms(LOCK, "G1", 0).rules != ()


# --- several rules -----------------------------------------------------------------------------------


def test_where_rules_overlap_every_one_must_hold() -> None:
    both = policy()
    assert both.may_request(actor("engineer"), LOCK, "G2").allowed
    assert not both.may_request(actor("engineer"), LOCK, "G1").allowed
    assert both.may_request(actor("admin"), LOCK, "G1").allowed
    assert both.may_approve(actor("admin"), LOCK, "G2", "U0BOB").allowed
    assert not both.may_approve(actor("admin"), LOCK, "G1", "U0BOB").allowed
    assert both.may_approve(actor("approver"), LOCK, "G1", "U0BOB").allowed


def test_where_rules_name_different_approvers_one_person_must_be_both() -> None:
    disjoint = policy(SINGLE, replace(SINGLE, approve=("support",)))
    assert not disjoint.may_approve(actor("approver"), LOCK, None, "U0BOB").allowed
    assert not disjoint.may_approve(actor("support"), LOCK, None, "U0BOB").allowed
    assert disjoint.may_approve(actor("approver", "support"), LOCK, None, "U0BOB").allowed
    assert disjoint.approver_ids([(LOCK, None)]) == ("U0ADMIN", "S0APPROVERS", "S0SUPPORT")


def test_those_named_as_approvers_hold_a_role_that_every_rule_asks_for() -> None:
    assert policy().approver_ids([(LOCK, None)]) == ("S0APPROVERS", "U0ADMIN")
    assert policy().approver_ids([(LOCK, "G1")]) == ("S0APPROVERS",)
    assert policy().approver_ids([(Kind.LOCK_THINGS_GROUP, None)]) == ()


@pytest.mark.parametrize("first", [True, False])
def test_the_strictest_of_all_matching_rules_counts_whatever_their_order(*, first: bool) -> None:
    quick = replace(SINGLE, expires=timedelta(hours=1), apply_within=timedelta(hours=2))
    slow = replace(
        SINGLE, approvals=Approvals(0, 2, 3), expires=timedelta(days=2), apply_within=timedelta(minutes=5)
    )
    terms = policy(*((quick, slow) if first else (slow, quick))).terms(LOCK, None, 1)
    assert (terms.approvals, terms.expires, terms.apply_within) == (
        2,
        timedelta(hours=1),
        timedelta(minutes=5),
    )


def test_a_star_means_every_change() -> None:
    anything = policy(replace(SINGLE, changes=("*",)))
    assert all(anything.may_request(actor("admin"), kind, None).allowed for kind in Kind)


# --- how many ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("affected", "needed"), [(0, 1), (1, 2), (24, 2), (25, 3), (10_000, 3)], ids=str)
def test_the_approvals_needed_follow_how_many_are_affected(affected: int, needed: int) -> None:
    assert replace(SINGLE, approvals=Approvals(1, 2, 3)).needed(affected) == needed


def test_nobody_has_to_approve_only_where_every_rule_says_so() -> None:
    free = replace(SINGLE, approvals=Approvals(0, 0, 0))
    assert policy(free).terms(LOCK, None, 1).approvals == 0
    assert policy(free, STRICT).terms(LOCK, "G1", 0).approvals == 2


# --- the form, and the last word ---------------------------------------------------------------------


RULE_SETS = [
    (SINGLE,),
    (SINGLE, STRICT),
    (STRICT,),
    (STRICT, replace(STRICT, things_groups=("G2",), request=("support",))),
    (SINGLE, replace(SINGLE, request=("support",))),
    (replace(SINGLE, request=()), STRICT),
    (replace(SINGLE, changes=("unlock_thing",)), STRICT),
]


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize("kind", [LOCK, UNLOCK])
def test_the_form_opens_for_everybody_who_may_ask_for_some_thing(rules: tuple[Rule, ...], kind: Kind) -> None:
    """And opening it decides nothing: each Thing is asked about anew."""
    for somebody in EVERYBODY:
        allowed = {g for g in GROUPS if policy(*rules).may_request(somebody, kind, g).allowed}
        if allowed:
            assert policy(*rules).may_ask(somebody, kind).allowed


@pytest.mark.parametrize("rules", RULE_SETS)
def test_the_form_stays_shut_for_those_who_may_ask_for_nothing(rules: tuple[Rule, ...]) -> None:
    for somebody in EVERYBODY:
        if policy(*rules).may_ask(somebody, LOCK).allowed:
            some = {role for rule in rules for role in rule.request}
            assert somebody.roles & some


def test_opening_the_form_is_not_the_last_word() -> None:
    assert policy().may_ask(actor("engineer"), LOCK).allowed
    assert not policy().may_request(actor("engineer"), LOCK, "G1").allowed


# --- who somebody is -----------------------------------------------------------------------------------


def test_nobody_decides_on_their_own_request() -> None:
    everything = actor("engineer", "approver", "admin", user="U0ADMIN")
    decision = policy().may_approve(everything, LOCK, None, "U0ADMIN")
    assert not decision.allowed
    assert decision.reason == (
        "You asked for this yourself; somebody else has to decide. "
        "You can take it back with “Cancel request”."
    )


@pytest.mark.parametrize("standing", [Standing.FOREIGN, Standing.BOT, Standing.DELETED])
def test_outsiders_bots_and_former_colleagues_may_nothing_whatever_their_roles(standing: Standing) -> None:
    somebody = replace(actor(*ROLES, standing=standing), named=True)
    _may_nothing(somebody)


def test_somebody_of_another_team_may_nothing_though_slack_calls_them_a_member() -> None:
    _may_nothing(replace(actor(*ROLES), team_id="T0OTHER", named=True))
    _may_nothing(replace(actor(*ROLES), team_id="", named=True))


def _may_nothing(somebody: Actor) -> None:
    decisions = [
        policy().may_ask(somebody, LOCK),
        policy().may_request(somebody, LOCK, None),
        policy().may_approve(somebody, LOCK, None, "U0BOB"),
        policy().may_look_up(somebody, "status"),
        policy().may_act(somebody),
    ]
    assert not any(decision.allowed for decision in decisions)
    assert all(decision.reason for decision in decisions)


def test_a_guest_may_nothing_where_the_policy_does_not_name_them() -> None:
    _may_nothing(actor("engineer", "approver", standing=Standing.GUEST))


def test_a_guest_named_one_by_one_asks_and_never_approves() -> None:
    guest = replace(
        actor("engineer", "approver", "admin", user="U0GUEST", standing=Standing.GUEST), named=True
    )
    assert policy().may_request(guest, LOCK, None).allowed
    assert policy().may_look_up(guest, "status").allowed
    assert policy().may_approve(guest, LOCK, None, "U0BOB").reason == "Guests never approve."


def test_a_guest_gets_no_role_from_a_user_group() -> None:
    """Named for one role, in the user group of another: only the first counts."""
    guest = replace(actor("engineer", "admin", user="U0GUEST", standing=Standing.GUEST), named=True)
    only_admins = policy(replace(SINGLE, request=("admin",)))
    assert not only_admins.may_request(guest, LOCK, None).allowed
    assert not only_admins.may_ask(guest, LOCK).allowed
    named_as_admin = replace(only_admins, roles=ROLES | {"admin": ("U0ADMIN", "U0GUEST")})
    assert named_as_admin.may_request(guest, LOCK, None).allowed


@pytest.mark.parametrize("roles", [(), ("support",), ("empty",), ("unheard of",)])
def test_a_role_that_no_rule_names_allows_nothing(roles: tuple[str, ...]) -> None:
    assert not policy().may_request(actor(*roles), LOCK, None).allowed
    assert not policy().may_approve(actor(*roles), LOCK, None, "U0BOB").allowed


def test_a_role_that_slack_would_not_tell_about_counts_as_not_held() -> None:
    unsure = replace(actor(), unsure=frozenset({"engineer", "approver"}))
    for decision in (
        policy().may_request(unsure, LOCK, None),
        policy().may_ask(unsure, LOCK),
        policy().may_approve(unsure, LOCK, None, "U0BOB"),
    ):
        assert not decision.allowed
        assert decision.reason.startswith("Slack did not answer")


# --- refusals ------------------------------------------------------------------------------------------


def test_a_refusal_names_the_rule_and_who_can() -> None:
    decision = policy().may_request(actor("support"), LOCK, None)
    assert decision.reason == "The policy lets only the role engineer or admin request locking a SIM."
    assert decision.who_can == ("S0ENGINEERS", "U0GUEST", "U0ADMIN")


@pytest.mark.parametrize("kind", SINGLE_KINDS)
def test_a_refusal_says_what_was_refused_in_words_for_people(kind: Kind) -> None:
    said = policy().may_request(actor("support"), kind, None).reason
    assert re.search(r"(un)?locking a (SIM|group)\b", said)
    assert "Thing" not in said


def test_a_guest_is_sent_to_the_admins_where_the_policy_has_the_role() -> None:
    guest = actor("engineer", standing=Standing.GUEST)
    without = replace(policy(), roles={"engineer": ("S0ENGINEERS",)})
    for of, who in ((policy(), ("U0ADMIN",)), (without, ())):
        assert of.may_ask(guest, LOCK).who_can == who
        assert of.may_approve(guest, LOCK, None, "U0BOB").who_can == who


def test_a_refusal_names_the_rule_that_does_not_hold() -> None:
    decision = policy().may_request(actor("engineer"), LOCK, "G1")
    assert decision.reason == "The policy lets only the role admin request locking a SIM."
    assert decision.who_can == ("U0ADMIN",)


# --- looking -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "lookup", "allowed"),
    [
        ("engineer", "status", True),
        ("support", "status", True),
        ("admin", "status", False),
        ("admin", "history", False),
        ("admin", "requests", False),
        ("admin", "unheard of", False),
    ],
)
def test_a_look_up_is_for_the_roles_named_for_it(role: str, lookup: str, *, allowed: bool) -> None:
    assert policy().may_look_up(actor(role), lookup).allowed is allowed


def test_the_ids_behind_roles_come_once_and_in_order() -> None:
    doubled = replace(policy(), roles=ROLES | {"more": ("U0ADMIN", "S0SUPPORT")})
    assert doubled.ids_of(("admin", "more", "nobody")) == ("U0ADMIN", "S0SUPPORT")
    assert doubled.roles_naming("U0ADMIN") == {"admin", "more"}
