"""What processes of the tests need not do over and over. Nothing here changes what the bot does."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.util import LRUCache

if TYPE_CHECKING:
    import pytest  # a bot in a process of its own has no need of it

COMPILED_STATEMENTS = 2000
NEW_OBJECTS = 20_000
BYTECODE = Path(__file__).parent.parent / ".pytest_cache" / "bytecode"


def keep_bytecode() -> None:
    """Whoever wants none beside the sources gets it elsewhere: the tests start some hundred processes."""
    if sys.dont_write_bytecode:
        sys.dont_write_bytecode = False
        sys.pycache_prefix = str(BYTECODE)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(BYTECODE)


def collect_rarely() -> None:
    """A stage makes many objects in its short life, and next to no garbage in cycles."""
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
