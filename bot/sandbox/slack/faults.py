"""Scripted failures of the Web API: errors, HTTP statuses, calls that hang, connections that break."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

EVERY_METHOD = "*"


@dataclass(slots=True)
class Fault:
    """One way to fail, `times` times or at a `rate`.

    `after_applying`: the call takes effect, only its answer is lost.
    """

    method: str
    error: str | None = None
    status: int | None = None
    timeout: bool = False
    reset: bool = False
    times: int = 1
    after_applying: bool = False
    retry_after: int | None = None
    """Answer 429, to be tried again after so many seconds; nothing is applied."""
    rate: float | None = None
    """That share of the calls fails, by seeded chance, instead of the next `times`."""


class Faults:
    """What is to fail next."""

    def __init__(self, seed: int = 1) -> None:
        self._planned: list[Fault] = []
        self._random = Random(seed)  # noqa: S311  chance that can be repeated

    def seed(self, seed: int) -> None:
        """Chance begins anew."""
        self._random = Random(seed)  # noqa: S311  as above

    def plan(self, fault: Fault) -> None:
        """Add a failure to the script."""
        kinds = [fault.error, fault.status, fault.timeout or None, fault.reset or None, fault.retry_after]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("a fault is one of: error, status, timeout, reset, retry_after")
        self._planned.append(fault)

    def take(self, method: str) -> Fault | None:
        """The failure that this call meets, if any."""
        for fault in self._planned:
            if fault.method not in (method, EVERY_METHOD):
                continue
            if fault.rate is not None:
                if self._random.random() < fault.rate:
                    return fault
            elif fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def clear(self) -> None:
        """Nothing fails any more."""
        self._planned.clear()
