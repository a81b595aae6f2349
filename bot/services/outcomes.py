"""What is said of an outcome, in plain text: what happened to the SIM or the group first, then what to do.

Vendor text in here is a short snippet; the Slack side escapes all of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.changes import SingleChange, noun
from bot.domain.errors import PlatformError, RateLimited, Refused
from bot.domain.fingerprints import differences
from bot.domain.identifiers import group_imei, is_reported
from bot.domain.impact import SeenTarget, SeenThing
from bot.domain.things import GroupLock, Lock, ThingLock

_GROUPED = re.compile(r"[0-9]{2}-[0-9]{6}-[0-9]{6}(-[0-9]{1,2})?")
_TAG = re.compile(r"<[^>]*(?:>|$)")
_NAMED_AT_MOST = 5
_VALUE_AT_MOST = 30
NOT_YET = "The {noun} is not changed yet."


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The sentences about one kind of target. `noun` is "SIM" or "group"."""

    noun: str

    @property
    def not_changed(self) -> str:
        return f"The {self.noun} was not changed."

    @property
    def done(self) -> str:
        return f"Read back from Monogoto: the {self.noun} is configured as asked."

    @property
    def confirmed_later(self) -> str:
        return "The answer of the write was lost, but a later reading confirms it: configured as asked."

    @property
    def already(self) -> str:
        return (
            f"The {self.noun} was already configured as asked when this was to be applied: nothing was sent."
        )

    @property
    def too_late(self) -> str:
        return self._not_changed(
            "The time in which an approved request may be applied is over. Ask again if it is still wanted."
        )

    @property
    def not_found(self) -> str:
        number = "ICCID" if self.noun == "SIM" else "group"
        return self._not_changed(
            f"Monogoto no longer finds it on this account. Check the {number} and ask again."
        )

    @property
    def login_failed(self) -> str:
        return self._not_changed(
            "Monogoto refuses the bot's log-in. "
            "Whoever runs the bot has to renew its credentials; then ask again."
        )

    @property
    def slack_away(self) -> str:
        return self._not_yet("Slack did not answer whether everybody involved still has their role.")

    @property
    def group_away(self) -> str:
        return self._not_yet("Its group can't be read, so the group's lock may have changed.")

    @property
    def touched(self) -> str:
        """Of a group only."""
        return self._not_yet("Somebody else changed it at Monogoto in this very moment.")

    @property
    def unreadable(self) -> str:
        return (
            f"It is not known whether the {self.noun} was changed. The change was sent, and Monogoto did not "
            "answer whether it holds. I keep reading until it is clear and tell you here; "
            "don't ask again meanwhile."
        )

    @property
    def not_seen_yet(self) -> str:
        """Of a group only: there is no `cas`, so a lost write may still land, and nothing is sent again."""
        return (
            f"It is not known whether the {self.noun} was changed. The answer of the write was lost, "
            "and readings don't show it yet; it may land late, so it is not sent again. "
            "I keep reading until it is clear and tell you here."
        )

    @property
    def did_not_stick(self) -> str:
        return self._not_changed(
            "Monogoto said yes, but five readings over ten seconds still show the old lock. "
            "Look at it in the console, then ask again."
        )

    @property
    def not_changed_after_all(self) -> str:
        return self._not_changed(
            "A later reading shows the old lock: the write was lost on the way. "
            "Ask again if it is still wanted."
        )

    @property
    def gone(self) -> str:
        return (
            f"It is not known whether the {self.noun} was changed: the change was sent, and Monogoto "
            f"no longer finds the {self.noun} on this account. Look for it in the console, "
            "or ask whoever manages the account."
        )

    def refused(self, error: Refused) -> str:
        """The vendor said no, and reading again showed that it meant it."""
        return self._not_changed(
            f"Monogoto refused the change with HTTP {error.status}{_quoted(error)}. "
            "Whoever runs the bot can find this in the audit log."
        )

    def given_up(self, error: PlatformError | None) -> str:
        """Every try was read back as not written."""
        if error is None or isinstance(error, Refused):
            answer = f" The last answer was HTTP {error.status}{_quoted(error)}." if error else ""
            return self._not_changed(
                "Its record at Monogoto moved between every reading and writing, "
                f"as it does on a busy SIM.{answer} Ask again in a quieter moment."
            )
        return self._not_changed(
            "Monogoto lost or failed every try, and each reading afterwards shows the "
            f"old lock{_quoted(error)}. Ask again when Monogoto is well."
        )

    def away(self, error: PlatformError) -> str:
        """Not sent, to be tried again."""
        if isinstance(error, RateLimited):
            return self._not_yet("Monogoto asks us to slow down.")
        return self._not_yet(f"Monogoto can't be reached or does not answer sensibly{_quoted(error)}.")

    def no_longer_allowed(self, objection: str) -> str:
        """Somebody lost the role that the request rested on."""
        return self._not_changed(objection)

    def overtaken(self, found: Lock, goal: Lock) -> str:
        """Somebody else changed the lock meanwhile."""
        return (
            f"Somebody else changed this {self.noun}'s lock while the request was being applied: "
            f"it is now {lock_text(found)}. The request asked for another: {lock_text(goal)}. "
            "Decide which is right, and ask again if needed."
        )

    def no_longer_as_approved(self, before: SeenTarget, now: SeenTarget) -> str:
        """The live state differs from what was approved."""
        return self._not_changed(f"{self._difference(before, now)} Ask again if it is still wanted.")

    def worse_than_approved(self, why: str) -> str:
        """It was counted once more, and hurts more than was agreed to."""
        return self._not_changed(
            f"Counted once more right before the write, {why}. Ask again if it is still wanted."
        )

    def _difference(self, before: SeenTarget, now: SeenTarget) -> str:
        what = differences(before, now)
        if "lock" in what:
            return (
                f"When it was approved the {self.noun} was {lock_text(before.target.lock)}; "
                f"it is now {lock_text(now.target.lock)}."
            )
        if "group" in what:
            return "The lock of its group is no longer what it was when this was approved."
        if _last_seen(before) != _last_seen(now):
            return "The SIM has meanwhile been seen in another device, so somebody else would lose service."
        return "The policy or the impact is no longer what it was when this was approved."

    def _not_changed(self, why: str) -> str:
        return f"{self.not_changed} {why}"

    def _not_yet(self, why: str) -> str:
        return f"{NOT_YET.format(noun=self.noun)} {why}"


