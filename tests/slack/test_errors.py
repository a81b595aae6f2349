"""Every failure has its sentence, and it says what became of the SIM."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace

import pytest

from bot.domain import errors
from bot.domain.requests import ChangeRequest, Person, PersonDecision, Status, Vote
from bot.sandbox.slack.block_kit import check_message
from bot.slack import blocks as b
from bot.slack.api import SlackAway, SlackBusy, SlackError
from bot.slack.errors import NOTHING, already, words
from tests.slack.hostile import HOSTILE, assert_inert
from tests.storage.samples import ANN, BOB, NOW, approval, request

CLASSES = {
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, Exception) and found.__module__ == errors.__name__
}
TEXT = "The reason."
SAMPLES: dict[type[Exception], Exception] = {
    errors.Refusal: errors.Refusal(TEXT),
    errors.NotAllowed: errors.NotAllowed(TEXT, ("S0APPROVERS",)),
    errors.NoSuchRequest: errors.NoSuchRequest(TEXT),
    errors.AlreadyDecided: errors.AlreadyDecided(request()),
    errors.AlreadyOpen: errors.AlreadyOpen("R1"),
    errors.Changed: errors.Changed(TEXT),
    errors.Unfit: errors.Unfit(TEXT),
    errors.Proposed: errors.Proposed(TEXT, "iccid", "89"),
    errors.NotASheet: errors.NotASheet(TEXT),
    errors.PlatformError: errors.PlatformError(TEXT),
    errors.ThingNotFound: errors.ThingNotFound(TEXT),
    errors.NotReached: errors.NotReached(TEXT),
    errors.RateLimited: errors.RateLimited(TEXT, retry_after=3),
    errors.LoginFailed: errors.LoginFailed(TEXT),
    errors.Refused: errors.Refused(TEXT, status=400),
    errors.OutcomeUnknown: errors.OutcomeUnknown(TEXT),
    errors.Unreadable: errors.Unreadable(TEXT),
    errors.Overtaken: errors.Overtaken(),
    errors.StoreUnavailable: errors.StoreUnavailable(TEXT),
    errors.DirectoryUnavailable: errors.DirectoryUnavailable(TEXT),
}
NEVER_SHOWN = {errors.Overtaken, errors.OutcomeUnknown, errors.Refused}
"""Caught by the use case that meets them, which then reads again; the thread tells what came of it."""


def test_every_error_of_the_domain_is_drawn_in_its_tree_and_looked_at_here() -> None:
    """A new class fails here until it has a place in the tree and a sentence below."""
    drawn = set(re.findall(r"^[│├└─ ]*(\w+)", str(errors.__doc__), re.MULTILINE))
    assert {found.__name__ for found in CLASSES} <= drawn
    assert set(SAMPLES) == CLASSES


READINGS = [kind for kind in SAMPLES if issubclass(kind, errors.PlatformError) and kind not in NEVER_SHOWN]


@pytest.mark.parametrize("kind", READINGS)
def test_every_failed_reading_of_the_vendor_says_that_nothing_was_changed(kind: type[Exception]) -> None:
    sentence = words(SAMPLES[kind], ANN)
    assert sentence.startswith(f"⚠️ {NOTHING} Monogoto")


@pytest.mark.parametrize("kind", [errors.StoreUnavailable, errors.DirectoryUnavailable])
def test_every_failure_around_the_vendor_says_that_nothing_was_sent(kind: type[Exception]) -> None:
    assert re.search(r"Nothing was (sent|asked for or changed)", words(SAMPLES[kind], ANN))


REFUSALS = [
    kind
    for kind in SAMPLES
    if issubclass(kind, errors.Refusal) and kind not in {errors.AlreadyDecided, errors.AlreadyOpen}
]


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_is_told_in_its_own_words(kind: type[Exception]) -> None:
    assert TEXT in words(SAMPLES[kind], ANN)


def test_a_refusal_by_the_policy_names_who_can() -> None:
    assert words(SAMPLES[errors.NotAllowed], ANN) == "⛔ The reason. Ask <!subteam^S0APPROVERS>."


@pytest.mark.parametrize("kind", [kind for kind in SAMPLES if kind not in NEVER_SHOWN])
def test_no_sentence_shows_a_class_a_traceback_or_is_too_long(kind: type[Exception]) -> None:
    sentence = words(SAMPLES[kind], ANN)
    assert kind.__name__ not in sentence
    assert check_message({"text": sentence, "blocks": [b.section(sentence)]}) == []
    assert sentence.rstrip().endswith((".", "!"))


def test_what_nobody_expected_has_a_reference_that_is_in_the_log_too() -> None:
    sentence = words(ZeroDivisionError("secret detail"), ANN, "7F3K")
    assert "(reference `7F3K`)" in sentence
    assert "nothing further is done" in sentence
    assert "thread show whether anything was asked for or changed" in sentence
    assert NOTHING not in sentence
    assert "secret detail" not in sentence


@pytest.mark.parametrize(
    "error",
    [
        SlackError("chat.postMessage", "fatal_error"),
        SlackAway("chat.postMessage", "timeout"),
        SlackBusy("chat.postMessage", 3.0),
    ],
)
def test_a_slack_that_says_no_is_named_as_what_failed_and_no_more_is_claimed(error: SlackError) -> None:
    """It may have come after a request was posted or a vote was counted."""
    sentence = words(error, ANN)
    assert sentence.startswith("⚠️ What you did may have counted: Slack did not take the bot's answer")
    assert "Look at the card before you try again" in sentence
    assert NOTHING not in sentence


def test_a_lost_answer_of_a_write_is_never_told_as_nothing_changed() -> None:
    sentence = words(SAMPLES[errors.OutcomeUnknown], ANN)
    assert sentence.startswith("⚠️ It is not known whether it was changed")
    assert "thread tells" in sentence
    assert "Nothing was" not in sentence


def test_who_was_overtaken_is_sent_back_to_the_card() -> None:
    assert words(errors.Overtaken(), ANN) == "⚠️ Somebody else was quicker; look at the card again."


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_in_a_sentence_acts(hostile: str) -> None:
    for make in (
        errors.Unfit,
        errors.NotAllowed,
        lambda text: errors.NotReached("x", snippet=text),
        lambda text: errors.Unreadable("x", snippet=text),
    ):
        wild, tame = (words(make(text), ANN) for text in (hostile, "tame"))
        assert_inert(wild, tame)
        assert check_message({"text": wild, "blocks": [b.section(wild)]}) == []


# --- who won -------------------------------------------------------------------------------------------


def decided(status: Status, vote: Vote | None = None) -> ChangeRequest:
    decisions = (PersonDecision(BOB, vote, NOW),) if vote else ()
    return replace(request(), status=status, decisions=decisions)


AT = f"<!date^{int(NOW.timestamp())}^"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (decided(Status.DENIED, Vote.DENIED), f"Already denied by <@U0BOB> {AT}"),
        (decided(Status.CANCELLED, Vote.CANCELLED), f"Already cancelled by <@U0BOB> {AT}"),
        (decided(Status.EXPIRED), "Expired <!date^"),
        (decided(Status.APPROVED, Vote.APPROVED), f"Already approved by <@U0BOB> {AT}"),
        (decided(Status.SUCCEEDED), "Already approved by the policy"),
        (decided(Status.PENDING), "Somebody else was quicker;"),
    ],
)
def test_who_comes_too_late_hears_who_won_and_when(asked: ChangeRequest, said: str) -> None:
    assert already(asked, ANN).startswith(said)


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_sentence_for_the_late(status: Status) -> None:
    assert already(decided(status), ANN)


def test_who_clicks_twice_hears_that_it_counts_already() -> None:
    asked = replace(request(), decisions=(approval(),))
    assert already(asked, BOB).startswith("You have approved this already")
    assert "1 more needed from others." in already(asked, BOB)
    assert not already(asked, Person("U0CAROL", "T0TEAM")).startswith("You have")
