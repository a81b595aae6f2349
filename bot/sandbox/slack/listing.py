"""What the workspace lists of the app: its commands with their hints, its shortcuts, its tabs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command as the list under the composer shows it."""

    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False
    """Whether people, groups and channels that are named in its text come as ids."""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A shortcut; `type` is `global` (the ⚡ menu) or `message` (a message's own menu)."""

    callback_id: str
    name: str
    type: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """The app as its manifest registers it."""

    commands: tuple[Command, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    events: tuple[str, ...] = ()
    home_tab: bool = True
    messages_tab_read_only: bool = False
    scopes: frozenset[str] = frozenset()
    """What was granted; empty: whatever a local Slack grants by itself."""

    def escapes(self, command: str) -> bool:
        """Whether names in the text of this command come as ids."""
        return any(each.command == command and each.should_escape for each in self.commands)

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Listing:
        """What a parsed manifest says; absent parts are empty, tabs as Slack takes them by default."""
        features = manifest.get("features", {})
        home = features.get("app_home", {})
        subscriptions = manifest.get("settings", {}).get("event_subscriptions", {})
        return cls(
            commands_of(features.get("slash_commands", ())),
            tuple(
                Shortcut(each["callback_id"], each["name"], each["type"], each.get("description", ""))
                for each in features.get("shortcuts", ())
            ),
            tuple(subscriptions.get("bot_events", ())),
            bool(home.get("home_tab_enabled", False)),
            bool(home.get("messages_tab_read_only_enabled", False)),
            frozenset(manifest.get("oauth_config", {}).get("scopes", {}).get("bot", ())),
        )


def commands_of(entries: Iterable[str | Mapping[str, Any] | Command]) -> tuple[Command, ...]:
    """Commands, given as bare names, as a manifest's entries, or as they are."""
    return tuple(_command(entry) for entry in entries)


def _command(entry: str | Mapping[str, Any] | Command) -> Command:
    if isinstance(entry, Command):
        return entry
    if isinstance(entry, str):
        return Command(entry)
    return Command(
        entry["command"],
        entry.get("description", ""),
        entry.get("usage_hint", ""),
        bool(entry.get("should_escape", False)),
    )
