"""What a bot is that is the only one at its database: the counterpart of `app_replicas`."""

from __future__ import annotations

from collections.abc import Callable

from bot.dispatch.local import LocalDispatcher
from bot.services.inventory import InventoryReader
from bot.services.ports import Clock
from bot.services.replica_ports import Once
from bot.slack.api import SlackApi
from bot.slack.desk import Desk
from bot.slack.dispatch import Dispatch
from bot.slack.notifier import SlackNotifier
from bot.slack.once import OnceHere


class Alone:
    """Needs no leave of anybody, and hears of nobody."""

    name = ""
    fence: None = None
    settling = 0.0
    replays: Once | None = None

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.once: Once = OnceHere(clock)

    def dispatcher(self) -> LocalDispatcher:
        """Tasks in this process."""
        return LocalDispatcher(clock=self._clock)

    def telling(self, api: SlackApi) -> SlackApi:
        """What posts messages."""
        return api

    def dispatch(self, dispatch: Dispatch) -> Dispatch:
        """The transport itself knows what came twice."""
        return dispatch

    def forgetting(self, forget: Callable[[], None]) -> Callable[[], None]:
        """Roles have changed."""
        return forget

    def shared(self, notifier: SlackNotifier, reader: InventoryReader | None, desk: Desk) -> None:  # noqa: ARG002
        """Nothing is."""
        return
