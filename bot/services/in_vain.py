"""Every click in vain is an audit entry before the person hears why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.domain.audit import AuditEntry
from bot.domain.errors import NotAllowed, PlatformError, Refusal
from bot.domain.requests import Origin, Person
from bot.services.ports import Clock, Store

LONGEST_REQUEST_ID = 40
"""A forged button may carry anything for an id."""


class InVain:
    """Around whatever a person does to a request."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @asynccontextmanager
    async def audited(
        self, person: Person, origin: Origin, event: str, request_id: str
    ) -> AsyncIterator[None]:
        """What is refused within, or fails at the vendor, is recorded and raised on; where the policy refused
        it, there is an entry already."""
        try:
            yield
        except NotAllowed:
            raise
        except (Refusal, PlatformError) as error:
            entry = AuditEntry(
                at=self._clock.now(),
                event=event,
                outcome="refused" if isinstance(error, Refusal) else "failed",
                person=person,
                origin=origin,
                request_id=request_id[:LONGEST_REQUEST_ID],
                reason=str(error),
            )
            async with self._store.transaction() as tx:
                await tx.audit(entry)
            raise
