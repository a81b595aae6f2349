"""Error kind → one fixed sentence: what happened to the SIM first, then what to do."""

from __future__ import annotations

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
from bot.services.outcomes import without_tags
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
                f"⛔ {NOTHING} Slack did not answer who may do this, so the answer is no for now. "
                "Try again in a minute."
            )
        case SlackError():
            said = b.escape(str(error), 80)
            return (
                f"⚠️ What you did may have counted: Slack did not take the bot's answer ({said}). "
                "Look at the card before you try again."
            )
        case Overtaken():
            return f"⚠️ {QUICKER}"
        case _:
            return (
                "⚠️ Something went wrong, and nothing further is done. Where there is a card, "
                "it and its thread show whether anything was asked for or changed. "
                f"Tell whoever runs the bot{_named(reference)}."
            )


def platform_words(error: PlatformError, nothing: str = NOTHING) -> str:
    """What a failed reading means. Writes have their own sentences, told in the thread."""
    match error:
        case OutcomeUnknown():
            return (
                f"It is not known whether it was changed: Monogoto's answer was lost{_said(error)}. "
                "The card's thread tells as soon as it is known."
            )
        case RateLimited():
            return f"{nothing} Monogoto asks us to slow down. Try again in a minute."
        case LoginFailed():
            return f"{nothing} Monogoto refuses the bot's log-in. Whoever runs the bot has to renew it."
        case ThingNotFound():
            return f"{nothing} Monogoto does not find it on this account."
        case Unreadable():
            return f"{nothing} Monogoto's answer makes no sense{_said(error)}. Try again in a minute."
        case NotReached():
            away = f"Monogoto can't be reached or does not answer{_said(error)}."
            return f"{nothing} {away} Try again in a minute."
        case _:
            return f"{nothing} Monogoto did not do as asked{_said(error)}."


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
        case _:
            approvers = b.mentions(a.person.user_id for a in request.approvals) or "the policy"
            return f"Already approved by {approvers}{when}; the thread tells what came of it."


def _said(error: PlatformError) -> str:
    text = without_tags(error.snippet)
    return f" (“{b.escape(text, 120)}”)" if text else ""


def _named(reference: str) -> str:
    return f" (reference `{reference}`)" if reference else ""
