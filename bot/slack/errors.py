"""Error kind → one fixed sentence: what happened to the SIM first, then what to do."""

from __future__ import annotations

import re

from bot.domain.errors import (
    AlreadyDecided,
    DirectoryUnavailable,
    LoginFailed,
    NotAllowed,
    NotReached,
    OutcomeUnknown,
    Overtaken,
    PlatformError,
    RateLimited,
    Refusal,
    StoreUnavailable,
    ThingNotFound,
    Unreadable,
)
from bot.domain.requests import ChangeRequest, Person, Status
from bot.slack import blocks as b
from bot.slack.api import SlackError

NOTHING = "Nothing was asked for or changed."
QUICKER = "Somebody else was quicker; look at the card again."


def words(error: Exception, person: Person, reference: str = "") -> str:
    """The sentence for a person, as mrkdwn. `reference` is the id under which the log knows the error."""
    match error:
        case NotAllowed():
            help_by = f" Ask {b.mentions(error.who_can)}." if error.who_can else ""
            return f"⛔ {b.escape(error.reason, 600)}{help_by}"
        case AlreadyDecided():
            return already(error.request, person)
        case Refusal():
            return f"⚠️ {b.escape(error.reason, 900)}"
        case PlatformError():
            return f"⚠️ {platform_words(error)}"
        case StoreUnavailable():
            return (
                "⚠️ Nothing was sent to Monogoto: the bot can't write its records right now. "
                f"Try again in a minute; if it stays so, tell whoever runs the bot{_named(reference)}."
            )
        case DirectoryUnavailable():
            return (
                "⛔ Slack did not answer who may do this, so the answer is no for now. "
                f"{NOTHING} Try again in a minute."
            )
        case SlackError():
            said = b.escape(str(error), 80)
            return (
                f"⚠️ Slack did not take the bot's answer ({said}). Look at the card before you try again: "
                "what you did may have counted."
            )
        case Overtaken():
            return f"⚠️ {QUICKER}"
        case _:
            return (
                "⚠️ Something went wrong here, and nothing further is done. Where there is a card, it and its "
                f"thread show how things stand. Tell whoever runs the bot{_named(reference)}."
            )


def platform_words(error: PlatformError, nothing: str = NOTHING) -> str:
    """What a failed reading means. Writes have their own sentences, told in the thread."""
    match error:
        case OutcomeUnknown():
            return (
                f"Monogoto's answer to the change was lost{_said(error)}: it may have been made. "
                "The card's thread tells as soon as it is known."
            )
        case RateLimited():
            return f"Monogoto asks us to slow down. {nothing} Try again in a minute."
        case LoginFailed():
            return f"Monogoto refuses the bot's log-in. {nothing} Whoever runs the bot has to renew it."
        case ThingNotFound():
            return f"Monogoto does not find it on this account. {nothing}"
        case Unreadable():
            return f"Monogoto's answer makes no sense{_said(error)}. {nothing} Try again in a minute."
        case NotReached():
            away = f"Monogoto can't be reached or does not answer{_said(error)}."
            return f"{away} {nothing} Try again in a minute."
        case _:
            return f"Monogoto did not do as asked{_said(error)}. {nothing}"


def already(request: ChangeRequest, person: Person) -> str:
    """Somebody else won: who, and when."""
    mine = next((a for a in request.approvals if a.person == person), None)
    if request.status is Status.PENDING and mine:
        left = request.approvals_left
        return f"You have approved this already {b.moment(mine.at)}; {left} more needed from others."
    decision = request.last_decision
    when = f" {b.moment(decision.at)}" if decision else ""
    by = f" by {b.mention(decision.person.user_id)}" if decision else ""
    match request.status:
        case Status.DENIED:
            return f"Already denied{by}{when}. Nothing was changed."
        case Status.CANCELLED:
            return f"Already cancelled{by}{when}. Nothing was changed."
        case Status.EXPIRED:
            return f"Expired {b.moment(request.expires_at)}, undecided. Nothing was changed; ask again."
        case Status.PENDING:
            return QUICKER
        case Status.PREVIEWING:
            return "Nobody can decide on it yet: whom it hurts is still being found out."
        case _:
            approvers = b.mentions(a.person.user_id for a in request.approvals) or "the policy"
            return f"Already approved by {approvers}{when}; the thread tells what came of it."


def _said(error: PlatformError) -> str:
    """A piece of the vendor's answer, without the tags of an error page."""
    text = " ".join(re.sub(r"<[^>]*(?:>|$)", " ", error.snippet).split())
    return f" (“{b.escape(text, 120)}”)" if text else ""


def _named(reference: str) -> str:
    return f" (reference `{reference}`)" if reference else ""
