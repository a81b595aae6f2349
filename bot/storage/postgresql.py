"""PostgreSQL: many processes at once, one writer at a time, and no waiting without an end.

The driver begins no transaction by itself: one trip to the server says BEGIN, how it is meant, and takes
the writers' turn. A connection that was lost while it lay in the pool is noticed on that trip, when nothing
is done yet, and replaced: so a database that was away is there again as soon as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import event, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.domain.errors import StoreUnavailable
from bot.storage.transactions import READS, READS_LONG, WRITES, WRITES_AT_ONCE, WRITES_LONG

if TYPE_CHECKING:
    from bot.storage.patience import PatientConnection

Begin = Callable[[AsyncConnection, str], Awaitable[None]]

WRITERS_TURN = 0x1FE1_10CC
"""Key of the advisory lock that a writer holds to its end: the bot's own in this database."""

_NAME = "imei-lock"
_LONG_TURN_SECONDS = 60
_IDLE_SECONDS = 30
_IDLE_IN_TURN_SECONDS = 5
"""A process that is stopped, or lost, while it has the writers' turn keeps all others from writing."""

_UNHURRIED = (
    f"SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '{_LONG_TURN_SECONDS}s'; "
    "SET LOCAL idle_in_transaction_session_timeout = 0;"
)
_BEGINNINGS = {
    READS: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    WRITES_AT_ONCE: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    WRITES: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
    f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_IN_TURN_SECONDS}s'; "
    f"SELECT pg_advisory_xact_lock({WRITERS_TURN})",
    READS_LONG: f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_UNHURRIED}",
    WRITES_LONG: f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {_UNHURRIED} "
    f"SELECT pg_advisory_xact_lock({WRITERS_TURN})",
}


@dataclass(frozen=True, slots=True)
class _Limits:
    """How long what may take, in seconds: the server's own limits end before ours."""

    connection: float
    turn: float
    statement: float
    answer: float

    @classmethod
    def of(cls, patience: float) -> _Limits:
        return cls(max(patience, 2), patience * 2, patience * 4, patience * 5)


_NO_DRIVER = (
    "PostgreSQL needs its driver, which is not installed: install requirements.txt as the README says, "
    "or the extra: pip install 'imei-lock[cluster]'"
)


def is_postgresql(url: URL) -> bool:
    """Whether the address is one of PostgreSQL's, however it is spelled."""
    return url.drivername in {"postgresql", "postgres", "postgresql+psycopg"}


def open_server(url: URL, *, read_only: bool, patience: float) -> tuple[AsyncEngine, Begin]:
    """An engine that has connected to nothing yet, and how its transactions begin.

    Raises `StoreUnavailable` where the driver is not installed.
    """
    try:
        from bot.storage.patience import PatientConnection  # noqa: PLC0415  the driver is an extra
    except ImportError:
        raise StoreUnavailable(_NO_DRIVER) from None
    limits = _Limits.of(patience)
    options: dict[str, Any] = {
        "autocommit": True,  # BEGIN is ours to say
        "connect_timeout": round(limits.connection),
        "application_name": _NAME,
        "async_creator_fn": PatientConnection.connect,
        "tcp_user_timeout": _milliseconds(limits.turn),
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
    }
    engine = create_async_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        use_native_hstore=False,
        connect_args=options,
    )
    event.listen(engine.sync_engine, "connect", _on_connect(limits, read_only=read_only))
    return engine, _beginning(engine, limits, read_only=read_only)


def _on_connect(limits: _Limits, *, read_only: bool) -> Callable[[Any, Any], None]:
    idle = 0 if read_only else _IDLE_SECONDS  # whoever reads an export through a pager takes his time
    said = (
        f"SET statement_timeout = {_milliseconds(limits.statement)}; "
        f"SET lock_timeout = {_milliseconds(limits.turn)}; "
        f"SET idle_in_transaction_session_timeout = '{idle}s'"
    )

    def on_connect(connection: Any, _record: Any) -> None:
        driver = cast("PatientConnection", connection.driver_connection)
        driver.patience = limits.answer
        connection.run_async(lambda own: own.execute(said, prepare=False))

    return on_connect


def _beginning(engine: AsyncEngine, limits: _Limits, *, read_only: bool) -> Begin:
    import psycopg  # noqa: PLC0415  the driver is an extra

    async def begin(connection: AsyncConnection, kind: str) -> None:
        """Raises `StoreUnavailable`."""
        said = _BEGINNINGS[_reading(kind) if read_only else kind]
        for last in (False, True):
            driver = cast("PatientConnection", (await connection.get_raw_connection()).driver_connection)
            driver.patience = None if kind in {READS_LONG, WRITES_LONG} else limits.answer
            try:
                await driver.execute(said, prepare=False)
            except psycopg.Error as error:
                lost = driver.broken or driver.closed
                if lost:
                    await connection.invalidate(error)
                if last or not lost:
                    raise StoreUnavailable(_why(error)) from error
                await engine.dispose()  # what else lies in the pool is as old
            else:
                return

    return begin


def _milliseconds(seconds: float) -> int:
    return max(round(seconds * 1000), 1)


def _reading(kind: str) -> str:
    return READS_LONG if kind in {READS_LONG, WRITES_LONG} else READS


def _why(error: BaseException) -> str:
    if getattr(error, "sqlstate", None) == "55P03":
        return "another writer has held the database for too long"
    return str(error)


async def others_at_it(ours: Sequence[AsyncConnection]) -> bool:
    """Whether another process of the bot is connected to the database of these; of a file, never."""
    if ours[0].dialect.name != "postgresql":
        return False
    own = [await connection.scalar(text("SELECT pg_backend_pid()")) for connection in ours]
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = :name AND NOT (pid = ANY(:own))"
    )
    return bool(await ours[0].scalar(others, {"name": _NAME, "own": own}))
