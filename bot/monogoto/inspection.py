"""What `check` asks the vendor: can we log in and read, for how long, and are the policy's groups there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.errors import LoginFailed, PlatformError, RateLimited, ThingNotFound
from bot.monogoto.client import Monogoto
from bot.monogoto.failures import Answer
from bot.services.checked import Checked, Level, failed, not_checked, ok, warning

LOG_IN, READING = "Monogoto log-in", "Monogoto reading"
_SOON = timedelta(days=7)
_CREDENTIALS = "Check MONOGOTO_USERNAME and MONOGOTO_PASSWORD, or make a new MONOGOTO_TOKEN."
_REACH = "Check MONOGOTO_URL and this machine's way out, then try again."


@dataclass(frozen=True, slots=True)
class Account:
    """What was found, and when the vendor answered, by its own clock."""

    lines: tuple[Checked, ...]
    date: datetime | None = None
    reached: bool = False


_LATER = "Monogoto has trouble or is busy just now: try again in a few minutes."


async def account(monogoto: Monogoto, now: datetime, *, ready_token: bool) -> Account:
    """Log in and read one row of the list of Things; a refused log-in is not tried again."""
    try:
        ends = await monogoto.token_ends()
        answer = await monogoto.raw("GET", "/things", params={"limit": "1", "offset": "0"})
    except LoginFailed as refused:
        said = "Monogoto refused the ready-made token." if ready_token else str(refused)
        return _without(failed(LOG_IN, said, _CREDENTIALS))
    except RateLimited as busy:
        return _without(failed(LOG_IN, str(busy), _LATER))
    except PlatformError as error:
        return _without(failed(LOG_IN, str(error), _LATER if "just now" in str(error) else _REACH))
    logged_in = _token(ends, now) if ready_token else ok(LOG_IN, f"taken; its token {_span(ends, now)}")
    reading = _reading(answer)
    return Account((logged_in, reading), answer.date, reached=reading.level is Level.OK)


def _reading(answer: Answer) -> Checked:
    if not answer.is_good:
        fix = "Let this user read Things; ask Monogoto's support if it should be able to."
        said = f"the list of Things was answered with {answer.status}"
        return failed(READING, said, _LATER if answer.says_overload else fix)
    try:
        listed = isinstance(answer.json(), list)
    except PlatformError:
        listed = False
    if not listed:
        fix = "See that MONOGOTO_URL is the API's address, and that nothing on the way answers in its place."
        return failed(READING, "what was answered is no list of Things", fix)
    return ok(READING, "the list of Things can be read; whether it may write, the probe tells")


def _without(first: Checked) -> Account:
    return Account((first, not_checked(READING, "there is no log-in")))


def _token(ends: datetime | None, now: datetime) -> Checked:
    """A token that a person made ends one day, and nobody renews it."""
    if ends is not None and ends - now < _SOON:
        fix = "Make a new one in time, or set user name and password: then the bot renews it itself."
        return warning(LOG_IN, f"the ready-made token is taken; it {_span(ends, now)}", fix)
    return ok(LOG_IN, f"the ready-made token is taken; it {_span(ends, now)}")


def _span(ends: datetime | None, now: datetime) -> str:
    if ends is None:
        return "doesn't tell when it ends"
    hours = (ends - now).total_seconds() / 3600
    return f"lasts {hours / 24:.0f} days" if hours >= 48 else f"lasts {hours:.1f} hours"


async def things_group(monogoto: Monogoto, name: str, things_group_id: str) -> Checked:
    """Whether a group that a rule of the policy names is there to be read."""
    try:
        await monogoto.things_group(things_group_id)
    except ThingNotFound:
        fix = "Put the group's id into the policy's things_groups, or take the rule out."
        return failed(name, f"Monogoto knows no {things_group_id}: the rule holds for nothing", fix)
    except PlatformError as error:
        return warning(
            name,
            f"{things_group_id} could not be read: {error}",
            "Run check again; see that the id is right.",
        )
    return ok(name, f"{things_group_id} is there")
