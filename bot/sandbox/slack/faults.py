"""Scripted failures of the Web API: errors, HTTP statuses, calls that hang, connections that break."""

from __future__ import annotations

from dataclasses import dataclass

EVERY_METHOD = "*"


@dataclass(slots=True)
class Fault:
    """One way to fail, `times` times. `after_applying`: the call takes effect, only its answer is lost."""

    method: str
    error: str | None = None
    status: int | None = None
    timeout: bool = False
    reset: bool = False
    times: int = 1
    after_applying: bool = False


class Faults:
    """What is to fail next."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []

    def plan(self, fault: Fault) -> None:
        """Add a failure to the script."""
        kinds = [fault.error is not None, fault.status is not None, fault.timeout, fault.reset]
        if sum(kinds) != 1:
            raise ValueError("a fault is one of: error, status, timeout, reset")
        self._planned.append(fault)

    def take(self, method: str) -> Fault | None:
        """The failure that this call meets, if any."""
        for fault in self._planned:
            if fault.method in (method, EVERY_METHOD) and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def clear(self) -> None:
        """Nothing fails any more."""
        self._planned.clear()