def overtaken_undo(change: SingleChange, found: Lock) -> str:
    """The vendor no longer shows what the request to be undone has written."""
    what = noun(change)
    return (
        f"The {what} was not changed. Its lock is no longer what the request left behind: it is now "
        f"{lock_text(found)}. Ask for what it should be instead."
    )


def alarm(side_effects: Mapping[str, tuple[str, str]], *, later: bool = False) -> str:
    """Fields besides the lock that a write of ours changed, or somebody at the same moment: never quietly.

    The advice first: a long list is cut at its end. `later`: it was found some time after the write.
    """
    named = list(side_effects.items())
    listed = "; ".join(
        f"{_cut(name, 40)}: {_value(was)} → {_value(now)}" for name, (was, now) in named[:_NAMED_AT_MOST]
    )
    more = f"; and {len(named) - _NAMED_AT_MOST} more" if len(named) > _NAMED_AT_MOST else ""
    when = " since the write, by it or by somebody else" if later else ""
    return (
        f"Fields besides the lock have changed on this group{when}: look at it in the console, and "
        f"put back what belongs there; all values are in the audit log. {listed}{more}."
    )


def lock_text(lock: Lock) -> str:
    """Lock fields in words."""
    what = "IMEI" if isinstance(lock, ThingLock) else "TAC"
    if not lock.bound_to:
        return f"locked with no {what} stored" if lock.imei_lock else "unlocked"
    stored = group_imei(lock.bound_to)
    if isinstance(lock, ThingLock) and not is_an_imei(lock.bound_to):
        stored = f"“{stored}”, which is no IMEI"
    elif isinstance(lock, GroupLock):
        stored = f"TAC {stored}"
    return f"locked to {stored}" if lock.imei_lock else f"unlocked; stored is {stored}"


def is_an_imei(stored: str) -> bool:
    """Whether the vendor stores digits that can be a device's, and not a word, zeros or half a number."""
    return is_reported(stored) and bool(_GROUPED.fullmatch(group_imei(stored)))


def _last_seen(seen: SeenTarget) -> str:
    return seen.thing.last_seen_imei if isinstance(seen, SeenThing) else ""


def _value(text: str) -> str:
    """A value kept as JSON text, as a person reads it."""
    if not text:
        return "(not there)"
    text = json.dumps(json.loads(text), ensure_ascii=False)
    return _cut(text, _VALUE_AT_MOST)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _quoted(error: PlatformError) -> str:
    text = without_tags(error.snippet)
    return f" (“{text}”)" if text else ""


def without_tags(snippet: str) -> str:
    """A piece of the vendor's answer as people read it: an error page has tags."""
    return " ".join(_TAG.sub(" ", snippet).split())
