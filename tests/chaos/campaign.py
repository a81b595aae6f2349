"""Many rounds, on all cores; each is played by a process that has played few before, and kept where asked."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bot.logs import set_up
from bot.storage.engine import migrate, open_engine
from tests import quick
from tests.chaos import processes
from tests.chaos.lives import OfTheLiving
from tests.chaos.machine import patch_the_driver
from tests.chaos.plan import Plan, plan_of, quiet_plan
from tests.chaos.rounds import Played, play

ROOT = Path(__file__).parent.parent.parent
ROUNDS_A_PROCESS = 60
"""Then a fresh one takes over: whatever the dead have left behind goes with it."""
LONGEST_SECONDS = 300
"""Of real time, for one round."""
SWEPT = ("lock_thing", "unlock_keep", "unlock_clear", "lock_group", "unlock_group", "bulk")
TRANSPORTS = ("http", "socket")
REAL_EVERY = 50
SWEEP_EVERY = 3
REPEAT = "python -m tests.chaos --rounds 1 --seed {seed}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one round."""

    seed: int
    plan: str
    violations: tuple[str, ...]
    oddities: tuple[str, ...]
    kills: int
    lives: int
    writes: int
    statuses: tuple[str, ...]


class Workshop:
    """Where rounds are played: a folder in memory where there is one, and a database to begin with."""

    def __init__(self, keep: Path | None) -> None:
        shm = Path("/dev/shm")
        self.keep = keep
        self._folder = tempfile.TemporaryDirectory(
            prefix="chaos-", dir=shm if shm.is_dir() and os.access(shm, os.W_OK) else None
        )
        self.folder = Path(self._folder.name)
        self.template = self.folder / "template.db"
        asyncio.run(_make(self.template))

    def close(self) -> None:
        """Nothing is left but what was to be kept."""
        self._folder.cleanup()


async def _make(template: Path) -> None:
    engine = open_engine(f"sqlite:///{template}")
    await migrate(engine)
    await engine.close()


def prepare_process() -> None:
    """Once in each process that plays rounds; it is of no use for anything else afterwards."""
    patched = pytest.MonkeyPatch()
    quick.look_for_nothing_twice()
    quick.compile_statements_once(patched)
    patch_the_driver(patched)
    gc.set_threshold(100_000, 20, 100)
    gc.collect()
    gc.freeze()


def plan_for(seed: int, workshop: Path) -> Plan:
    """A third of the rounds kills one story at each of its effects in turn; the others are mixed."""
    if seed % SWEEP_EVERY:
        return plan_of(seed)
    number = seed // SWEEP_EVERY
    kind, transport = SWEPT[number % len(SWEPT)], TRANSPORTS[number // len(SWEPT) % 2]
    effects = effects_of(kind, transport, number % 2, workshop)
    at = (
        1
        + Random(f"sweep {kind} {transport} {number // 12 // effects}").sample(range(effects), effects)[
            number // 12 % effects
        ]
    )
    return quiet_plan(seed, kind, at, transport=transport, undo=bool(number % 2))


@cache
def effects_of(kind: str, transport: str, undo: int, workshop: Path) -> int:
    """How many there are in one story of that kind: counted without any trouble, once for all processes."""
    kept = workshop / f"effects-{kind}-{transport}-{undo}"
    if kept.exists():
        return int(kept.read_text())
    with tempfile.TemporaryDirectory(dir=workshop) as folder:
        plan = quiet_plan(0, kind, transport=transport, undo=bool(undo))
        effects = play(plan, workshop / "template.db", Path(folder)).effects
        counted = Path(folder) / "effects"
        counted.write_text(str(effects))
        counted.replace(kept)
    return effects


def judge(seed: int, workshop: Path, keep: Path | None) -> Verdict:
    """Play one round, whatever happens in it."""
    folder = (keep or workshop) / f"round-{seed}"
    shutil.rmtree(folder, ignore_errors=True)  # an earlier one of this seed, kept
    folder.mkdir(parents=True)
    plan: Plan | str = f"seed {seed}: not planned yet"
    try:
        if seed % REAL_EVERY == 0:
            plan = f"seed {seed}: a real process, killed"
            played = processes.play(seed, workshop / "template.db", folder)
        else:
            plan = plan_for(seed, workshop)
            with _log(folder, kept=keep is not None), _bounded():
                played = play(plan, workshop / "template.db", folder)
    except Exception:  # noqa: BLE001  that a round breaks is what it is about
        played = Played(plan_of(seed), violations=[f"the round broke:\n{traceback.format_exc()}"])
    finally:
        if keep is None:
            shutil.rmtree(folder)
    if keep is not None:
        _keep(folder, str(plan), played)
    return _verdict(seed, str(plan), played)


def _verdict(seed: int, plan: str, played: Played) -> Verdict:
    broken, odd, stood = tuple(played.violations), tuple(played.oddities), tuple(played.statuses)
    return Verdict(seed, plan, broken, odd, played.kills, played.lives, played.writes, stood)


def _keep(folder: Path, plan: str, played: Played) -> None:
    (folder / "plan.txt").write_text(plan)
    (folder / "slack.json").write_text(json.dumps(played.slack, ensure_ascii=False, default=str, indent=1))
    (folder / "vendor.json").write_text(json.dumps(played.vendor, ensure_ascii=False, default=str, indent=1))


class _log:  # noqa: N801  used as a function
    """What the bot logs at its usual level goes to a file where it is kept, else nowhere."""

    def __init__(self, folder: Path, *, kept: bool) -> None:
        self._path = folder / "bot.log" if kept else Path(os.devnull)
        self._level = "INFO" if kept else "CRITICAL"

    def __enter__(self) -> None:
        self._stream = self._path.open("a", encoding="utf-8")
        set_up(level=self._level, form="text", stream=self._stream)
        for handler in logging.getLogger().handlers:
            handler.addFilter(OfTheLiving())

    def __exit__(self, *_: object) -> None:
        self._stream.close()


class _bounded:  # noqa: N801  used as a function
    """A round that never ends is broken off."""

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, self._over)
        signal.alarm(LONGEST_SECONDS)

    def __exit__(self, *_: object) -> None:
        signal.alarm(0)

    def _over(self, *_: object) -> None:
        raise TimeoutError(f"not over after {LONGEST_SECONDS} s")


