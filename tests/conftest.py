"""What all tests share: the stage, with the bot between its two stand-ins."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from bot.sandbox import postgres
from bot.sandbox.clock import ManualClock
from bot.sandbox.stage import Stage
from bot.storage.engine import migrate, open_engine
from tests import quick
from tests.gallery import collecting as gallery

if TYPE_CHECKING:
    from tests.turns import Turns

# A busy machine is no failure: examples are bounded in number, never in time.
settings.register_profile("bounded", deadline=None)
settings.load_profile("bounded")


def pytest_configure() -> None:
    quick.keep_bytecode()
    quick.collect_hardly_ever()
    quick.look_for_nothing_twice()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a shell's background; children inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What was imported is looked through for garbage neither now nor again and again."""
    quick.collect_rarely()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Of `-n auto`: two for each processor, since they wait half of their time: for processes and pages."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(scope="session", autouse=True)
def statements_are_compiled_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        quick.compile_statements_once(patched)
        yield


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long says so by a timeout of its own, and goes first: nobody waits for it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Whoever has run out of tests takes over half of what another one still has."""
    if config.getvalue("dist") != "load":
        return None  # somebody asked for another order
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="what scenarios keep their records in; those marked both_stores run on each",
    )
    parser.addoption("--gallery", type=Path, help="a folder that keeps what the bot sent: see `make gallery`")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What was left out, and why, in one sentence for each reason."""
    reasons = Counter(skipped.longrepr[2] for skipped in terminalreporter.getreports("skipped"))
    for reason, count in reasons.items():
        terminalreporter.write_line(f"Left out: {count} tests. {reason.removeprefix('Skipped: ')}")


OpenStage = Callable[..., Awaitable[Stage]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as the migrations leave it, made once: a copy of it spares each stage the making."""
    path = tmp_path_factory.mktemp("database") / "imei-lock.db"
    asyncio.run(_migrated(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    """One for all who run these tests at once. Skips without any, and fails where CI had to have it."""
    folder = tmp_path_factory.getbasetemp()
    try:
        with postgres.shared(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) as server:
            yield server
    except postgres.NoPostgres as none:
        if os.environ.get("CI") == "true":
            pytest.fail(str(none))
        pytest.skip(str(none))


@pytest.fixture(scope="session")
def new_postgres(postgres_server: postgres.Server) -> str:
    """The name of a database as the migrations leave it: others are made as its copies."""
    return postgres_server.template("new", lambda url: asyncio.run(_migrated(url)))


@pytest.fixture(scope="session")
def postgres_turns(postgres_server: postgres.Server, new_postgres: str) -> Iterator[Turns]:
    from tests.turns import Turns  # the driver is an extra

    turns = Turns(postgres_server, new_postgres, f"turns_{os.getpid()}")
    yield turns
    turns.end()


@pytest.fixture
def postgres_url(postgres_turns: Turns) -> Iterator[str]:
    """The address of a migrated PostgreSQL database that is this test's alone."""
    with postgres_turns.turn() as url:
        yield url


async def _migrated(url: str) -> None:
    engine = open_engine(url)
    await migrate(engine)
    await engine.close()


async def no_thread_left() -> None:
    """A database connection that was given up ends in a thread of its own; its loop waits for it."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 2.0)


@pytest.fixture
def stage_database(request: pytest.FixtureRequest, new_database: Path, tmp_path: Path) -> str:
    """Where the stage's records are: as `--database` says, or on each store for what is marked so."""
    if getattr(request, "param", request.config.getoption("--database")) == "postgresql":
        if request.node.get_closest_marker("sqlite_only"):
            pytest.skip("It looks into SQLite's file itself.")
        return str(request.getfixturevalue("postgres_url"))
    shutil.copyfile(new_database, tmp_path / new_database.name)
    return f"sqlite:///{tmp_path / new_database.name}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marked = metafunc.definition.get_closest_marker("both_stores")
    if marked and "stage_database" in metafunc.fixturenames:
        metafunc.parametrize("stage_database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
async def open_stage(
    stage_database: str, tmp_path: Path, clock: ManualClock, request: pytest.FixtureRequest
) -> AsyncIterator[OpenStage]:
    """Opens stages with their own settings; all are closed at the end, and none broke Slack's rules."""
    stages: list[Stage] = []
    async with AsyncExitStack() as stack:
        if not request.node.get_closest_marker("sqlite_in_a_thread"):
            quick.ask_sqlite_on_the_loop(stack.enter_context(pytest.MonkeyPatch.context()))

        async def opened(**changes: Any) -> Stage:
            settings = {"database_url": stage_database} | changes
            stages.append(await stack.enter_async_context(Stage(tmp_path, clock=clock, **settings)))
            return stages[-1]

        yield opened
    await no_thread_left()
    if folder := request.config.getoption("--gallery"):
        gallery.keep(stages, request.node.name, folder)
    for stage in stages:
        assert not refused_by_slack(stage), "Slack would show this to nobody"
        assert not gallery.red_boxes(stage), "the demo's page can't draw it"


MALFORMED = frozenset(
    {
        "errors_for_unknown_block",
        "invalid_arguments",
        "invalid_blocks",
        "invalid_response",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "view_too_large",
    }
)


def refused_by_slack(stage: Stage) -> list[tuple[str, Any]]:
    """Calls and acks that broke the rule table of blocks and arguments, with what Slack said of them."""
    calls = [(c.method, c.answer) for c in stage.slack.requests if c.answer.get("error") in MALFORMED]
    acks = [(d.kind, d.error) for d in stage.slack.deliveries if d.code in MALFORMED]
    return calls + acks


@pytest.fixture(params=["socket", "http"])
async def stage(request: pytest.FixtureRequest, open_stage: OpenStage) -> Stage:
    """The usual stage, over each transport."""
    return await open_stage(transport=request.param)
