"""The steps of a single change once more, for rows: with calls, roles and commits that rows share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.policy import Policy
from bot.services.bulk_calls import BulkCalls, BulkRoles
from bot.services.bulk_progress import RowProgress
from bot.services.clearance import Clearance, Roles
from bot.services.group_commit import GroupCommit
from bot.services.ports import Clock, Platform, Store
from bot.services.preview import Previews
from bot.services.thing_execution import ThingExecution
from bot.services.vigil import Vigil


@dataclass(frozen=True, slots=True)
class RowSteps:
    """What is applied to a Thing is applied in the same way, alone or as a row."""

    things: ThingExecution
    progress: RowProgress
    roles: BulkRoles

    @classmethod
    def sharing(
        cls,
        store: Store,
        platform: Platform,
        roles: Roles,
        *,
        policy: Policy,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> RowSteps:
        """For all bulks of this process together."""
        calls, believed = BulkCalls(platform, clock).as_platform(), BulkRoles(roles, clock)
        progress = RowProgress(commits=GroupCommit(store), clock=clock)
        previews = Previews(platform=calls, store=store, policy=policy, clock=clock, groups_ahead=False)
        clearance = Clearance(progress=progress, previews=previews, authority=believed, clock=clock)
        things = ThingExecution(
            platform=calls,
            previews=previews,
            authority=believed,
            clearance=clearance,
            progress=progress,
            vigil=Vigil(progress=progress, clock=clock),
            clock=clock,
            jitter=jitter,
        )
        return cls(things, progress, believed)
