"""What `check` asks the vendor: can we log in and read, for how long, and are the policy's groups there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.errors import LoginFailed, PlatformError, ThingNotFound
from bot.monogoto.client import Monogoto
from bot.services.checked import Checked, failed, not_checked, ok, warning

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


async def account(monogoto: Monogoto, now: datetime, *, ready_token: bool) -> Account:
    """Log in once and read one row of the list of Things; a refused log-in is not tried again."""
    try:
        ends = await monogoto.token_ends()
        answer = await monogoto.raw("GET", "/things", params={"limit": "1", "offset": "0"})
    except LoginFailed as refused:
        return _without(failed(LOG_IN, str(refused), _CREDENTIALS))
    except PlatformError as error:
        return _without(failed(LOG_IN, str(error), _REACH))
    logged_in = _token(ends, now) if ready_token else ok(LOG_IN, f"taken; its token {_span(ends, now)}")
    if not answer.is_good:
        fix = "Let this user read Things; ask Monogoto's support if it should be able to."
        reading = failed(READING, f"the list of Things was answered with {answer.status}", fix)
    else:
        reading = ok(READING, "the list of Things can be read; whether it may write shows at the first lock")
    return Account((logged_in, reading), answer.date, reached=answer.is_good)


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


async def things_group(monogoto: Monogoto, things_group_id: str) -> Checked:
    """Whether a group that a rule of the policy names is there to be read."""
    name = f"Things Group {things_group_id}"
    try:
        await monogoto.things_group(things_group_id)
    except ThingNotFound:
        fix = "Put the group's id into the policy's things_groups, or take the rule out."
        return failed(name, "Monogoto knows no such group: the rule holds for nothing", fix)
    except PlatformError as error:
        return warning(name, f"could not be read: {error}", "Run check again; see that the id is right.")
    return ok(name, "it is there")
