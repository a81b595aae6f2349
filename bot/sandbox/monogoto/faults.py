"""What can go wrong on the way, on demand or by rate."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Literal, get_args

FaultKind = Literal[
    "latency",  # wait `seconds` on the clock, then answer as usual
    "drop_before",  # cut the connection, nothing applied
    "drop_after",  # apply, then cut the connection
    "rate_limited",  # 429 with Retry-After of `seconds`
    "unauthorized",  # 401 in spite of a good token
    "refused",  # 400 (or `status`) with JSON, nothing applied
    "error_json",  # 500 (or `status`) with JSON, nothing applied
    "error_html",  # 502 (or `status`) with HTML, nothing applied
    "error_after",  # apply, then 500
    "truncated_json",  # apply, then half of the answer
    "html_200",  # a page of HTML with status 200, nothing applied
    "redirect",  # 302 to elsewhere, nothing applied
    "too_long",  # an answer of 4 MiB
    "does_not_stick",  # a write that answers 200 and changes nothing
    "seen_late",  # a write that is applied, while readings show the old record for `seconds` more
    "lands_late",  # cut the connection, and apply only `seconds` later
    "changes_too",  # a write that changes `keys` as well, unasked
    "edited_first",  # somebody at the console changes `keys` just before the call is answered or applied
    "edited_after",  # and just after: what was answered is out of date already
    "cas_moves_first",  # something happens to the SIM just before the write arrives
    "wrong_thing",  # the answer is about another Thing or group
    "hang",  # no answer until the server stops, nothing applied
    "hang_after",  # apply, then no answer
]

NEED_KEYS: Final = frozenset({"changes_too", "edited_first", "edited_after"})

Match = tuple[str, str | tuple[str, ...]]
"""Method ("*" for any) and the beginning of the path, or several of which one will do.

A "$" at its end makes it the whole path.
"""


@dataclass(slots=True)
class Fault:
    """One fault: by count (`times` left) or by `rate`."""

    match: Match
    kind: FaultKind
    seconds: float = 1.0
    times: int = 1
    rate: float | None = None
    status: int | None = None
    keys: dict[str, Any] = field(default_factory=dict)
    """In the vendor's spelling; ABSENT takes a group's key away."""

    def fits(self, method: str, path: str) -> bool:
        """Whether it is meant for this call."""
        return self.match[0] in {"*", method} and begins(path, self.match[1])


class Faults:
    """Those waiting to happen; the first that fits, happens."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311  chance that can be repeated
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Raises ValueError on a kind that doesn't exist, and on one that lacks its `keys`."""
        if fault.kind not in get_args(FaultKind):
            raise ValueError(f"no fault named {fault.kind!r}: one of {', '.join(get_args(FaultKind))}")
        if (fault.kind in NEED_KEYS) != bool(fault.keys):
            raise ValueError(f"keys belong to {', '.join(sorted(NEED_KEYS))}, and to no other fault")
        self._waiting.append(fault)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._waiting.clear()

    @property
    def waiting(self) -> tuple[Fault, ...]:
        """What is still to go wrong, in order."""
        return tuple(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    def pick(self, method: str, path: str) -> Fault | None:
        """The fault for this call, used up if it was the last time."""
        for fault in self._waiting:
            if not fault.fits(method, path):
                continue
            if fault.rate is not None:
                if self._random.random() < fault.rate:
                    return fault
                continue
            fault.times -= 1
            if fault.times <= 0:
                self._waiting.remove(fault)
            return fault
        return None


def begins(path: str, wanted: str | tuple[str, ...]) -> bool:
    """Whether the path begins so, or with one of them; one with a "$" at its end is the whole path."""
    some = (wanted,) if isinstance(wanted, str) else wanted
    return any(path == one[:-1] if one.endswith("$") else path.startswith(one) for one in some)
