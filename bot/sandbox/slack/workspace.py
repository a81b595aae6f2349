"""Who and what there is: people, user groups, channels. Edit it freely while Slack runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.sandbox.slack.answers import JSON

TEAM_ID = "T0TEAM"
TEAM_DOMAIN = "field-team"
TEAM_NAME = "Field Team"
APP_ID = "A0IMEILOCK"
BOT_ID = "B0BOT"
BOT_USER_ID = "U0BOT"


@dataclass(slots=True)
class User:
    """A person or a bot, as `users.info` tells it."""

    id: str
    name: str
    real_name: str
    tz: str = "Europe/Berlin"
    tz_label: str = "Central European Time"
    tz_offset: int = 3600
    team_id: str = TEAM_ID
    is_bot: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    deleted: bool = False

    def payload(self) -> JSON:
        """The user object of the Web API."""
        profile = {
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.name,
            "display_name_normalized": self.name,
            "team": self.team_id,
        }
        shape: JSON = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "real_name": self.real_name,
            "tz": self.tz,
            "tz_label": self.tz_label,
            "tz_offset": self.tz_offset,
            "profile": profile,
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 1760000000,
            "is_email_confirmed": not self.is_bot,
        }
        if self.team_id != TEAM_ID:
            shape["is_stranger"] = self.is_stranger
        return shape


@dataclass(slots=True)
class UserGroup:
    """A user group (`S…`); `users` is edited in place or through `LocalSlack.set_group`."""

    id: str
    handle: str
    name: str
    users: list[str]
    enabled: bool = True

    def payload(self, *, with_users: bool) -> JSON:
        """The usergroup object of the Web API."""
        shape: JSON = {
            "id": self.id,
            "team_id": TEAM_ID,
            "is_usergroup": True,
            "is_subteam": True,
            "name": self.name,
            "description": "",
            "handle": self.handle,
            "is_external": False,
            "date_create": 1760000000,
            "date_update": 1760000000,
            "date_delete": 0 if self.enabled else 1760000001,
            "auto_type": None,
            "created_by": "U0ADMIN",
            "user_count": len(self.users),
            "prefs": {"channels": [], "groups": []},
        }
        if with_users:
            shape["users"] = list(self.users)
        return shape


@dataclass(slots=True)
class Channel:
    """A channel, or a direct message with the bot (`im_with` names the person)."""

    id: str
    name: str
    members: list[str]
    is_private: bool = False
    is_ext_shared: bool = False
    is_archived: bool = False
    im_with: str | None = None

    def payload(self, viewer: str) -> JSON:
        """The conversation object, as `viewer` gets it."""
        shape: JSON = {
            "id": self.id,
            "created": 1760000000,
            "is_archived": self.is_archived,
            "is_im": self.im_with is not None,
            "is_org_shared": False,
            "context_team_id": TEAM_ID,
            "updated": 1760000000000,
        }
        if self.im_with is not None:
            return shape | {"user": self.im_with, "is_user_deleted": False, "is_open": True}
        return shape | {
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_general": False,
            "is_member": viewer in self.members,
            "is_shared": self.is_ext_shared,
            "is_ext_shared": self.is_ext_shared,
            "is_pending_ext_shared": False,
            "creator": "U0ADMIN",
            "shared_team_ids": [TEAM_ID, "T0OTHER"] if self.is_ext_shared else [TEAM_ID],
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }

    def label(self) -> str:
        """The name as payloads give it: direct messages and private channels hide theirs."""
        if self.im_with is not None:
            return "directmessage"
        return "privategroup" if self.is_private else self.name


@dataclass(slots=True)
class Workspace:
    """Everything that is not a message or a view."""

    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, UserGroup] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)

    def direct_message(self, user_id: str) -> Channel:
        """The conversation between the bot and this person, made at its first use."""
        for channel in self.channels.values():
            if channel.im_with == user_id:
                return channel
        channel = Channel("D" + user_id[1:], "", [user_id, BOT_USER_ID], im_with=user_id)
        self.channels[channel.id] = channel
        return channel

    def visible_to(self, user_id: str, channel: Channel) -> bool:
        """Members see their channels; whole members of the team see its public ones too."""
        if user_id in channel.members:
            return True
        user = self.users[user_id]
        inside = user.team_id == TEAM_ID and not (user.is_restricted or user.is_ultra_restricted)
        return inside and not channel.is_private and channel.im_with is None


def unix(moment: datetime) -> int:
    """Whole seconds since 1970."""
    return int(moment.timestamp())
