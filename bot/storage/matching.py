"""What was typed, as a condition on names and ids."""

from __future__ import annotations

from sqlalchemy import ColumnElement, case, func, or_

from bot.domain.identifiers import GROUP_PREFIX
from bot.domain.things import folded
from bot.storage.columns import plain
from bot.storage.tables import things_groups

FOLDED_LIMIT = 200
"""An index takes no text of any length."""
_LEAST_OF_AN_ID = 8
_identity: ColumnElement[str] = func.lower(things_groups.c.things_group_id)


def wanted_of(text: str) -> str:
    """What was typed, in the form in which names are kept to be found."""
    return folded(plain(text))[:FOLDED_LIMIT]


def names_group(text: str) -> ColumnElement[bool]:
    """Of an id only the whole counts, or so much that no word is found in it by chance."""
    wanted = wanted_of(text)
    piece = wanted.removeprefix(GROUP_PREFIX.lower())
    by_name = things_groups.c.folded.contains(wanted, autoescape=True)
    if len(piece) < _LEAST_OF_AN_ID:
        return or_(by_name, _identity == wanted)
    return or_(by_name, func.replace(_identity, GROUP_PREFIX.lower(), "").contains(piece, autoescape=True))


def group_rank(text: str) -> ColumnElement[int]:
    """Best first: the very id or name, names that begin so, names that hold it, and then ids that do."""
    wanted, name = wanted_of(text), things_groups.c.folded
    return case(
        (_identity == wanted, 0),
        (name == wanted, 1),
        (name.startswith(wanted, autoescape=True), 2),
        (name.contains(wanted, autoescape=True), 3),
        else_=4,
    )
