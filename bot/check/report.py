"""How a check is told: aligned lines for people, JSON for scripts, an exit code for both."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass

from bot.services.checked import Checked, Level

_COLUMNS, _WIDEST_NAME = 100, 30
ALL_GOOD, SOMETHING_FAILED, CAN_NOT_START = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Report:
    """All lines, in the order in which they are told."""

    lines: tuple[Checked, ...]
    startable: bool
    """Whether environment and policy can be read: without them `run` would end at once."""

    @property
    def exit_code(self) -> int:
        """0: nothing failed. 1: something did. 2: environment or policy can't be used."""
        if not self.startable:
            return CAN_NOT_START
        return SOMETHING_FAILED if self._count(Level.FAILED) else ALL_GOOD

    def text(self) -> str:
        """One line each; below it, indented, what to do."""
        width = min(_WIDEST_NAME, max((len(line.name) for line in self.lines), default=0))
        return "\n".join([*(_line(line, width) for line in self.lines), "", self._summary()])

    def as_json(self) -> str:
        """One object: `exit_code`, and `checks` with `name`, `level`, `detail` and `fix` each."""
        checks = [
            {"name": one.name, "level": one.level.value, "detail": one.detail, "fix": one.fix}
            for one in self.lines
        ]
        return json.dumps({"exit_code": self.exit_code, "checks": checks}, ensure_ascii=False, indent=1)

    def _summary(self) -> str:
        counted = [
            f"{self._count(level)} {level.value}"
            for level in (Level.FAILED, Level.NOT_CHECKED, Level.WARNING)
            if self._count(level)
        ]
        return f"{', '.join(counted)}." if counted else "All good."

    def _count(self, level: Level) -> int:
        return sum(line.level is level for line in self.lines)


def _line(line: Checked, width: int) -> str:
    level = "FAILED" if line.level is Level.FAILED else line.level.value
    told = _wrapped(f"{level:<11}  {line.name:<{width}}  ", line.detail, indent=15 + width)
    return f"{told}\n{_wrapped(f'{chr(32):11}  fix: ', line.fix, indent=18)}" if line.fix else told


def _wrapped(first: str, text: str, *, indent: int) -> str:
    """Within a terminal's width; ids and paths stay whole."""
    room = max(_COLUMNS - indent, 30)
    lines = textwrap.wrap(_one_line(text), room, break_long_words=False, break_on_hyphens=False)
    return first + f"\n{'':{indent}}".join(lines)


def _one_line(text: str) -> str:
    """Answers of others may hold anything: nothing that moves the cursor gets to the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
