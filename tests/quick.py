"""What processes of the tests need not do over and over. Nothing here changes what the bot does."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from asyncio import Future
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiosqlite
from sqlalchemy import Engine
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.util import LRUCache

if TYPE_CHECKING:
    import pytest  # a bot in a process of its own has no need of it

COMPILED_STATEMENTS = 2000
NEW_OBJECTS = 20_000
IMPORTED_OBJECTS = 1_000_000
BYTECODE = Path(__file__).parent.parent / ".pytest_cache" / "bytecode"


def keep_bytecode() -> None:
    """Whoever wants none beside the sources gets it elsewhere: the tests start some hundred processes."""
    if sys.dont_write_bytecode:
        sys.dont_write_bytecode = False
        sys.pycache_prefix = str(BYTECODE)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(BYTECODE)


def collect_hardly_ever() -> None:
    """While all is imported, and stays."""
    gc.set_threshold(IMPORTED_OBJECTS, 20, 20)


def collect_rarely() -> None:
    """A stage makes many objects in its short life, and next to no garbage in cycles. What is here stays."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 20)


def look_for_nothing_twice() -> None:
    """httpcore imports sniffio at every call: where there is none, all of the path is searched each time."""
    if importlib.util.find_spec("sniffio") is None:
        sys.modules["sniffio"] = None  # type: ignore[assignment]  # the import system's word for none


def compile_statements_once(patched: pytest.MonkeyPatch) -> None:
    """What SQLAlchemy made of a statement serves every engine of this process: each is one of SQLite."""
    compiled: LRUCache[Any, Any] = LRUCache(COMPILED_STATEMENTS)
    patched.setattr(SQLiteDialect_aiosqlite, "__eq__", lambda one, other: type(one) is type(other))
    patched.setattr(SQLiteDialect_aiosqlite, "__hash__", lambda one: hash(type(one)))
    patched.setattr(Engine, "_compiled_cache", property(lambda _: compiled, lambda *_: None), raising=False)


def ask_sqlite_on_the_loop(patched: pytest.MonkeyPatch) -> None:
    """New connections have no thread: what is asked of one is answered at the loop's next turn.

    Whoever asks waits all the same, and others go on meanwhile; but no two threads hand the interpreter to
    each other at every statement. A file that somebody else holds would hold the loop: such a test
    is marked `sqlite_in_a_thread`.
    """
    made = aiosqlite.Connection.__init__

    def make(connection: aiosqlite.Connection, *given: Any, **named: Any) -> None:
        made(connection, *given, **named)
        connection._thread = _NoThread()  # type: ignore[assignment]  # the three things that are asked of one
        connection._tx = _OnTheLoop()  # type: ignore[assignment]

    patched.setattr(aiosqlite.Connection, "__init__", make)


class _NoThread:
    daemon = True

    def start(self) -> None:
        """Nothing to start."""

    def is_alive(self) -> bool:
        return False


class _OnTheLoop:
    """In the place of a thread's queue."""

    def put_nowait(self, asked: tuple[Future[Any] | None, Callable[[], Any]]) -> None:
        future, function = asked
        if future is None:
            function()
        else:
            future.get_loop().call_soon(_answer, future, function)


def _answer(future: Future[Any], function: Callable[[], Any]) -> None:
    """As the thread does: also where nobody waits for the answer any more."""
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001  it is raised where it was asked for
        if not future.done():
            future.set_exception(error)
    else:
        if not future.done():
            future.set_result(result)
