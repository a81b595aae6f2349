"""What a person can do and see in Slack. Each act returns after the ack, or once Slack gave up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.sandbox.slack.answers import JSON
from bot.sandbox.slack.delivery import Courier, kind_of
from bot.sandbox.slack.elements import Slot
from bot.sandbox.slack.entities import with_ids
from bot.sandbox.slack.files import NamedBytes, attach, file_payload, put
from bot.sandbox.slack.filling import (
    CannotDo,
    NeedsConfirm,
    missing_fields,
    room_for_file,
    slot_in,
    state_for,
)
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.outcomes import Submission
from bot.sandbox.slack.payloads import Payloads, action_of
from bot.sandbox.slack.state import Delivery, State
from bot.sandbox.slack.views import View
from bot.sandbox.slack.workspace import TEAM_ID, Channel, User


class Person:
    """One person at their screen. What they can't see they can't press: `CannotDo` says why."""

    def __init__(self, state: State, courier: Courier, user_id: str, window: str | None = None) -> None:
        """`window` is the one they sit at; None: whichever it may be."""
        self._state = state
        self._courier = courier
        self._payloads = Payloads(state, window or "")
        self._window = window
        self.id = user_id

    @property
    def user(self) -> User:
        """Who they are; editable."""
        return self._state.workspace.users[self.id]

    @property
    def modals(self) -> list[View]:
        """Open modals, top last."""
        return self._state.views.seen_by(self.id, self._window)

    @property
    def modal(self) -> View | None:
        """The modal on top, None where none is open."""
        return self.modals[-1] if self.modals else None

    @property
    def home(self) -> View | None:
        """The bot's Home as published for them."""
        return self._state.views.homes.get(self.id)

    def messages(self, channel: str) -> list[Message]:
        """What they see in a channel: threads and their own ephemeral messages included, oldest first."""
        self._visible(channel)
        return self._state.messages.in_channel(channel, self.id)

    def thread(self, channel: str, ts: str) -> list[Message]:
        """A parent message and its replies as they see them."""
        self._visible(channel)
        return self._state.messages.thread(channel, ts, self.id)

    def say(
        self, channel: str, text: str, thread_ts: str | None = None, files: Iterable[NamedBytes] = ()
    ) -> Message:
        """Write a plain message, with files or without; the bot is not told."""
        self._member(channel)
        if self._state.listing.messages_tab_read_only and self._state.workspace.channels[channel].im_with:
            raise CannotDo("Sending messages to this app has been turned off.")
        handed_in = [put(self._state, self.id, *file) for file in files]
        message = self._state.messages.post(channel, self.id, text, thread_ts=thread_ts)
        attach(self._state, handed_in, message)
        self._state.touch()
        return message

    def join(self, channel: str) -> None:
        """Become a member of a channel that they see."""
        if self.id not in self._visible(channel).members:
            self._visible(channel).members.append(self.id)
            self._state.touch()

    def read(self, channel: str, ts: str, thread_ts: str = "") -> None:
        """Look at a channel, or at a thread in it, down to this message."""
        self._visible(channel)
        self._state.marks.read(self.id, channel, ts, thread_ts)
        self._state.touch()

    async def command(
        self, command: str, text: str = "", *, channel: str = "C0FIELD", thread_ts: str | None = None
    ) -> Delivery:
        """Type a slash command."""
        if thread_ts is not None:
            raise CannotDo(f"{command} is not supported in threads. Sorry!")
        offered = command in self._state.commands and "commands" in self._state.scopes
        if not offered or self.user.team_id != TEAM_ID:
            raise CannotDo(f"{command} is not a valid command.")
        self._member(channel)
        if self._state.listing.escapes(command):
            text = with_ids(self._state.workspace, text)
        return await self._send(self._payloads.command(self.id, command, text.strip(), channel))

    async def click(
        self, where: Message | View, action_id: str, block_id: str | None = None, *, confirm: bool = False
    ) -> Delivery:
        """Press a button. Raises `NeedsConfirm` where it asks "sure?" and `confirm` is not given."""
        slot = slot_in(self._blocks(where), block_id, action_id)
        if slot.element["type"] != "button":
            raise CannotDo(f"{action_id} is no button: choose a value")
        if "confirm" in slot.element and not confirm:
            raise NeedsConfirm(slot.element["confirm"])
        return await self._act(where, action_of(slot.block_id, slot.element))

    async def choose(
        self,
        where: Message | View,
        block_id: str,
        value: Any,
        action_id: str | None = None,
        *,
        confirm: bool = False,
    ) -> Delivery | None:
        """Pick an option (several: a list of values) in a select, radio buttons, check boxes or a date."""
        slot = slot_in(self._blocks(where), block_id, action_id)
        state = state_for(slot, value)
        if "confirm" in slot.element and not confirm:
            raise NeedsConfirm(slot.element["confirm"])
        return await self._changed(where, slot, state)

    async def type(self, view: View, block_id: str, text: str) -> Delivery | None:
        """Type into a field, replacing what stood there. Sent only where the field asks for every letter."""
        slot = slot_in(self._blocks(view), block_id)
        triggers = slot.element.get("dispatch_action_config", {}).get("trigger_actions_on", [])
        return await self._changed(view, slot, state_for(slot, text), tell="on_character_entered" in triggers)

    async def press_enter(self, view: View, block_id: str) -> Delivery | None:
        """Press Enter in a text field: sent where the input dispatches its actions."""
        slot = slot_in(self._blocks(view), block_id)
        return await self._changed(view, slot, view.values[slot.block_id][slot.action_id])

    async def upload(
        self, view: View, block_id: str, name: str, content: bytes, mimetype: str = ""
    ) -> list[JSON]:
        """Put a file into a file_input, beside the others or in the place of the only one; what is in it."""
        slot = slot_in(self._blocks(view), block_id)
        kept = room_for_file(slot, view.values[slot.block_id][slot.action_id]["files"], name)
        file = put(self._state, self.id, name, content, mimetype)
        files = [*kept, file_payload(self._state, file)]
        await self._changed(view, slot, state_for(slot, files))
        return files

    async def suggest(self, where: Message | View, block_id: str, typed: str) -> list[JSON]:
        """Type into an external_select: the options that the bot offers in time, else none."""
        return [o for group in await self.suggest_groups(where, block_id, typed) for o in group["options"]]

    async def suggest_groups(
        self, where: Message | View, block_id: str, typed: str, action_id: str | None = None
    ) -> list[JSON]:
        """The same with their labels; options that come in no group are a group without one."""
        slot = slot_in(self._blocks(where), block_id, action_id)
        payload = self._payloads.suggestion(self.id, where, slot.block_id, slot.action_id, typed)
        delivery = await self._send(payload)
        body = delivery.body if delivery.acked and isinstance(delivery.body, dict) else {}
        return [{"options": body.get("options", [])}, *body.get("option_groups", [])]

    async def submit(self, view: View, values: Mapping[str, Any] | None = None) -> Submission:
        """Fill the given fields (by block id) and press Submit; empty required fields are refused at once."""
        blocks = self._blocks(view)
        if not view.content.get("submit"):
            raise CannotDo("this form has no submit button")
        for block_id, value in (values or {}).items():
            slot = slot_in(blocks, block_id)
            view.values[slot.block_id][slot.action_id] = state_for(slot, value)
        errors = missing_fields(blocks, view.values)
        if errors:
            return Submission(errors=errors, action="errors")
        delivery = await self._send(self._payloads.submission(self.id, view))
        outcome: Submission = delivery.outcome
        return outcome

    async def close(self, view: View) -> Delivery | None:
        """Press Cancel or the cross; the bot hears it only where the view asks for it."""
        self._blocks(view)
        clears = bool(view.content.get("clear_on_close"))
        payload = self._payloads.closed(self.id, view, is_cleared=clears)
        if clears:
            self._state.views.clear(self.id, view.window)
        else:
            self._state.views.close(view)
        self._state.touch()
        return await self._send(payload) if view.content.get("notify_on_close") else None

    async def open_home(self, tab: str = "home") -> Delivery | None:
        """Open the app at its Home tab, or at its messages ("messages", or where it has no Home)."""
        if tab not in ("home", "messages"):
            raise CannotDo(f"an app has no tab {tab}")
        self._state.workspace.direct_message(self.id)
        if "app_home_opened" not in self._state.events:
            return None
        return await self._send(self._payloads.home_opened(self.id, tab))

    async def shortcut(self, callback_id: str) -> Delivery:
        """Use a global shortcut."""
        self._colleague()
        return await self._send(self._payloads.shortcut(self.id, callback_id))

    async def message_shortcut(self, message: Message, callback_id: str) -> Delivery:
        """Use a shortcut from a message's menu, in any channel that they see: the app need not be in it."""
        self._colleague()
        self._visible(message.channel)
        return await self._send(self._payloads.message_shortcut(self.id, message, callback_id))

    async def _changed(
        self, where: Message | View, slot: Slot, state: JSON, *, tell: bool = True
    ) -> Delivery | None:
        if isinstance(where, View):
            where.values[slot.block_id][slot.action_id] = state
            self._state.touch()
        if not (tell and slot.dispatches):
            return None
        return await self._act(where, action_of(slot.block_id, slot.element, state))

    async def _act(self, where: Message | View, action: JSON) -> Delivery:
        if isinstance(where, View):
            return await self._send(self._payloads.view_action(self.id, where, action))
        return await self._send(self._payloads.message_action(self.id, where, action))

    async def _send(self, payload: JSON) -> Delivery:
        if self.user.deleted or self.user.is_bot:
            raise CannotDo(f"{self.id} can't use this Slack")
        return await self._courier.deliver(payload, kind_of(payload))

    def _blocks(self, where: Message | View) -> list[JSON]:
        """The blocks, if this person has them before their eyes right now."""
        if isinstance(where, View):
            if where is not self.home and not self._state.views.is_on_top(where):
                raise CannotDo("this view is not on top of the screen (any more)")
            return where.blocks
        self._member(where.channel)
        if where.deleted or where.ephemeral_to not in (None, self.id):
            raise CannotDo("this message is not to be seen")
        return where.blocks

    def _colleague(self) -> None:
        """Apps offer their shortcuts to the people of their own workspace only."""
        if self.user.team_id != TEAM_ID:
            raise CannotDo("This shortcut belongs to another workspace.")

    def _visible(self, channel_id: str) -> Channel:
        channel = self._state.workspace.channels.get(channel_id)
        if channel is None or not self._state.workspace.visible_to(self.id, channel):
            raise CannotDo(f"{self.id} does not see {channel_id}")
        return channel

    def _member(self, channel_id: str) -> None:
        channel = self._visible(channel_id)
        if self.id not in channel.members:
            raise CannotDo(f"{self.id} is not in {channel_id}")
        if channel.is_archived:
            raise CannotDo(f"{channel_id} is archived")
