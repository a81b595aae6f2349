"""What is said of an outcome, in plain text: what happened to the SIM first, then what to do.

Vendor text in here is a short snippet; the Slack side escapes all of it.
"""

from __future__ import annotations

import re

from bot.domain.errors import PlatformError, RateLimited, Refused
from bot.domain.identifiers import group_imei, is_reported
from bot.domain.impact import Seen, differences
from bot.domain.things import ThingLock

DONE = "Read back from Monogoto: the SIM is configured as asked."
CONFIRMED_LATER = "The answer of the write was lost, but a later reading confirms it: configured as asked."
ALREADY = "The SIM was already configured as asked when this was to be applied; nothing had to be changed."
TOO_LATE = (
    "The SIM was not changed. The time in which an approved request may be applied is over. "
    "Ask again if it is still wanted."
)
NOT_FOUND = (
    "The SIM was not changed. Monogoto no longer finds it on this account. Check the ICCID and ask again."
)
LOGIN_FAILED = (
    "The SIM was not changed. Monogoto refuses the bot's log-in. "
    "Whoever runs the bot has to renew its credentials; then ask again."
)
SLACK_AWAY = (
    "The SIM is not changed yet. Slack did not answer whether everybody involved still has their role."
)
GROUP_AWAY = "The SIM is not changed yet. Its group can't be read, so its lock may have changed."
UNREADABLE = (
    "It is not known whether the SIM was changed. The change was sent, and Monogoto did not answer whether "
    "it holds. I keep reading until it is clear and tell you here; don't ask again meanwhile."
)
DID_NOT_STICK = (
    "The SIM was not changed. Monogoto said yes, but five readings over ten seconds still show the old lock. "
    "Look at it in the console, then ask again."
)
NOT_CHANGED_AFTER_ALL = (
    "The SIM was not changed. A later reading shows the old lock: the write was lost on the way. "
    "Ask again if it is still wanted."
)
_GROUPED = re.compile(r"[0-9]{2}-[0-9]{6}-[0-9]{6}(-[0-9]{1,2})?")

GONE = (
    "It is not known whether the SIM was changed: the change was sent, and Monogoto no longer finds the SIM "
    "on this account. Look for it in the console, or ask whoever manages the account."
)


def refused(error: Refused) -> str:
    """The vendor said no, and reading again showed that it meant it."""
    return (
        f"The SIM was not changed. Monogoto refused the change with HTTP {error.status}"
        f"{_quoted(error)}. Whoever runs the bot can find this in the audit log."
    )


def given_up(error: PlatformError | None) -> str:
    """Every try was read back as not written."""
    if error is None or isinstance(error, Refused):
        answer = f" The last answer was HTTP {error.status}{_quoted(error)}." if error else ""
        return (
            "The SIM was not changed. Its record at Monogoto moved between every reading and writing, "
            f"as it does on a busy SIM.{answer} Ask again in a quieter moment."
        )
    return (
        "The SIM was not changed. Monogoto lost or failed every try, and each reading afterwards shows the "
        f"old lock{_quoted(error)}. Ask again when Monogoto is well."
    )


def away(error: PlatformError) -> str:
    """Not sent, to be tried again."""
    if isinstance(error, RateLimited):
        return "The SIM is not changed yet. Monogoto asks us to slow down."
    return (
        f"The SIM is not changed yet. Monogoto can't be reached or does not answer sensibly{_quoted(error)}."
    )


def no_longer_allowed(objection: str) -> str:
    """Somebody lost the role that the request rested on."""
    return f"The SIM was not changed. {objection}"


def overtaken(found: ThingLock, goal: ThingLock) -> str:
    """Somebody else changed the lock meanwhile."""
    return (
        "Somebody changed this SIM's lock elsewhere while the request was being applied. It is now "
        f"{lock_text(found)}; asked for was {lock_text(goal)}. "
        "Decide which is right, and ask again if needed."
    )


def no_longer_as_approved(before: Seen, now: Seen) -> str:
    """The live state differs from what was approved."""
    what = differences(before, now)
    if "lock" in what:
        detail = (
            f"When it was approved the SIM was {lock_text(before.thing.lock)}; "
            f"it is now {lock_text(now.thing.lock)}."
        )
    elif "group" in what:
        detail = "The lock of its group is no longer what it was when this was approved."
    elif before.thing.last_seen_imei != now.thing.last_seen_imei:
        detail = "The SIM has meanwhile been seen in another device, so somebody else would lose service."
    else:
        detail = "The policy or the impact is no longer what it was when this was approved."
    return f"The SIM was not changed. {detail} Ask again if it is still wanted."


def lock_text(lock: ThingLock) -> str:
    """Lock fields in words."""
    if not lock.locked_imei:
        return "locked with no IMEI stored" if lock.imei_lock else "unlocked"
    stored = group_imei(lock.locked_imei)
    if not is_an_imei(lock.locked_imei):
        stored = f"“{stored}”, which is no IMEI"
    return f"locked to {stored}" if lock.imei_lock else f"unlocked; stored is {stored}"


def is_an_imei(stored: str) -> bool:
    """Whether the vendor stores digits that can be a device's, and not a word, zeros or half a number."""
    return is_reported(stored) and bool(_GROUPED.fullmatch(group_imei(stored)))


def _quoted(error: PlatformError) -> str:
    return f" (“{error.snippet}”)" if error.snippet else ""
