"""Who people are and which roles they hold, from Slack. Unreachable, empty or unknown means no."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cachetools import TTLCache

from bot.domain.errors import DirectoryUnavailable
from bot.domain.policy import Actor, Policy, Standing
from bot.domain.requests import Person
from bot.services.ports import Clock, Room
from bot.slack.api import SlackApi, SlackAway, SlackBusy, SlackError

log = logging.getLogger(__name__)

FRESH_SECONDS = 10.0
KEPT_SECONDS = 300.0
PATIENCE_SECONDS = 30.0
"""How long a 429 is waited for before the answer is no."""
NOBODY = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
NO_GROUP = frozenset({"no_such_subteam", "subteam_not_found", "subteam_disabled", "not_found"})
NO_CHANNEL = frozenset({"channel_not_found", "not_in_channel", "is_archived", "no_permission"})


@dataclass(frozen=True, slots=True)
class _Read:
    value: Any
    at: datetime


class _Shared:
    """Reads by key: cached, single-flight, and fresh on demand. cachetools' decorators know no coroutines."""

    def __init__(self, clock: Clock, kept: float) -> None:
        self._clock = clock
        self._cache: TTLCache[str, _Read] = TTLCache(
            maxsize=20_000, ttl=kept, timer=lambda: clock.now().timestamp()
        )
        self._flying: dict[str, asyncio.Task[Any]] = {}

    async def get(self, key: str, load: Callable[[], Awaitable[Any]], *, fresh: bool) -> Any:
        """The cached value if it is young enough, else one read shared by all who ask now."""
        read = self._cache.get(key)
        limit = FRESH_SECONDS if fresh else KEPT_SECONDS
        if read and (self._clock.now() - read.at).total_seconds() <= limit:
            return read.value
        task = self._flying.get(key)
        if task is None:
            task = asyncio.create_task(self._load(key, load))
            self._flying[key] = task
        return await asyncio.shield(task)

    async def _load(self, key: str, load: Callable[[], Awaitable[Any]]) -> Any:
        started = self._clock.now()
        try:
            value = await load()
            self._cache[key] = _Read(value, started)
            return value
        finally:
            self._flying.pop(key, None)

    def forget(self) -> None:
        """Drop all that is cached."""
        self._cache.clear()


