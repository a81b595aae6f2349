"""The payloads that Slack sends, field for field. Pure builders over the state; sending is `delivery`'s."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.answers import JSON
from bot.sandbox.slack.elements import STATE_KEYS, initial_state, random_id, slots
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.state import State
from bot.sandbox.slack.views import View
from bot.sandbox.slack.workspace import APP_ID, BOT_USER_ID, TEAM_DOMAIN, TEAM_ID, unix


class Payloads:
    """Builds what Slack would send for an act of a person. Each call mints fresh trigger ids and urls.

    What a trigger opens appears in `window` alone; "" is every window of the person.
    """

    def __init__(self, state: State, window: str = "") -> None:
        self._state = state
        self._window = window

    def command(self, user_id: str, command: str, text: str = "", channel: str = "C0FIELD") -> JSON:
        """A slash command: all values are strings."""
        place = self._state.workspace.channels[channel]
        return {
            "token": self._state.verification_token,
            "team_id": TEAM_ID,
            "team_domain": TEAM_DOMAIN,
            "channel_id": channel,
            "channel_name": place.label(),
            "user_id": user_id,
            "user_name": self._state.workspace.users[user_id].name,
            "command": command,
            "text": text,
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "response_url": self._url("commands", self._state.tickets.response_url(user_id, channel)),
            "trigger_id": self._trigger(user_id),
        }

    def message_action(self, user_id: str, message: Message, action: JSON) -> JSON:
        """block_actions from a message."""
        ephemeral = message.ephemeral_to is not None
        key = self._state.tickets.response_url(
            user_id,
            message.channel,
            message_ts=message.ts,
            is_ephemeral=ephemeral,
            thread_ts=message.thread_ts,
        )
        payload = self._interaction("block_actions", user_id) | {
            "container": _container(message),
            "trigger_id": self._trigger(user_id),
            "channel": self._channel(message.channel),
            "state": {"values": _message_state(message, action)},
            "response_url": self._url("actions", key),
            "actions": [self._timed(action)],
        }
        if not ephemeral:
            payload["message"] = self._shown(message)
        return payload

    def view_action(self, user_id: str, view: View, action: JSON) -> JSON:
        """block_actions from a modal or a Home."""
        return self._interaction("block_actions", user_id) | {
            "container": {"type": "view", "view_id": view.id},
            "trigger_id": self._trigger(user_id, in_modal=view.content["type"] == "modal"),
            "view": view.payload(),
            "actions": [self._timed(action)],
        }

    def suggestion(
        self, user_id: str, where: Message | View, block_id: str, action_id: str, value: str
    ) -> JSON:
        """block_suggestion: what was typed into an external_select of a view or a message."""
        asked = {"action_id": action_id, "block_id": block_id, "value": value}
        shape = self._interaction("block_suggestion", user_id) | asked
        if isinstance(where, View):
            return shape | {"container": {"type": "view", "view_id": where.id}, "view": where.payload()}
        told = {} if where.ephemeral_to else {"message": self._shown(where)}
        return shape | {"container": _container(where), "channel": self._channel(where.channel)} | told

    def submission(self, user_id: str, view: View) -> JSON:
        """view_submission, with the values as they stand."""
        return self._interaction("view_submission", user_id) | {
            "trigger_id": self._trigger(user_id, in_modal=True),
            "view": view.payload(),
            "response_urls": [],
        }

    def closed(self, user_id: str, view: View, *, is_cleared: bool = False) -> JSON:
        """view_closed. It carries no trigger_id."""
        shape = view.payload()
        shape["state"] = {"values": {}}
        return self._interaction("view_closed", user_id) | {"view": shape, "is_cleared": is_cleared}

    def shortcut(self, user_id: str, callback_id: str) -> JSON:
        """A global shortcut: the one payload whose user has no `name`."""
        shape = self._shortcut("shortcut", user_id)
        del shape["user"]["name"]
        return shape | {
            "action_ts": self._state.next_ts(),
            "callback_id": callback_id,
            "trigger_id": self._trigger(user_id),
        }

    def message_shortcut(self, user_id: str, message: Message, callback_id: str) -> JSON:
        """A shortcut in a message's menu."""
        key = self._state.tickets.response_url(user_id, message.channel, message_ts=message.ts)
        return self._shortcut("message_action", user_id) | {
            "action_ts": self._state.next_ts(),
            "callback_id": callback_id,
            "trigger_id": self._trigger(user_id),
            "channel": self._channel(message.channel),
            "message_ts": message.ts,
            "message": message.payload(),
            "response_url": self._url("app", key),
        }

    def event(self, event: JSON) -> JSON:
        """The wrapper around an event of the Events API."""
        return {
            "token": self._state.verification_token,
            "team_id": TEAM_ID,
            "context_team_id": TEAM_ID,
            "context_enterprise_id": None,
            "api_app_id": APP_ID,
            "event": event,
            "type": "event_callback",
            "event_id": self._state.new_id("Ev"),
            "event_time": unix(self._state.clock.now()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": TEAM_ID,
                    "user_id": BOT_USER_ID,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": f"4-{random_id(60)}",
        }

    def home_opened(self, user_id: str, tab: str = "home") -> JSON:
        """app_home_opened, at a tab that the app has; carries the Home where there is one."""
        event: JSON = {
            "type": "app_home_opened",
            "user": user_id,
            "channel": self._state.workspace.direct_message(user_id).id,
            "tab": tab if self._state.listing.home_tab else "messages",
            "event_ts": self._state.next_ts(),
        }
        home = self._state.views.homes.get(user_id)
        if home is not None:
            event["view"] = home.payload()
        return self.event(event)

    def members_changed(self, group_id: str, added: list[str], removed: list[str]) -> JSON:
        """subteam_members_changed."""
        now = unix(self._state.clock.now())
        return self.event(
            {
                "type": "subteam_members_changed",
                "subteam_id": group_id,
                "team_id": TEAM_ID,
                "date_previous_update": now,
                "date_update": now,
                "added_users": added,
                "added_users_count": len(added),
                "removed_users": removed,
                "removed_users_count": len(removed),
                "event_ts": self._state.next_ts(),
            }
        )

    def group_updated(self, group_id: str) -> JSON:
        """subteam_updated."""
        group = self._state.workspace.groups[group_id]
        subteam = group.payload(with_users=True)
        return self.event({"type": "subteam_updated", "subteam": subteam, "event_ts": self._state.next_ts()})

    def _interaction(self, kind: str, user_id: str) -> JSON:
        user = self._state.workspace.users[user_id]
        domain = TEAM_DOMAIN if user.team_id == TEAM_ID else "partner"
        return {
            "type": kind,
            "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
            "api_app_id": APP_ID,
            "token": self._state.verification_token,
            "team": {"id": user.team_id, "domain": domain},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _shortcut(self, kind: str, user_id: str) -> JSON:
        """Shortcuts don't say which app they are for."""
        shape = self._interaction(kind, user_id)
        del shape["api_app_id"]
        return shape

    def _trigger(self, user_id: str, *, in_modal: bool = False) -> str:
        return self._state.tickets.trigger(user_id, in_modal=in_modal, window=self._window)

    def _shown(self, message: Message) -> JSON:
        return message.payload() | self._state.messages.thread_summary(message)

    def _channel(self, channel_id: str) -> JSON:
        return {"id": channel_id, "name": self._state.workspace.channels[channel_id].label()}

    def _timed(self, action: JSON) -> JSON:
        return action | {"action_ts": self._state.next_ts()}

    def _url(self, kind: str, key: str) -> str:
        return f"{self._state.root_url}/hooks/{kind}/{TEAM_ID}/{key}"


def action_of(block_id: str, element: JSON, state: JSON | None = None) -> JSON:
    """The entry in `actions` for a button that was pressed, or an input that has this state now."""
    action: dict[str, Any] = {
        "action_id": element["action_id"],
        "block_id": block_id,
        "type": element["type"],
    }
    for key in ("text", "value", "style", "placeholder", "confirm"):
        if key in element and (key != "text" or element["type"] == "button"):
            action[key] = element[key]
    return action | (state or {})


def _container(message: Message) -> JSON:
    """Where in the workspace a message stands."""
    shape: JSON = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.ephemeral_to is not None,
    }
    return shape | ({"thread_ts": message.thread_ts} if message.thread_ts else {})


def _message_state(message: Message, action: JSON) -> JSON:
    values: JSON = {}
    for slot in slots(message.blocks):
        kind = slot.element["type"]
        if kind not in STATE_KEYS or kind == "overflow":
            continue
        state = initial_state(slot.element)
        key = STATE_KEYS[kind]
        if (slot.block_id, slot.action_id) == (action["block_id"], action["action_id"]):
            state = {"type": kind, key: action.get(key)}
        values.setdefault(slot.block_id, {})[slot.action_id] = state
    return values
