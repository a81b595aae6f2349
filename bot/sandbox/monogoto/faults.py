"""What can go wrong on the way, on demand or by rate."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

FaultKind = Literal[
    "latency",  # wait `seconds` on the clock, then answer as usual
    "drop_before",  # cut the connection, nothing applied
    "drop_after",  # apply, then cut the connection
    "rate_limited",  # 429 with Retry-After of `seconds`
    "unauthorized",  # 401 in spite of a good token
    "error_json",  # 500 with JSON, nothing applied
    "error_html",  # 502 with HTML, nothing applied
    "error_after",  # apply, then 500
    "truncated_json",  # apply, then half of the answer
    "html_200",  # a page of HTML with status 200, nothing applied
    "redirect",  # 302 to elsewhere, nothing applied
    "too_long",  # an answer of 4 MiB
    "does_not_stick",  # a write that answers 200 and changes nothing
    "cas_moves_first",  # something happens to the SIM just before the write arrives
    "wrong_thing",  # the answer is about another Thing
    "hang",  # no answer until the server stops, nothing applied
    "hang_after",  # apply, then no answer
]

Match = tuple[str, str]
"""Method ("*" for any) and the beginning of the path."""


@dataclass(slots=True)
class Fault:
    """One fault: by count (`times` left) or by `rate`."""

    match: Match
    kind: FaultKind
    seconds: float = 1.0
    times: int = 1
    rate: float | None = None

    def fits(self, method: str, path: str) -> bool:
        """Whether it is meant for this call."""
        return self.match[0] in {"*", method} and path.startswith(self.match[1])


class Faults:
    """Those waiting to happen; the first that fits, happens."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311  chance that can be repeated
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Raises ValueError on a kind that doesn't exist."""
        if fault.kind not in get_args(FaultKind):
            raise ValueError(f"no fault named {fault.kind!r}: one of {', '.join(get_args(FaultKind))}")
        self._waiting.append(fault)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._waiting.clear()

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