class SlackDirectory:
    """The `Directory` port over users.info, usergroups.users.list and conversations.*."""

    def __init__(self, *, api: SlackApi, policy: Policy, clock: Clock) -> None:
        self._api = api
        self._policy = policy
        self._clock = clock
        self._people = _Shared(clock, KEPT_SECONDS)
        self._groups = _Shared(clock, KEPT_SECONDS)
        self._rooms = _Shared(clock, 60.0)
        self._present = _Shared(clock, 60.0)

    async def actor(self, person: Person, roles: Iterable[str], *, fresh: bool = False) -> Actor:
        """The person as Slack knows them now, by ids only."""
        found: tuple[str, Standing] = await self._people.get(
            person.user_id, lambda: self._person(person.user_id), fresh=fresh
        )
        team_id, standing = found
        if person.team_id != team_id:
            standing = Standing.FOREIGN
        asked = tuple(roles) if standing in {Standing.MEMBER, Standing.GUEST} else ()
        held, unsure = await self._roles(person.user_id, asked, fresh=fresh)
        named = bool(self._policy.roles_naming(person.user_id))
        return Actor(person.user_id, team_id, standing, held, unsure, named)

    async def holders(self, principal_ids: Iterable[str]) -> frozenset[str]:
        """Members of the user groups, and the people named themselves."""
        found: set[str] = set()
        for principal_id in principal_ids:
            if principal_id.startswith("S"):
                found |= await self._members(principal_id, fresh=False)
            else:
                found.add(principal_id)
        return frozenset(found)

    async def room(self, channel: str) -> Room:
        """The channel; one that the bot can't see is not postable."""
        room: Room = await self._rooms.get(channel, lambda: self._room(channel), fresh=True)
        return room

    async def present(self, channel: str) -> frozenset[str] | None:
        """User ids of who is in the channel; None where it can't be told."""
        try:
            present: frozenset[str] = await self._present.get(
                channel, lambda: self._people_in(channel), fresh=False
            )
        except (SlackError, DirectoryUnavailable):
            return None
        return present

    def forget(self) -> None:
        """A user group changed: read again."""
        self._groups.forget()
        self._people.forget()

    async def _roles(
        self, user_id: str, roles: tuple[str, ...], *, fresh: bool
    ) -> tuple[frozenset[str], frozenset[str]]:
        pairs = [(role, i) for role in roles for i in self._policy.roles.get(role, ())]
        answers = await asyncio.gather(*(self._is_in(user_id, i, fresh=fresh) for _, i in pairs))
        held = {role for (role, _), answer in zip(pairs, answers, strict=True) if answer}
        unsure = {role for (role, _), answer in zip(pairs, answers, strict=True) if answer is None}
        return frozenset(held), frozenset(unsure - held)

    async def _is_in(self, user_id: str, principal_id: str, *, fresh: bool) -> bool | None:
        """None where Slack would not tell."""
        if not principal_id.startswith("S"):
            return principal_id == user_id
        try:
            return user_id in await self._members(principal_id, fresh=fresh)
        except DirectoryUnavailable:
            return None

    async def _members(self, group_id: str, *, fresh: bool) -> frozenset[str]:
        members: frozenset[str] = await self._groups.get(group_id, lambda: self._group(group_id), fresh=fresh)
        return members

    async def _group(self, group_id: str) -> frozenset[str]:
        try:
            answer = await self._ask("usergroups.users.list", usergroup=group_id)
        except SlackError as error:
            if error.code in NO_GROUP:
                return frozenset()
            log.warning("Slack refuses to tell who is in user group %s: %s", group_id, error)
            raise DirectoryUnavailable(str(error)) from None
        users = answer.get("users")
        if not isinstance(users, list):
            raise DirectoryUnavailable(f"usergroups.users.list did not name the members of {group_id}")
        return frozenset(str(u) for u in users)

    async def _person(self, user_id: str) -> tuple[str, Standing]:
        if not user_id:  # a payload that names nobody: no question for Slack
            return "", Standing.FOREIGN
        try:
            answer = await self._ask("users.info", user=user_id)
        except SlackError as error:
            if error.code in NOBODY:
                return "", Standing.FOREIGN
            log.warning("Slack refuses to tell who %s is: %s", user_id, error)
            raise DirectoryUnavailable(str(error)) from None
        user = answer.get("user")
        if not isinstance(user, dict) or user.get("id") != user_id or not user.get("team_id"):
            raise DirectoryUnavailable(f"users.info did not say who {user_id} is")
        return str(user["team_id"]), self._standing(user)

    def _standing(self, user: dict[str, Any]) -> Standing:
        if user.get("deleted"):
            return Standing.DELETED
        if user.get("is_bot") or user.get("is_workflow_bot") or user.get("id") == "USLACKBOT":
            return Standing.BOT
        if user.get("is_stranger") or user.get("team_id") != self._policy.team:
            return Standing.FOREIGN
        if user.get("is_restricted") or user.get("is_ultra_restricted"):
            return Standing.GUEST
        return Standing.MEMBER

    async def _room(self, channel: str) -> Room:
        try:
            answer = await self._ask("conversations.info", channel=channel)
            found = answer.get("channel")
            if not isinstance(found, dict):
                raise DirectoryUnavailable(f"conversations.info did not describe {channel}")
            direct = bool(found.get("is_im"))
            # Slack says `is_member` of channels only; where it is not said, the post itself will tell.
            postable = direct or (bool(found.get("is_member", True)) and not found.get("is_archived"))
            external = bool(found.get("is_ext_shared") or found.get("is_pending_ext_shared"))
        except SlackError as error:
            if error.code in NO_CHANNEL:
                return Room(channel, postable=False, external=None)
            raise DirectoryUnavailable(str(error)) from None
        return Room(channel, postable, external)

    async def _people_in(self, channel: str) -> frozenset[str]:
        found: set[str] = set()
        cursor: str | None = None
        for _ in range(20):
            answer = await self._ask("conversations.members", channel=channel, limit=200, cursor=cursor)
            found |= {str(m) for m in answer.get("members", ())}
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return frozenset(found)

    async def _ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        """A read; waits for a 429 within patience, repeats one that got no answer once."""
        waited = 0.0
        for last in (False, False, True):
            try:
                return await self._api.call(method, get=True, **arguments)
            except SlackBusy as busy:
                waited += busy.retry_after
                if last or waited > PATIENCE_SECONDS:
                    raise DirectoryUnavailable(str(busy)) from None
                await self._clock.sleep(busy.retry_after)
            except SlackAway as away:
                if last:
                    raise DirectoryUnavailable(str(away)) from None
        raise DirectoryUnavailable(method)
