"""What is told and asked at the terminal. Nothing stops because nobody reads it any more."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO


def report(text: str) -> None:
    """The exit code tells what was found, whether or not anybody reads the report."""
    try:
        print(text, flush=True)
    except OSError:
        nobody_reads()


def nobody_reads() -> None:
    """Nobody reads our output any more: what is still buffered must not fail at the end of the process."""
    _to_nowhere(sys.stdout)


def _to_nowhere(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(text: str) -> None:
    """To the error side. That nobody reads there any more must stop nothing."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _to_nowhere(sys.stderr)


def shout(text: str) -> None:
    """Also to the terminal itself, where the error side goes elsewhere."""
    say(text)
    with suppress(OSError, ValueError):
        if not sys.stderr.isatty():
            Path("/dev/tty").write_text(text + "\n")


def ask(question: str) -> str:
    """What is typed. Ctrl-C ends the waiting at once: nothing is under way that has to end in order."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        print(question, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
    finally:
        signal.signal(signal.SIGINT, usual)
    if not line:
        raise EOFError
    return line
