"""Nobody changes the audit quietly: not by SQL, and not past the triggers without being named."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable

import pytest
import rfc8785

from bot.domain.audit import GENESIS
from bot.domain.errors import StoreUnavailable
from bot.domain.requests import THE_BOT
from bot.storage.audit import export, head, verify
from bot.storage.engine import Engine
from bot.storage.store import SqlStore
from tests.storage import samples
from tests.storage.by_hand import REFUSED, by_hand, past_the_triggers


async def write(engine: Engine, count: int = 5) -> None:
    async with SqlStore(engine).transaction() as tx:
        for number in range(1, count + 1):
            await tx.audit(samples.entry(number))


async def test_an_untouched_audit_verifies(engine: Engine) -> None:
    assert await verify(engine) is None
    assert await head(engine) == (0, GENESIS)
    await write(engine, 3)
    assert await verify(engine) is None
    assert (await head(engine))[0] == 3


async def test_an_audit_of_many_batches_verifies(engine: Engine) -> None:
    await write(engine, 1001)
    assert await verify(engine) is None
    assert len([line async for line in export(engine)]) == 1001


async def test_entries_are_numbered_without_a_gap_though_transactions_fail(engine: Engine) -> None:
    store = SqlStore(engine)

    async def one(number: int) -> None:
        async with store.transaction() as tx:
            await tx.audit(samples.entry(number))
            if number % 3 == 0:
                raise ZeroDivisionError

    await asyncio.gather(*(one(number) for number in range(12)), return_exceptions=True)
    assert [json.loads(line)["seq"] async for line in export(engine)] == list(range(1, 9))
    assert await verify(engine) is None


async def test_an_export_can_be_checked_without_this_program(engine: Engine) -> None:
    await write(engine)
    previous = GENESIS
    async for line in export(engine):
        read = json.loads(line)
        assert read["previous"] == previous
        body = rfc8785.dumps(read["entry"])
        previous = hashlib.sha256(previous.encode() + b"\n" + body).hexdigest()
        assert read["digest"] == previous
    assert await head(engine) == (5, previous)


async def test_an_entry_says_everything_that_it_was_given(engine: Engine) -> None:
    await write(engine, 1)
    [line] = [line async for line in export(engine)]
    assert json.loads(line)["entry"] == {
        "v": 1,
        "seq": 1,
        "at": "2026-03-02T09:00:01.000000Z",
        "event": "request.approve",
        "outcome": "ok",
        "person": {"user_id": "U0BOB", "team_id": "T0TEAM"},
        "origin": {"channel": "C0OPS", "message_ts": "1.2"},
        "request_id": "R1",
        "thing_id": samples.thing(1).thing_id,
        "before": {"locked_imei": ""},
        "after": {"locked_imei": samples.IMEI.digits},
        "answer": "",
        "reason": "because “ü” & <b>",
        "fingerprint": "",
    }


async def test_what_no_text_can_hold_is_audited_all_the_same(engine: Engine) -> None:
    async with SqlStore(engine).transaction() as tx:
        await tx.audit(samples.entry(1, reason="\ud800\0", event="a\0b", person=THE_BOT))
        await tx.audit(samples.entry(2, answer="line\none", after={"\udfff": "\0"}))
    assert await verify(engine) is None
    assert len([line async for line in export(engine) if "\n" not in line]) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET event = 'nothing' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2",
        "DELETE FROM audit",
        "INSERT INTO audit SELECT * FROM audit WHERE seq = 2 ON CONFLICT (seq) DO UPDATE SET event = ''",
    ],
)
async def test_the_database_refuses_to_change_entries(engine: Engine, stored_at: str, statement: str) -> None:
    await write(engine)
    with pytest.raises(REFUSED, match="append-only"):
        by_hand(stored_at, statement)
    assert await verify(engine) is None


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 2",
        "UPDATE OR REPLACE audit SET seq = 3 WHERE seq = 2",
    ],
)
async def test_sqlite_refuses_to_replace_entries(
    file_engine: Engine, sqlite_url: str, statement: str
) -> None:
    await write(file_engine)
    with pytest.raises(REFUSED, match="append-only"):
        by_hand(sqlite_url, statement)
    assert await verify(file_engine) is None


async def test_postgresql_refuses_to_empty_the_audit(postgres_url: str) -> None:
    with pytest.raises(REFUSED, match="append-only"):
        by_hand(postgres_url, "TRUNCATE audit")


def _swap(a: int, b: int) -> Iterable[str]:
    return (
        f"UPDATE audit SET seq = -1 WHERE seq = {a}",
        f"UPDATE audit SET seq = {a} WHERE seq = {b}",
        f"UPDATE audit SET seq = {b} WHERE seq = -1",
    )


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        (["UPDATE audit SET body = replace(body, 'U0BOB', 'U0EVE') WHERE seq = 3"], "entry 3 was changed"),
        (["UPDATE audit SET body = '' WHERE seq = 3"], "entry 3 was changed"),
        (["UPDATE audit SET digest = 'x' WHERE seq = 3"], "entry 3 was changed"),
        (["UPDATE audit SET previous = 'x' WHERE seq = 3"], "entry 3 is not chained"),
        (["DELETE FROM audit WHERE seq = 3"], "entry 3 is missing"),
        (["DELETE FROM audit WHERE seq = 1"], "entry 1 is missing"),
        (["DELETE FROM audit WHERE seq = 5"], "ends at entry 4, but 5"),
        (["DELETE FROM audit WHERE seq > 2"], "ends at entry 2, but 5"),
        (["DELETE FROM audit"], "ends at entry 0, but 5"),
        (_swap(2, 4), "entry 2 is not chained"),
        (["UPDATE audit SET seq = 6 WHERE seq = 3"], "entry 3 is missing"),
        (["INSERT INTO audit VALUES (0, 0, '', '', '', '', '{}', '', '')"], "entry 1 is missing"),
        (["INSERT INTO audit VALUES (6, 0, '', '', '', '', '{}', '', '')"], "entry 6 is not chained"),
        (["UPDATE audit_head SET seq = 6"], "ends at entry 5, but 6"),
        (["UPDATE audit_head SET digest = 'x'"], "ends at entry 5"),
        (["DELETE FROM audit_head"], "ends at entry 5, but 0"),
        (["UPDATE audit SET at = at + 1 WHERE seq = 3"], "entry 3: the column at"),
        (["UPDATE audit SET event = 'x' WHERE seq = 3"], "entry 3: the column event"),
        (["UPDATE audit SET user_id = 'U0EVE' WHERE seq = 3"], "entry 3: the column user_id"),
        (["UPDATE audit SET request_id = '' WHERE seq = 3"], "entry 3: the column request_id"),
        (["UPDATE audit SET event = 'x' WHERE seq = 4", "DELETE FROM audit WHERE seq = 3"],
         "entry 3 is missing"),
    ],
)  # fmt: skip
async def test_the_first_entry_that_was_tampered_with_is_named(
    engine: Engine, stored_at: str, statements: Iterable[str], fault: str
) -> None:
    await write(engine)
    past_the_triggers(stored_at, *statements)
    assert fault in (await verify(engine) or "nothing found")


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE audit SET body = x'00ff' WHERE seq = 3", "entry 3 was changed"),
        ("UPDATE audit SET at = 'noon' WHERE seq = 3", "entry 3: the column at"),
        ("UPDATE audit SET thing_id = x'00' WHERE seq = 3", "entry 3: the column thing_id"),
    ],
)
async def test_what_only_sqlite_takes_into_a_column_is_named_too(
    file_engine: Engine, sqlite_url: str, statement: str, fault: str
) -> None:
    await write(file_engine)
    past_the_triggers(sqlite_url, statement)
    assert fault in (await verify(file_engine) or "nothing found")


def _forge(change: Callable[[dict[str, object]], bytes]) -> Callable[[str], None]:
    """Rewrite entry 2 of 2 and everything that is chained to it, as somebody who knows how would."""

    def forge(url: str) -> None:
        [(stored, previous)] = by_hand(url, "SELECT body, previous FROM audit WHERE seq = 2")
        body = change(json.loads(stored))
        digest = hashlib.sha256(previous.encode() + b"\n" + body).hexdigest()
        changed = "UPDATE audit SET body = ?, digest = ? WHERE seq = 2"
        by_hand(url, changed, given=(body.decode(), digest))
        by_hand(url, "UPDATE audit_head SET digest = ?", given=(digest,))

    return forge


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda body: rfc8785.dumps(body | {"seq": 7}), "entry 2: the column seq"),
        (lambda body: rfc8785.dumps(body | {"request_id": "R9"}), "entry 2: the column request_id"),
        (lambda body: b"[]", "entry 2 can't be read"),
        (lambda body: b"no JSON", "entry 2 can't be read"),
        (lambda body: json.dumps(body, indent=1).encode(), "entry 2 is not in canonical form"),
    ],
)
async def test_a_chain_that_was_forged_whole_must_still_agree_with_its_columns(
    engine: Engine, stored_at: str, change: Callable[[dict[str, object]], bytes], fault: str
) -> None:
    await write(engine, 2)
    past_the_triggers(stored_at)
    _forge(change)(stored_at)
    assert fault in (await verify(engine) or "nothing found")


async def test_a_history_forged_whole_shows_in_the_head_that_was_kept_elsewhere(
    engine: Engine, stored_at: str
) -> None:
    await write(engine, 2)
    kept = await head(engine)
    past_the_triggers(stored_at)
    _forge(lambda body: rfc8785.dumps(body | {"reason": "another"}))(stored_at)
    assert await verify(engine) is None
    assert await head(engine) != kept


async def test_an_export_of_a_damaged_audit_shows_what_is_there(engine: Engine, stored_at: str) -> None:
    await write(engine, 2)
    past_the_triggers(stored_at, "UPDATE audit SET body = 'no JSON' WHERE seq = 2")
    lines = [json.loads(line) async for line in export(engine)]
    assert lines[1]["entry"] == "no JSON"


async def test_without_its_head_the_audit_takes_nothing(engine: Engine, stored_at: str) -> None:
    past_the_triggers(stored_at, "DELETE FROM audit_head")
    with pytest.raises(StoreUnavailable, match="head"):
        await write(engine, 1)
