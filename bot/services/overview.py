"""One person's page: what they may do, which requests wait for them, which of their own are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.changes import Kind
from bot.domain.policy import Decision
from bot.domain.requests import ChangeRequest, Origin, Person
from bot.services.authority import Authority
from bot.services.ports import Archive, Which

NOWHERE = Origin("")
SHOWN_AT_MOST = 5
LOOKED_AT = 200
"""Pending requests that are looked through, newest first, for those that wait for one person."""


@dataclass(frozen=True, slots=True)
class Some:
    """The newest requests of a list, and whether there are more."""

    requests: tuple[ChangeRequest, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Overview:
    """What one person may do, and what there is to do."""

    abilities: Mapping[Kind, tuple[Decision, Decision]]
    """(may request, may approve others') for each change."""
    lists: Decision
    """Whether they may see lists of requests; where not, both are empty."""
    waiting: Some = Some()
    """Pending, and this person's approval would count."""
    mine: Some = Some()
    """Asked for by this person, and not ended."""

    @property
    def may_ask(self) -> tuple[Kind, ...]:
        """The changes that they may ask for."""
        return tuple(kind for kind, (ask, _) in self.abilities.items() if ask.allowed)

    @property
    def may_approve(self) -> bool:
        """Whether there can be a request that waits for them."""
        return any(approve.allowed for _, approve in self.abilities.values())


async def overview(person: Person, *, authority: Authority, archive: Archive) -> Overview:
    """Raises `NotAllowed` for those who are nobody here, and what the ports raise."""
    abilities = await authority.abilities(person, NOWHERE)
    lists = (await authority.sights(person, NOWHERE))["requests"]
    if not lists.allowed:
        return Overview(abilities, lists)
    mine = await archive.page(Which(asked_by=person.user_id, open=True), SHOWN_AT_MOST)
    waiting = await _waiting(person, authority, archive)
    return Overview(abilities, lists, waiting, Some(mine.requests, more=mine.older is not None))


async def _waiting(person: Person, authority: Authority, archive: Archive) -> Some:
    pending = await archive.page(Which(pending=True), LOOKED_AT)
    theirs = await authority.decidable(person, pending.requests)
    return Some(theirs[:SHOWN_AT_MOST], more=len(theirs) > SHOWN_AT_MOST or pending.older is not None)
