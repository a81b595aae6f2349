"""The demo's own folder: its lock, database, secrets, log, policy, and what the guide remembers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from bot.sandbox.demo.policy import POLICY

_MARK: Final = "demo.lock"
_DATABASE: Final = "imei-lock.db"


class CannotUse(Exception):
    """This folder is not for us; the text says why, and what to do."""


class Folder:
    """Made where it isn't there. What else stands in a folder is never touched: such a one is refused."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock = FileLock(self.path / _MARK)

    def take(self) -> None:
        """Have it for this process alone. Raises CannotUse."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if any(self.path.iterdir()) and not (self.path / _MARK).exists():
                raise CannotUse(f"{self.path} holds other things. Name an empty folder with --folder.")
            self._lock.acquire(timeout=0)
            (self.path / _MARK).touch()
        except Timeout:
            raise CannotUse(f"another demo runs in {self.path}. End it, or name another --folder.") from None
        except OSError as error:
            raise CannotUse(f"{self.path} can't be used: {error.strerror}.") from None

    def release(self) -> None:
        """Let others have it; the mark stays."""
        self._lock.release()
        (self.path / _MARK).touch()

    def empty_database(self) -> None:
        """No request, no audit entry: as on the first day."""
        for end in ("", "-wal", "-shm", ".lock"):
            (self.path / f"{_DATABASE}{end}").unlink(missing_ok=True)

    @property
    def database_url(self) -> str:
        """For the bot."""
        return f"sqlite:///{self.path / _DATABASE}"

    @property
    def log(self) -> Path:
        """What the bot logs."""
        return self.path / "bot.log"

    @property
    def policy(self) -> Path:
        """Written where there is none; whoever edits it keeps it."""
        path = self.path / "policy.toml"
        if not path.exists():
            path.write_text(POLICY, encoding="utf-8")
        return path

    def keep_environment(self, environment: Mapping[str, str]) -> None:
        """The running bot's configuration, secrets and all, as a file that only its owner reads."""
        lines = [f"{key}={value}" for key, value in environment.items()]
        path = self.path / ".env"
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write("\n".join(lines) + "\n")

    def remembered(self) -> dict[str, Any]:
        """What `remember` kept; nothing where it can't be read."""
        try:
            kept = json.loads((self.path / "guide.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def remember(self, what: Mapping[str, Any]) -> None:
        """For the next start."""
        (self.path / "guide.json").write_text(json.dumps(what), encoding="utf-8")
