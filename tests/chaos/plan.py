"""What is to happen in a round: a pure function of its seed, and printed as a whole where a round fails."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

THINGS = ("fresh", "locked_elsewhere", "locked", "online", "cleared", "in_locked_group", "shared_imei")
"""Of the local Monogoto's examples: those that a lock changes."""
LOCKED = ("locked", "locked_elsewhere")
"""And those that an unlock does."""
GROUPS = ("open_group", "locked_group", "never_locked_group")
KINDS = ("lock_thing", "lock_thing", "unlock_keep", "unlock_clear", "lock_group", "unlock_group", "bulk")
FATES = ("approve", "approve", "approve", "double", "together", "deny", "cancel", "leave", "race")
READS = (("GET", "/thing/"), ("GET", "/thingsgroup/"), ("GET", "/things"), ("POST", "/Auth"))
WRITES = (("PUT", "/thing/update"), ("PUT", "/thingsgroup/"))

VENDOR_ON_READS = ("latency", "drop_before", "rate_limited", "unauthorized", "error_json", "error_html",
                   "truncated_json", "html_200", "redirect", "too_long", "wrong_thing", "hang",
                   "error_after", "drop_after")  # fmt: skip
VENDOR_ON_WRITES = ("latency", "drop_before", "drop_after", "rate_limited", "unauthorized", "refused",
                    "error_json", "error_html", "error_after", "truncated_json", "html_200", "redirect",
                    "does_not_stick", "seen_late", "lands_late", "cas_moves_first", "hang", "hang_after",
                    "wrong_thing", "too_long", "changes_too", "edited_first", "edited_after")  # fmt: skip
VENDOR_SECONDS = (0.5, 2.0, 5.0, 12.0, 40.0, 90.0)
SETTINGS: dict[str, tuple[Any, ...]] = {
    "unknown_id": ("404_text", "404_json", "200_null", "200_empty", "400", "500"),
    "stale_cas": ("409", "412", "400", "500", "200"),
    "group_put": ("replace", "merge", "replace_all"),
    "rows_with_group": (True, True, False),
    "rows_with_lock": (True, False),
    "token_lifetime": (4 * 3600.0, 60.0),
    "active_sessions": ("list", "object"),
    "validates_imei": (False, True),
}
SLACK_WAYS: tuple[dict[str, Any], ...] = (
    {"status": 500},
    {"status": 503},
    {"timeout": True},
    {"timeout": True, "after_applying": True},
    {"reset": True},
    {"reset": True, "after_applying": True},
    {"status": 502, "after_applying": True},
    {"retry_after": 1},
    {"retry_after": 20},
    {"error": "internal_error"},
    {"error": "ratelimited"},
    {"error": "fatal_error"},
)
SLACK_METHODS = ("*", "chat.postMessage", "chat.update", "views.open", "views.update", "users.info",
                 "usergroups.users.list", "conversations.info", "conversations.history",
                 "conversations.replies", "auth.test", "apps.connections.open", "response_url")  # fmt: skip
TROUBLES = ("kill", "kill", "kill", "sigterm", "database_locked", "database_broken", "disk_full",
            "audit_refused", "clock_ahead", "clock_back", "leap", "drop_sockets", "stall_sockets",
            "disconnect", "expire_tokens", "data_session", "edit_lock", "vendor_down", "slack_down",
            "role_lost")  # fmt: skip
LATE_HOURS = (0.4, 1.5, 3.0)


@dataclass(frozen=True, slots=True)
class Story:
    """One request, and what people do about it. `target`: an example's name; of a bulk, several."""

    number: int
    kind: str
    targets: tuple[str, ...]
    fate: str
    requester: str
    begins: float
    undo: bool

    @property
    def reason(self) -> str:
        """What it is told apart by."""
        return f"Story {self.number}"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens at the n-th effect of the round's bots, and for how long."""

    at: int
    what: str
    seconds: float = 0.0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Rate:
    """A vendor's fault by rate."""

    method: str
    path: str
    kind: str
    rate: float
    seconds: float


