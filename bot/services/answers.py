"""What a look-up answers: how something stands, several to choose from, or that nothing was found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.errors import Unfit
from bot.domain.identifiers import GROUP_PREFIX, Iccid, ThingsGroupId, Valid, parse_iccid
from bot.domain.impact import SeenGroup, SeenThing
from bot.domain.requests import ChangeRequest
from bot.domain.things import GroupRow, folded
from bot.services.ports import KnownThing, Stock, Which

BY_VENDOR = "last seen in it, says Monogoto now"
BY_RECORDS = "locked to it, say our own requests"
BY_INVENTORY = "last seen in it when it was listed"


@dataclass(frozen=True, slots=True)
class ThingKey:
    """A Thing, by the ICCID that Monogoto holds."""

    iccid: Iccid


@dataclass(frozen=True, slots=True)
class GroupKey:
    """A Things Group, by its id."""

    things_group_id: ThingsGroupId


Key = ThingKey | GroupKey


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several that match."""

    key: Key
    title: str
    found_by: tuple[str, ...] = ()
    read_at: datetime | None = None
    """When the inventory read it; None where it was found elsewhere."""
    remarks: tuple[str, ...] = ()
    """What to say with it, where it is the only one."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Several match: somebody has to choose."""

    typed: str
    choices: tuple[Choice, ...]
    total: int
    remarks: tuple[str, ...] = ()
    narrow: str = ""
    """How to find one that isn't among them."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """Nothing matches; how much was looked through, and how old that is."""

    typed: str
    stock: Stock
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a Thing or a group stands, as read just now."""

    key: Key
    seen: SeenThing | SeenGroup
    open: tuple[ChangeRequest, ...]
    """Open requests, on the Thing and on its group."""
    last: tuple[ChangeRequest, ...]
    """The latest that have ended, newest first."""
    remarks: tuple[str, ...] = ()
    things: int | None = None
    """For a group: how many of its Things the inventory knows; None where the listing doesn't tell groups."""
    stock: Stock | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """It was known, but Monogoto holds it no longer."""

    title: str
    listed_at: datetime | None
    """None where our own requests named it."""


@dataclass(frozen=True, slots=True)
class About:
    """Whose history was found."""

    which: Which
    name: str
    """"" where none is known."""
    identity: str
    """What it is, with its ICCID or id."""
    remarks: tuple[str, ...] = ()


Answer = Standing | Choices | NotFound | Gone


def read_key(text: str) -> Key:
    """What a button carries. Raises `Unfit` on a broken one."""
    kind, _, value = text.partition(" ")
    try:
        if kind == "group":
            return GroupKey(ThingsGroupId(value))
        if kind == "thing":
            return ThingKey(Iccid(value))
    except ValueError:
        pass
    raise Unfit("This button is broken. Type the command again.")


def key_text(key: Key) -> str:
    """As `read_key` reads it."""
    return f"{'group' if isinstance(key, GroupKey) else 'thing'} {key_of(key)}"


def key_of(key: Key) -> str:
    """The id of a group, the ICCID of a Thing."""
    return key.things_group_id.text if isinstance(key, GroupKey) else key.iccid.digits


def add(found: dict[str, Choice], known: KnownThing, by: str) -> None:
    """A Thing of a listing, found in this way too."""
    row = known.row
    note(found, row.iccid, row.name or row.iccid, by, known.read_at)


def note(found: dict[str, Choice], iccid: str, title: str, by: str, read_at: datetime | None = None) -> None:
    """A Thing whose number makes no sense can't be shown: it is passed over."""
    parsed = parse_iccid(iccid)
    if not isinstance(parsed, Valid):
        return
    before = found.get(parsed.value.digits, Choice(ThingKey(parsed.value), title, (), read_at))
    ways = before.found_by + ((by,) if by else ())
    found[parsed.value.digits] = replace(before, found_by=ways, read_at=before.read_at or read_at)


def group_choice(group: GroupRow) -> Choice | None:
    """A group to choose; None where its id is none."""
    try:
        return Choice(GroupKey(ThingsGroupId(group.things_group_id)), group.name or group.things_group_id)
    except ValueError:
        return None


def is_called(choice: Choice, typed: str) -> bool:
    """Whether that is its very name or id; a group's id goes without its prefix too."""
    own = {folded(choice.title)}
    if isinstance(choice.key, GroupKey):
        group_id = choice.key.things_group_id.text
        own |= {folded(group_id), folded(group_id.removeprefix(GROUP_PREFIX))}
    return folded(typed) in own
