"""What may be set for the demo: each by a flag, or by a key of the environment that the flag overrides."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT_PORT: Final = 4634
"""IMEI on a telephone's keys."""
LEAST_THINGS: Final = 30
"""The guide's SIMs and the odd ones are always there."""
MOST_THINGS: Final = 100_000
FASTEST: Final = 200.0
_YES: Final = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Options:
    """One demo as asked for."""

    port: int = DEFAULT_PORT
    things: int = 2_000
    seed: int = 1
    http: bool = False
    fast: float = 1.0
    folder: Path = Path(".demo")


def options_from(arguments: Sequence[str], environment: Mapping[str, str]) -> Options:
    """Read flags and environment. Ends the process with a sentence where one of them can't be used."""
    return Options(**vars(_parser(environment).parse_args(arguments)))


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bot.sandbox.demo",
        description="IMEI Lock in a browser: a local Slack, a local Monogoto and the bot between them.",
        epilog="Nothing leaves this machine. Every start begins anew; what the guide ticked off stays.",
    )
    usual = Options()

    def add(name: str, kind: object, default: object, metavar: str, text: str) -> None:
        key = f"DEMO_{name.upper()}"
        parser.add_argument(
            f"--{name}",
            type=kind,  # type: ignore[arg-type]  # argparse's own alias for such functions is private
            default=environment.get(key, str(default)),
            metavar=metavar,
            help=f"{text} (or {key}; usually {default})",
        )

    add("port", _port, usual.port, "N", "where the page is; 0: the system chooses")
    add(
        "things",
        _things,
        usual.things,
        "N",
        f"how many SIMs Monogoto holds, {LEAST_THINGS} to {MOST_THINGS:,}",
    )
    add("seed", int, usual.seed, "N", "the same seed makes the same SIMs, groups and request numbers")
    add(
        "fast",
        _fast,
        "1",
        "TIMES",
        "a clock that runs so many times as fast while nobody waits for an answer",
    )
    add(
        "folder",
        Path,
        usual.folder,
        "PATH",
        "for database, secrets and log; an empty one, or an earlier demo's",
    )
    parser.add_argument(
        "--http",
        action=argparse.BooleanOptionalAction,
        default=environment.get("DEMO_HTTP", "").lower() in _YES,
        help="the local Slack sends signed HTTP instead of using Socket Mode (or DEMO_HTTP=1)",
    )
    return parser


def _port(text: str) -> int:
    return _between(text, 0, 65_535)


def _things(text: str) -> int:
    return _between(text, LEAST_THINGS, MOST_THINGS)


def _between(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"must be a number from {least} to {most:,}")
    return int(text)


def _fast(text: str) -> float:
    try:
        times = float(text)
    except ValueError:
        times = 0.0
    if not 1.0 <= times <= FASTEST:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {FASTEST:g}")
    return times
