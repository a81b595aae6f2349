"""How long callers wait for their turn at the vendor."""

from __future__ import annotations

from typing import Protocol

from bot.services.ports import Clock
from bot.watch.ears import OnWait


class Gate(Protocol):
    """As the vendor's client knows it."""

    async def acquire(self, *, urgent: bool = True) -> None: ...

    async def slow_down(self, retry_after: float | None) -> None: ...

    async def recovered(self) -> None: ...


class TimedGate:
    """The same gate; each wait is told."""

    def __init__(self, gate: Gate, clock: Clock, on_wait: OnWait) -> None:
        self._gate = gate
        self._clock = clock
        self._on_wait = on_wait

    async def acquire(self, *, urgent: bool = True) -> None:
        """Wait for a turn. One that was given up is not told."""
        asked = self._clock.now()
        await self._gate.acquire(urgent=urgent)
        self._on_wait((self._clock.now() - asked).total_seconds(), urgent=urgent)

    async def slow_down(self, retry_after: float | None) -> None:
        """As the gate does."""
        await self._gate.slow_down(retry_after)

    async def recovered(self) -> None:
        """As the gate does."""
        await self._gate.recovered()
