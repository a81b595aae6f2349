"""LocalSlack: the parts put together, and the knobs that tests turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aiohttp import web

from bot.sandbox.slack.answers import JSON
from bot.sandbox.slack.delivery import Courier, Tampering, kind_of
from bot.sandbox.slack.disturbance import Disturbance
from bot.sandbox.slack.faults import Fault
from bot.sandbox.slack.feed import Feed
from bot.sandbox.slack.listing import Listing, commands_of
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.paths import application
from bot.sandbox.slack.payloads import Payloads
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.seeds import seeded_workspace
from bot.sandbox.slack.sockets import SocketHub
from bot.sandbox.slack.state import ApiRequest, Delivery, State
from bot.sandbox.slack.workspace import BOT_ID, BOT_USER_ID, TEAM_ID, Workspace
from bot.services.ports import Clock

DEFAULT_COMMANDS = ("/lock-thing", "/unlock-thing", "/lock-group", "/unlock-group", "/lock-csv", "/imei")
DEFAULT_EVENTS = ("app_home_opened",)


class LocalSlack:
    """A Slack of one workspace on 127.0.0.1. All time in it is the given clock's."""

    bot_user_id = BOT_USER_ID
    bot_id = BOT_ID
    team_id = TEAM_ID

    def __init__(
        self,
        clock: Clock,
        workspace: Workspace | None = None,
        *,
        commands: Sequence[str] = DEFAULT_COMMANDS,
        events: Sequence[str] = DEFAULT_EVENTS,
        listing: Listing | None = None,
        routes: Iterable[web.RouteDef] = (),
    ) -> None:
        """`listing` is the app as a manifest registers it, instead of bare `commands` and `events`.

        `routes` are more paths of the same page, behind the same guard.
        """
        self.workspace = workspace or seeded_workspace()
        listing = listing or Listing(commands_of(commands), events=tuple(events))
        self._state = State(clock, self.workspace, listing)
        self._more_routes = list(routes)
        self._hub = SocketHub(self._state)
        self._courier = Courier(self._state, self._hub)
        self._runner: web.AppRunner | None = None
        self.payloads = Payloads(self._state)
        """Builders of everything that Slack sends, for tests that forge."""

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; the system picks a port where none is given."""
        self._runner = web.AppRunner(
            application(self._state, self._hub, self.person, self._more_routes),
            handler_cancellation=True,
            access_log=None,
            shutdown_timeout=0.5,
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self._state.root_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """End all connections and background work."""
        self._state.closing.set()
        self._state.feed.close()
        await self._courier.close()
        await self._hub.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """http://127.0.0.1:PORT"""
        return self._state.root_url

    @property
    def api_url(self) -> str:
        """The base address for a Web API client, with its final slash."""
        return f"{self._state.root_url}/api/"

    @property
    def bot_token(self) -> str:
        """xoxb-…, made up anew for every LocalSlack."""
        return self._state.bot_token

    @property
    def app_token(self) -> str:
        """xapp-…, for apps.connections.open."""
        return self._state.app_token

    @property
    def signing_secret(self) -> str:
        """What HTTP deliveries are signed with."""
        return self._state.signing_secret

    @property
    def feed(self) -> Feed:
        """What tells open pages that something has changed; `announce` a kind of your own there."""
        return self._state.feed

    def add_routes(self, routes: Iterable[web.RouteDef]) -> None:
        """More paths of the same page, before `start`; they pass the same guard."""
        self._more_routes += routes

    @property
    def scopes(self) -> set[str]:
        """Granted scopes; remove one and methods that need it say `missing_scope`."""
        return self._state.scopes

    @property
    def requests(self) -> list[ApiRequest]:
        """Every Web API call and response_url use, in order."""
        return self._state.requests

    @property
    def deliveries(self) -> list[Delivery]:
        """Every payload sent to the bot, in order."""
        return self._state.deliveries

    @property
    def in_flight(self) -> int:
        """Web API calls and un-acked payloads being handled right now.

        Zero is no proof that the bot is done: between two calls it may still be thinking.
        """
        return self._state.calls_in_flight + self._state.unacked

    @property
    def unacked(self) -> int:
        """Payloads that the bot has not acked yet."""
        return self._state.unacked

    async def wait(self) -> None:
        """Return once nothing is in flight."""
        await self._state.quiet()

    async def until(self, condition: Callable[[], object]) -> None:
        """Return once the condition holds; it is looked at after every call and every ack. No sleeps."""
        await self._state.until(condition)

    def person(self, user_id: str, window: str | None = None) -> Person:
        """Someone who acts and looks; in one window, where it is given."""
        return Person(self._state, self._courier, self.workspace.users[user_id].id, window)

    def messages(self, channel: str) -> list[Message]:
        """What stands in a channel for all to see, threads included, oldest first."""
        return self._state.messages.in_channel(channel)

    def ephemerals(self, user_id: str) -> list[Message]:
        """What only this person sees, in any channel."""
        return [
            message
            for channel in self.workspace.channels
            for message in self._state.messages.in_channel(channel, user_id)
            if message.ephemeral_to == user_id
        ]

    def calls(self, method: str) -> list[ApiRequest]:
        """The calls of one method."""
        return [call for call in self.requests if call.method == method]

    def deliver_http(self, url: str | None) -> None:
        """Deliver by signed HTTP POST to this address from now on; None: by Socket Mode."""
        self._courier.http_url = url

    async def deliver(
        self,
        payload: JSON,
        *,
        kind: str | None = None,
        delay: float = 0,
        duplicate: bool = False,
        bad_signature: bool = False,
        stale: bool = False,
        retry: bool = True,
    ) -> Delivery:
        """Send any payload, however hostile; its ack takes effect as usual."""
        return await self._courier.deliver(
            payload,
            kind or kind_of(payload),
            delay=delay,
            duplicate=duplicate,
            tampering=Tampering(bad_signature, stale),
            retry=retry,
        )

    def sign(self, body: bytes) -> dict[str, str]:
        """Timestamp and signature headers for raw bytes, by the clock."""
        return self._courier.signature_headers(body)

    async def set_group(self, group_id: str, users: Iterable[str]) -> None:
        """Change who is in a user group; the bot is told where it subscribed to that."""
        group, new = self.workspace.groups[group_id], list(users)
        added = [user for user in new if user not in group.users]
        removed = [user for user in group.users if user not in new]
        group.users[:] = new
        if "subteam_members_changed" in self._state.events:
            await self.deliver(self.payloads.members_changed(group_id, added, removed))
        if "subteam_updated" in self._state.events:
            await self.deliver(self.payloads.group_updated(group_id))

    def fail(
        self,
        method: str,
        *,
        error: str | None = None,
        status: int | None = None,
        timeout: bool = False,
        reset: bool = False,
        times: int = 1,
        after_applying: bool = False,
    ) -> None:
        """Let the next `times` calls of a method ("*": any, "response_url") fail in one of these ways."""
        self._state.faults.plan(Fault(method, error, status, timeout, reset, times, after_applying))

    def fail_at_rate(self, method: str, rate: float, *, seed: int, **how: Any) -> None:
        """That share of the calls of a method fails, by seeded chance, until `stop_failing`; as `fail`.

        Also `retry_after`: answer 429.
        """
        self._state.faults.seed(seed)
        self._state.faults.plan(Fault(method, rate=rate, **how))

    def disturb(self, disturbance: Disturbance | None) -> None:
        """Payloads arrive twice, late and out of order from now on; None: once, and as they were sent."""
        self._courier.disturbance = disturbance

    def hide_scopes(self) -> None:
        """Answers no longer carry X-OAuth-Scopes, as behind a proxy that drops it."""
        self._state.tells_scopes = False

    def stop_failing(self) -> None:
        """Forget the failures that are still planned."""
        self._state.faults.clear()

    def rate_limit(self, method: str, retry_after: int, times: int = 1) -> None:
        """Answer 429 to the next `times` calls of a method."""
        self._state.limits.script(method, retry_after, times)

    async def connected(self, count: int = 1) -> None:
        """Wait until that many sockets are open."""
        await self._hub.connected(count)

    @property
    def sockets(self) -> int:
        """Open Socket Mode connections."""
        return len(self._hub.sockets)

    @property
    def sent(self) -> list[tuple[str, int]]:
        """What each envelope was, and the number of the connection that it went to."""
        return self._hub.sent

    async def disconnect_sockets(self, reason: str = "warning") -> None:
        """Announce the end of every connection: `warning`, `refresh_requested` or `link_disabled`."""
        await self._hub.disconnect(reason)

    def drop_sockets(self) -> int:
        """Break every connection without notice."""
        return self._hub.drop()

    def stall_sockets(self) -> int:
        """Leave every connection open and silent: no payloads, no pongs."""
        return self._hub.stall()

    async def ping_sockets(self) -> None:
        """Send a ping frame on every connection."""
        await self._hub.ping()
