"""The seams between replicas that share one database: what only one may do, and what is done once."""

from __future__ import annotations

from typing import Protocol


class Lease(Protocol):
    """Something that one replica has at a time, for a while. Raises `StoreUnavailable`."""

    async def take(self) -> bool:
        """Have it, or have it for longer; False where another replica has it."""
        ...

    async def give_back(self) -> None:
        """Another one may have it at once."""
        ...

    def is_held(self) -> bool:
        """Whether it surely is ours at this moment, by a clock that runs while the process is stopped."""
        ...


class Once(Protocol):
    """What must not be done twice, by whichever replica. Never raises: where it can't be told, it begins."""

    async def begin(self, what: str) -> bool:
        """False where it was begun before."""
        ...

    async def forget(self, what: str) -> None:
        """It came to nothing: it may be begun again at once."""
        ...