@dataclass(frozen=True, slots=True)
class SlackRate:
    """A fault of Slack's by rate."""

    method: str
    how: tuple[tuple[str, Any], ...]
    rate: float


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a round."""

    seed: int
    transport: str
    replicas: int
    settings: tuple[tuple[str, Any], ...]
    stories: tuple[Story, ...]
    troubles: tuple[Trouble, ...]
    vendor: tuple[Rate, ...]
    slack: tuple[SlackRate, ...]
    late: float
    twice: float
    sessions: bool
    grain: float = 0.0
    """Of the clock: see `VirtualLoop`."""
    kill_after_put: int = 0
    """Kill whoever does anything next once the vendor has taken that many writes; 0: nobody."""
    off: float = 2.0
    """Seconds, about, that a process is gone before the next one is started."""

    def __str__(self) -> str:
        lines = [f"seed {self.seed}: {self.transport}, {self.replicas} replica(s), {dict(self.settings)}"]
        lines.append(f"  payloads late {self.late}, twice {self.twice}; sessions {self.sessions}")
        lines.append(f"  grain {self.grain}, off {self.off} s; killed after write {self.kill_after_put}")
        lines += [f"  {each}" for each in (*self.stories, *self.troubles, *self.vendor, *self.slack)]
        return "\n".join(lines)


def plan_of(seed: int, replicas: int = 1) -> Plan:
    """The round of that seed."""
    chance = Random(f"round {seed}")
    stories = _stories(chance)
    return Plan(
        seed=seed,
        transport=chance.choice(["http", "http", "socket"]),
        replicas=replicas,
        settings=tuple((name, chance.choice(values)) for name, values in SETTINGS.items()),
        stories=stories,
        troubles=_troubles(chance, effects=90 * len(stories)),
        vendor=_vendor(chance),
        slack=_slack(chance),
        late=chance.choice([0.0, 0.0, 0.3]),
        twice=chance.choice([0.0, 0.0, 0.3]),
        sessions=chance.random() < 0.2,
        grain=chance.choice([0.0, 2.0, 5.0]),
        kill_after_put=chance.choice([0, 0, 0, 0, 1, 1, 2]),
        off=chance.choice([2.0, 2.0, 2.0, 2.0, 40.0, 1200.0, 5400.0]),
    )


def quiet_plan(
    seed: int, kind: str, kill_at: int = 0, *, transport: str = "http", undo: bool = False
) -> Plan:
    """One story of that kind without any fault but one death: every effect's own round."""
    targets = {"bulk": THINGS[1:4], "lock_thing": THINGS[:1]}.get(kind, THINGS[2:3])
    if "group" in kind:
        targets = GROUPS[1:2]
    story = Story(1, kind, targets, "approve", "U0ENG1", 0.0, undo=undo)
    troubles = (Trouble(kill_at, "kill"),) if kill_at else ()
    return Plan(seed, transport, 1, (), (story,), troubles, (), (), 0.0, 0.0, sessions=False)


def _stories(chance: Random) -> tuple[Story, ...]:
    names = [*THINGS]
    chance.shuffle(names)
    found = []
    for number in range(1, chance.choice([1, 1, 1, 2, 2, 3]) + 1):
        kind = chance.choice(KINDS)
        if "group" in kind:
            targets: tuple[str, ...] = (GROUPS[1] if "unlock" in kind else chance.choice(GROUPS),)
        elif kind == "bulk":
            targets = tuple(chance.sample(THINGS, chance.randint(2, 5)))
        else:
            targets = (chance.choice(LOCKED) if "unlock" in kind else names[number],)
        found.append(
            Story(
                number=number,
                kind=kind,
                targets=targets,
                fate=chance.choice(FATES),
                requester=chance.choice(["U0ENG1", "U0ENG2"]),
                begins=chance.choice([0.0, 0.0, chance.uniform(0, 20)]),
                undo=chance.random() < 0.3,
            )
        )
    return tuple(found)


def _troubles(chance: Random, effects: int) -> tuple[Trouble, ...]:
    count = chance.choice([0, 1, 1, 1, 2, 2, 3])
    found = [
        Trouble(
            at=chance.randint(1, effects),
            what=chance.choice(TROUBLES),
            seconds=chance.choice([2.0, 10.0, 10.0, 45.0]),
            number=chance.randrange(1000),
        )
        for _ in range(count)
    ]
    if chance.random() < 0.06:  # nobody can apply it before it is too late
        hours = chance.choice(LATE_HOURS)
        found.append(Trouble(chance.randint(30, 80), chance.choice(["vendor_down", "leap"]), hours * 3600))
    return tuple(sorted(found, key=lambda trouble: trouble.at))


def _vendor(chance: Random) -> tuple[Rate, ...]:
    found = []
    for paths, kinds, rates in (
        (READS, VENDOR_ON_READS, (0.03, 0.1, 0.25)),
        (WRITES, VENDOR_ON_WRITES, (0.1, 0.3, 0.6, 1.0)),
    ):
        for _ in range(chance.choice([0, 0, 1, 2])):
            method, path = chance.choice(paths)
            kind, seconds = chance.choice(kinds), chance.choice(VENDOR_SECONDS)
            found.append(Rate(method, path, kind, chance.choice(rates), seconds))
    return tuple(found)


def _slack(chance: Random) -> tuple[SlackRate, ...]:
    return tuple(
        SlackRate(
            chance.choice(SLACK_METHODS),
            tuple(chance.choice(SLACK_WAYS).items()),
            chance.choice([0.03, 0.1, 0.3]),
        )
        for _ in range(chance.choice([0, 0, 1, 1, 2]))
    )
