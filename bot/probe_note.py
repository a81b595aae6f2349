"""What spare SIMs held before a probe, kept on disk until it is put back: a probe may be killed half-way."""

from __future__ import annotations

import json
import os
from pathlib import Path

FILE = "imei-lock-probe.json"


class Notes:
    """One file, readable by its owner only: it holds whole numbers. Gone once it is empty."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def left(self, iccid: str) -> str | None:
        """What that SIM held ("" for none) before a probe that did not get to put it back."""
        stored = self._all().get(iccid)
        return stored if isinstance(stored, str) else None

    def keep(self, iccid: str, stored: str) -> None:
        """Remember it before the first write. Raises OSError where it can't be kept."""
        self._write({**self._all(), iccid: stored})

    def drop(self, iccid: str) -> None:
        """The SIM is as it was."""
        self._write({key: value for key, value in self._all().items() if key != iccid})

    def _all(self) -> dict[str, object]:
        try:
            read = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            raise OSError(f"{self.path.name} is not readable") from None
        return read if isinstance(read, dict) else {}

    def _write(self, notes: dict[str, object]) -> None:
        if not notes:
            self.path.unlink(missing_ok=True)
            return
        fresh = self.path.with_name(f"{self.path.name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(notes, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
