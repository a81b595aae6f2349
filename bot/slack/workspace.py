"""What `check` asks Slack about the policy: its channels, and who stands behind its ids.

Nothing is posted or changed. Only documented fields are used; what a server leaves out is "not told".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

from bot.services.checked import Checked, failed, not_checked, ok, remark
from bot.services.ports import Clock
from bot.slack.api import TIMEOUT, SlackApi, SlackAway, SlackBusy, SlackError
from bot.slack.inspection import AWAY, REINSTALL, WAIT

_PATIENCE = 30.0
_MOST_PEOPLE = 60
"""Looked at one by one in user groups: Slack allows about a hundred such calls a minute."""
_NOBODY = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
_INVITE = "In that channel, type: /invite @IMEI Lock"
_PAID = "User groups need a paid plan; without one, name people (U…) in the policy."


class Workspace:
    """Reads what the policy's ids stand for. Use as `async with`; every answer is read once."""

    def __init__(self, *, token: str, base_url: str, team: str, clock: Clock) -> None:
        self._token, self._base_url, self._team, self._clock = token, base_url, team, clock
        self._groups: dict[str, dict[str, Any]] | SlackError | None = None
        self._people: dict[str, Mapping[str, Any]] = {}
        self._asked_for: set[str] = set()
        self.guests: set[str] = set()
        """Those whom the policy names one by one: they may ask, and never approve."""

    async def __aenter__(self) -> Workspace:
        self._session = aiohttp.ClientSession(timeout=TIMEOUT)
        self._api = SlackApi(token=self._token, base_url=self._base_url, session=self._session)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def channel(self, name: str, channel: str) -> Checked:
        """Whether the bot can post there."""
        try:
            answer = await self._ask("conversations.info", channel=channel)
        except SlackError as error:
            hidden = error.code in {"channel_not_found", "not_in_channel"}
            fix = f"Check the id. A private channel is seen only by members. {_INVITE}"
            return failed(name, f"{channel}: {error.code}", fix if hidden else _advice(error))
        found = _object(answer, "channel")
        if found.get("is_archived"):
            return failed(
                name, f"{channel} is archived", "Name another channel in the policy, or unarchive it."
            )
        if found.get("is_ext_shared") or found.get("is_pending_ext_shared"):
            fix = "Name a channel of your own: nothing is said where another company reads."
            return failed(name, f"{channel} is shared with another company", fix)
        if "is_member" not in found:
            return not_checked(name, f"Slack's answer did not tell whether the bot is in {channel}")
        return (
            ok(name, f"the bot is in {channel}")
            if found["is_member"]
            else failed(name, f"the bot is not in {channel}", _INVITE)
        )

    async def principal(self, name: str, principal_id: str) -> tuple[Checked, frozenset[str] | None]:
        """What is behind an S… or U… id, and which people that is; None where it can't be told."""
        try:
            if principal_id.startswith("S"):
                return await self._user_group(name, principal_id)
            return await self._person(name, principal_id)
        except SlackError as error:
            return failed(name, f"Slack would not tell: {error.code}", _advice(error)), None

    async def _user_group(self, name: str, group_id: str) -> tuple[Checked, frozenset[str] | None]:
        group = (await self._all_groups()).get(group_id)
        nobody: frozenset[str] = frozenset()
        if group is None:
            fix = f"Copy the id from the user group's menu into the policy. {_PAID}"
            return failed(name, "no such user group in this workspace", fix), nobody
        if group.get("date_delete"):
            return failed(name, "the user group is disabled", "Enable it in Slack, or name another."), nobody
        users = group.get("users")
        if not isinstance(users, list):
            return not_checked(name, "Slack's answer did not tell who is in it"), None
        if not users:
            return failed(name, "nobody is in the user group", "Add people to it in Slack."), nobody
        return await self._members(name, [str(user) for user in users])

    async def _members(self, name: str, users: list[str]) -> tuple[Checked, frozenset[str]]:
        """Membership gives nothing to guests, bots and those who have left."""
        held = frozenset([user_id for user_id in users if await self._counts(user_id)])
        if not held:
            fix = "Add members of this workspace to it in Slack."
            return failed(name, "only guests, bots or deactivated accounts are in the user group", fix), held
        if len(held) < len(users):
            beside = "the others are guests, bots or deactivated"
            return ok(name, f"a user group of {len(users)}; {len(held)} count, {beside}"), held
        unseen = sum(user_id not in self._asked_for for user_id in users)
        rest = f"; {unseen} of them were not looked at" if unseen else ""
        return ok(name, f"a user group of {len(users)}{rest}"), held

    async def _counts(self, user_id: str) -> bool:
        """Whether a member holds a role by it; beyond `_MOST_PEOPLE` that is taken for granted."""
        if user_id not in self._asked_for and len(self._asked_for) >= _MOST_PEOPLE:
            return True
        try:
            user = await self._user(user_id)
        except SlackError as error:
            if error.code in _NOBODY:
                return False
            raise
        return not (user is not None and (self._unfit(user) or _is_guest(user)))

    async def _user(self, user_id: str) -> Mapping[str, Any] | None:
        """The user object; None where Slack's answer holds none."""
        self._asked_for.add(user_id)
        if user_id not in self._people:
            self._people[user_id] = _object(await self._ask("users.info", user=user_id), "user")
        return self._people[user_id] or None

    async def _person(self, name: str, user_id: str) -> tuple[Checked, frozenset[str] | None]:
        nobody: frozenset[str] = frozenset()
        try:
            user = await self._user(user_id)
        except SlackError as error:
            if error.code not in _NOBODY:
                raise
            fix = "Copy the member ID from the person's profile into the policy."
            return failed(name, "no such person in this workspace", fix), nobody
        if user is None:
            return not_checked(name, "Slack's answer did not tell who that is"), None
        if problem := self._unfit(user):
            return failed(name, problem, "Name somebody else in the policy."), nobody
        if not self._team:
            return not_checked(name, "Slack's answer did not tell the token's team"), None
        if _is_guest(user):
            self.guests.add(user_id)
            return remark(name, "a guest: may ask, and never approves"), frozenset({user_id})
        return ok(name, "an active member"), frozenset({user_id})

    def _unfit(self, user: Mapping[str, Any]) -> str:
        if user.get("deleted"):
            return "the account is deactivated"
        if user.get("is_bot") or user.get("is_workflow_bot"):
            return "a bot, and bots hold no role"
        if user.get("is_stranger") or (self._team and user.get("team_id", self._team) != self._team):
            return "somebody of another company"
        return ""

    async def _all_groups(self) -> dict[str, dict[str, Any]]:
        """All user groups with their people, in one call: user groups may be read twenty times a minute."""
        if self._groups is None:
            try:
                answer = await self._ask("usergroups.list", include_users=True, include_disabled=True)
                listed = answer.get("usergroups")
                rows = listed if isinstance(listed, list) else []
                self._groups = {str(one.get("id")): one for one in rows if isinstance(one, dict)}
            except SlackError as error:
                self._groups = error
        if isinstance(self._groups, SlackError):
            raise self._groups
        return self._groups

    async def _ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        """A read; a 429 is waited for once."""
        try:
            return await self._api.call(method, get=True, **arguments)
        except SlackBusy as busy:
            if busy.retry_after > _PATIENCE:
                raise
            await self._clock.sleep(busy.retry_after)
        return await self._api.call(method, get=True, **arguments)


def _is_guest(user: Mapping[str, Any]) -> bool:
    return bool(user.get("is_restricted") or user.get("is_ultra_restricted"))


def _object(answer: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = answer.get(key)
    return found if isinstance(found, dict) else {}


def _advice(error: SlackError) -> str:
    if error.code == "missing_scope":
        return REINSTALL
    if isinstance(error, SlackBusy):
        return WAIT
    if isinstance(error, SlackAway):
        return AWAY
    if error.code in {"paid_teams_only", "plan_upgrade_required"}:
        return _PAID
    return "Try again; if it stays so, look the word up in Slack's documentation."
