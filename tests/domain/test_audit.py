"""A chain whose entries can't be changed, dropped, moved or cut off without being named."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from bot.domain.audit import GENESIS, Link, chain, first_fault


def links(count: int) -> list[Link]:
    """A chain as it is written."""
    made, previous = [], GENESIS
    for seq in range(1, count + 1):
        body = f"entry {seq}".encode()
        digest = chain(previous, body)
        made.append(Link(seq, body, previous, digest))
        previous = digest
    return made


def head(chained: list[Link]) -> tuple[int, str]:
    """What the head row says after the last entry."""
    return (len(chained), chained[-1].digest) if chained else (0, GENESIS)


WHOLE = links(5)
HEAD = head(WHOLE)


def test_a_digest_binds_an_entry_to_all_before_it() -> None:
    assert chain(GENESIS, b"x") == hashlib.sha256(GENESIS.encode() + b"\nx").hexdigest()
    assert chain(GENESIS, b"x") != chain("1" * 64, b"x")


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_chain_as_it_was_written_has_no_fault(count: int) -> None:
    assert first_fault(links(count), head(links(count))) is None


def rechained(chained: list[Link]) -> list[Link]:
    """What somebody makes who knows how the chain works, but can't change the head."""
    made, previous = [], GENESIS
    for link in chained:
        digest = chain(previous, link.body)
        made.append(replace(link, previous=previous, digest=digest))
        previous = digest
    return made


CHANGED = [WHOLE[0], WHOLE[1], replace(WHOLE[2], body=b"another story"), *WHOLE[3:]]


@pytest.mark.parametrize(
    ("chained", "said"),
    [
        (CHANGED, "entry 3 was changed after it was written"),
        ([WHOLE[0], *WHOLE[2:]], "entry 2 is missing (the next one found is 3)"),
        (WHOLE[1:], "entry 1 is missing (the next one found is 2)"),
        ([WHOLE[0], WHOLE[2], WHOLE[1], *WHOLE[3:]], "entry 2 is missing (the next one found is 3)"),
        (
            [WHOLE[0], replace(WHOLE[1], previous="0" * 64), *WHOLE[2:]],
            "entry 2 is not chained to the entry before it",
        ),
        (WHOLE[:3], "the chain ends at entry 3, but 5 entries were written"),
        ([], "the chain ends at entry 0, but 5 entries were written"),
        (links(6), "the chain ends at entry 6, but 5 entries were written"),
        (rechained(CHANGED), "the chain ends at entry 5, whose digest is not the one in the head"),
    ],
)
def test_the_first_fault_is_named(chained: list[Link], said: str) -> None:
    assert first_fault(chained, HEAD) == said


def test_only_the_first_of_many_faults_is_named() -> None:
    broken = [replace(link, body=b"!") for link in WHOLE]
    assert first_fault(broken, (9, "")) == "entry 1 was changed after it was written"
