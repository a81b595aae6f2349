"""What every listener works with, and the ways to answer a person. No listener answers in another way."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.changes import Kind
from bot.domain.errors import DirectoryUnavailable, PlatformError, Refusal, Unfit
from bot.domain.policy import Policy
from bot.domain.requests import Origin, Person
from bot.services.asking_again import AskingAgain
from bot.services.authority import Authority
from bot.services.bulk_steering import Steering
from bot.services.lookups import Lookups
from bot.services.ports import Clock, Inventory, Store
from bot.services.preview import Previews
from bot.services.replica_ports import Once
from bot.services.requests import Requests
from bot.services.submission import Submissions
from bot.services.undoing import Undoing
from bot.slack import blocks as b
from bot.slack import ids
from bot.slack.api import SlackApi, SlackError
from bot.slack.background import Background, OnError
from bot.slack.bulks import Bulks
from bot.slack.dispatch import ack_sent
from bot.slack.errors import words
from bot.slack.form_state import LONGEST_ID, Form
from bot.slack.forms import View
from bot.slack.notifier import SlackNotifier
from bot.slack.screens import Edit, Screens

EXPECTED = (Refusal, PlatformError, DirectoryUnavailable)
"""Failures that have their own sentence: told, not logged as faults of the bot."""
PASSING = frozenset({ids.APPROVE, ids.DENY, ids.CANCEL})
"""Buttons for as long as a request is undecided: only a card, which is kept up to date, holds them."""
ON_ITS_CARD = "To cancel or decide the request, use its card: the app's Home links to it."
GONE = frozenset({"not_found", "view_not_found", "hash_conflict", "expired_trigger_id"})


def _lasting(blocks: list[b.Block]) -> list[b.Block]:
    """What a direct message may hold, which stays as it is sent."""
    kept = []
    for block in blocks:
        if block["type"] != "actions":
            kept.append(block)
            continue
        buttons = [element for element in block["elements"] if element["action_id"] not in PASSING]
        kept += [block | {"elements": buttons}] if buttons else []
        kept += [b.context(ON_ITS_CARD)] if len(buttons) < len(block["elements"]) else []
    return kept


@dataclass(frozen=True, slots=True)
class Desk:
    """Passed to every listener; built once, in `app.build`."""

    api: SlackApi
    authority: Authority
    submissions: Submissions
    requests: Requests
    undoing: Undoing
    previews: Previews
    store: Store
    notifier: SlackNotifier
    background: Background
    policy: Policy
    clock: Clock
    new_id: Callable[[], str]
    forget_roles: Callable[[], None]
    screens: Screens
    inventory: Inventory
    lookups: Lookups
    shares: Once
    steering: Steering
    again: AskingAgain
    bulks: Bulks

    async def whisper(self, call: Call, text: str, *buttons: b.Block) -> None:
        """Tell only this person: by response_url, else ephemerally, else by direct message.

        A payload that names nobody is answered to nobody.
        """
        blocks = [b.section(text[: b.TEXT_LIMIT])]
        if buttons:
            blocks.append(b.actions(*buttons))
        await self.answer(call, text, blocks)

    async def answer(self, call: Call, text: str, blocks: list[b.Block], *, replace: bool = False) -> None:
        """As `whisper`, with blocks of any kind. `replace`: instead of the message that was clicked in."""
        message: dict[str, Any] = {"text": text, "blocks": blocks}
        if call.response_url:
            reply = message | {"response_type": "ephemeral", "replace_original": replace}
            try:
                await self.api.url(call.response_url, reply)
            except SlackError:
                pass
            else:
                return
        user = call.person.user_id
        if not user:
            return
        if call.origin.channel:
            try:
                await self.api.call("chat.postEphemeral", channel=call.origin.channel, user=user, **message)
            except SlackError:
                pass
            else:
                return
        await self.api.call("chat.postMessage", channel=user, text=text, blocks=_lasting(blocks))

    async def share(self, call: Call, text: str, blocks: list[b.Block]) -> None:
        """For everybody in the channel, also where the bot is no member. Raises `SlackError`."""
        reply = {"response_type": "in_channel", "replace_original": False, "text": text, "blocks": blocks}
        await self.api.url(call.response_url, reply)

    def start(self, work: Coroutine[Any, Any, None], call: Call, *, name: str) -> None:
        """Run it after the ack. Whatever goes wrong reaches the person; what nobody expected is logged."""
        self.background.start(self._told(work, call), name=name, on_error=self._tell_unexpected(call))

    async def _told(self, work: Coroutine[Any, Any, None], call: Call) -> None:
        await ack_sent()
        try:
            await work
        except EXPECTED as error:
            await self.whisper(call, words(error, call.person))

    def _tell_unexpected(self, call: Call) -> OnError:
        async def tell(error: Exception, reference: str) -> None:
            await self.whisper(call, words(error, call.person, reference))

        return tell

    async def show(self, view_id: str, view: View, *, hash_: str | None = None) -> dict[str, Any] | None:
        """Replace the view on the screen; None where it was closed, or has moved on since `hash_`."""
        try:
            answer = await self.api.call("views.update", view_id=view_id, view=view, hash=hash_)
        except SlackError as error:
            if error.code in GONE:
                return None
            raise
        return self.on_screen(answer, view, view_id)

    async def edit(self, view: Mapping[str, Any], edit: Edit) -> dict[str, Any] | None:
        """Change a view that is open, starting from how it stands by now; None where that can't be.

        A form that has been sent meanwhile stands there no more: a late click finds an answer in its place.
        """
        async with self.screens.turn(view):
            newest = self.screens.newest(view)
            changed = edit(newest) if newest.get("callback_id") == view.get("callback_id") else None
            if changed is None:
                return None
            return await self.show(str(view.get("id")), changed, hash_=newest.get("hash"))

    def on_screen(self, answer: Mapping[str, Any], sent: View, view_id: str = "") -> dict[str, Any]:
        """What stands on the screen now: what was sent, and what Slack says of it; {} without an id."""
        view: dict[str, Any] = {**sent, **({"id": view_id} if view_id else {}), **(answer.get("view") or {})}
        if not view.get("id"):
            return {}
        self.screens.note(view)
        return view


@dataclass(frozen=True, slots=True)
class Call:
    """Who acted, where, and how to answer: read out of a payload, whatever its kind."""

    person: Person
    origin: Origin
    trigger_id: str = ""
    response_url: str = ""
    text: str = ""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Call:
        """Never raises: what is missing is empty, and an empty person is nobody."""
        user, team = _part(body, "user"), _part(body, "team")
        channel, message, container = _part(body, "channel"), _part(body, "message"), _part(body, "container")
        return cls(
            person=Person(
                _id(body.get("user_id")) or _id(user.get("id")),
                _id(user.get("team_id")) or _id(body.get("team_id")) or _id(team.get("id")),
            ),
            origin=Origin(
                _id(body.get("channel_id")) or _id(channel.get("id")) or _id(container.get("channel_id")),
                _id(message.get("ts")) or _id(container.get("message_ts")),
            ),
            trigger_id=_str(body.get("trigger_id")),
            response_url=_str(body.get("response_url")),
            text=_str(body.get("text")),
        )


def reopen(shown: Form, typed: Mapping[str, str]) -> b.Block:
    """A button that opens the form again with all that was typed."""
    limits = {ids.ICCID_BLOCK: b.FIELD_LIMIT, ids.IMEI_BLOCK: b.FIELD_LIMIT, ids.KEEP_BLOCK: 10}
    limits |= {ids.THINGS_GROUP_BLOCK: 120, ids.THINGS_GROUP_NAME: 75, ids.TAC_BLOCK: b.FIELD_LIMIT}
    limits[ids.REASON_BLOCK] = b.REASON_LIMIT
    kept = {key: _tame(typed[key])[:most] for key, most in limits.items() if typed.get(key)}
    where = {"channel": shown.channel, "message_ts": shown.message_ts, "thread_ts": shown.thread_ts}
    whole = {"kind": shown.kind.value, **{k: v for k, v in where.items() if v}, "typed": kept}
    return b.button("Open the form again", ids.REOPEN, json.dumps(whole, ensure_ascii=False))


def read_reopen(value: str, fallback_channel: str) -> Form:
    """The form that such a button carries: kind, where it was asked, what was typed. Raises `Unfit`."""
    try:
        kept = json.loads(value)
        return Form(
            Kind(kept["kind"]),
            _id(kept.get("channel")) or fallback_channel,
            nonce="",
            typed={str(key): str(text) for key, text in kept["typed"].items()},
            message_ts=_id(kept.get("message_ts")),
            thread_ts=_id(kept.get("thread_ts")),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Unfit("This button is broken. Type the command again.") from None


def _tame(text: str) -> str:
    """Without control characters: JSON would write each as six, and a button's value is limited."""
    return "".join(c for c in text if c >= " " or c == "\n")


def _part(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = body.get(key)
    return part if isinstance(part, dict) else {}


def _id(value: object) -> str:
    """An id or a ts of Slack's; "" for what is too long to be one, which nobody shall be asked about."""
    text = _str(value)
    return text if len(text) <= LONGEST_ID else ""


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""