def verdicts(seeds: Sequence[int], jobs: int, workshop: Workshop) -> Iterator[Verdict]:
    """As they come, from as many processes at a time."""
    batches: queue.SimpleQueue[Sequence[int]] = queue.SimpleQueue()
    size = max(1, min(ROUNDS_A_PROCESS, len(seeds) // jobs))
    for first in range(0, len(seeds), size):
        batches.put(seeds[first : first + size])
    heard: queue.SimpleQueue[Verdict] = queue.SimpleQueue()
    for _ in range(jobs):
        threading.Thread(target=_play_batches, args=(batches, heard, workshop), daemon=True).start()
    for _ in seeds:
        yield heard.get()


def _play_batches(
    batches: queue.SimpleQueue[Sequence[int]], heard: queue.SimpleQueue[Verdict], workshop: Workshop
) -> None:
    while True:
        try:
            seeds = batches.get_nowait()
        except queue.Empty:
            return
        left = _play_batch(seeds, heard, workshop)
        if left:  # whoever plays on does without the one that killed its process
            heard.put(Verdict(left[0], "?", ("the process that played it died",), (), 0, 0, 0, ()))
            batches.put(left[1:])


def _play_batch(seeds: Sequence[int], heard: queue.SimpleQueue[Verdict], workshop: Workshop) -> Sequence[int]:
    """In a process of their own; the seeds that it did not come to, where it died."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.chaos", "--worker", str(workshop.folder)]
    command += [str(workshop.keep or ""), *map(str, seeds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        done = 0
        for line in process.stdout:
            heard.put(Verdict(**json.loads(line)))
            done += 1
    return seeds[done:]


def work(workshop: Path, keep: Path | None, seeds: Iterable[int]) -> None:
    """What such a process does: a line for each round."""
    prepare_process()
    for seed in seeds:
        print(json.dumps(asdict(judge(seed, workshop, keep))), flush=True)


class Campaign:
    """Tells how it goes, and what is broken."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._began = self._told = time.monotonic()
        self._broken: dict[int, int] = {}
        self._sums: dict[str, int] = {}
        self.done = 0

    def hear(self, verdict: Verdict) -> None:
        """One more."""
        self.done += 1
        for name in ("kills", "lives", "writes"):
            self._sums[name] = self._sums.get(name, 0) + int(getattr(verdict, name))
        for status in verdict.statuses:
            self._sums[status.partition("=")[2]] = self._sums.get(status.partition("=")[2], 0) + 1
        if verdict.violations:
            self._broken[verdict.seed] = len(verdict.violations)
            told = "\n".join(verdict.violations)
            say(f"\n{verdict.plan}\n{told}\nRepeat it: {REPEAT.format(seed=verdict.seed)}\n")
        for oddity in verdict.oddities:
            say(f"seed {verdict.seed}: {oddity}")
        if time.monotonic() - self._told > 10:
            self._told = time.monotonic()
            say(self._progress())

    def _progress(self) -> str:
        rate = self.done / (time.monotonic() - self._began)
        return f"{self.done} of {self._rounds} rounds, {rate:.1f}/s, {sum(self._broken.values())} violations"

    def sums(self) -> str:
        """What happened in them."""
        return ", ".join(f"{count} {name}" for name, count in sorted(self._sums.items()))

    def last_line(self) -> str:
        """The seeds, where anything is broken."""
        total = sum(self._broken.values())
        seeds = f": seeds {', '.join(map(str, sorted(self._broken)))}" if total else ""
        return f"{self.done} rounds, {total} violations{seeds}"


def say(text: Any) -> None:
    """Beside the result."""
    print(text, file=sys.stderr, flush=True)
