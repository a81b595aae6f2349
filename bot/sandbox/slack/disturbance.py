"""A network that brings payloads twice, late, and after others that were sent later."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True, slots=True)
class Way:
    """How one payload travels: seconds until it is sent, and until a copy of it is, where there is one."""

    delay: float = 0.0
    copy_after: float | None = None


@dataclass(slots=True)
class Disturbance:
    """Shares of the payloads that are held up, and that come again; each for up to so many `seconds`."""

    seed: int
    late: float = 0.0
    twice: float = 0.0
    seconds: float = 5.0
    _random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311  chance that can be repeated

    def way(self) -> Way:
        """Of the next payload."""
        chance = self._random
        delay = chance.uniform(0, self.seconds) if chance.random() < self.late else 0.0
        if chance.random() >= self.twice:
            return Way(delay)
        return Way(delay, chance.choice([0.0, chance.uniform(0, self.seconds)]))
