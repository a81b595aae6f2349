"""A demo started as a person does, and what a page asks of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30.0
FIELD = "C0FIELD"


class DemoProcess:
    """`python -m bot.sandbox.demo` on a free port, with its page's paths."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bot.sandbox.demo", "--port", "0", "--folder", str(folder), *flags],
            cwd=ROOT,
            env={key: value for key, value in os.environ.items() if not key.startswith("DEMO_")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.folder = folder
        self.url = self._told_url()
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=PATIENCE)

    def _told_url(self) -> str:
        assert self._process.stdout
        for line in self._process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                return found[0]
        raise AssertionError(f"it ended: {self._process.communicate()[1]}")

    def end(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Its exit code, and what it said on the error side."""
        self.http.close()
        if self._process.poll() is None:
            self._process.send_signal(how)
        _, said = self._process.communicate(timeout=PATIENCE)
        return self._process.returncode, said

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Parsed JSON of a look."""
        answer: dict[str, Any] = self.http.get(path, params=query).json()
        return answer

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Parsed JSON of an act."""
        answer: dict[str, Any] = self.http.post(path, json=body).json()
        return answer

    def until(self, look: Callable[[], Any]) -> Any:
        """The first truthy thing to be seen."""
        give_up = time.monotonic() + PATIENCE
        while not (seen := look()):
            assert time.monotonic() < give_up, "it did not come to be"
            time.sleep(0.03)
        return seen

    # --- what people do in Slack -----------------------------------------------------------------------

    def send_form(self, person: str, command: str) -> dict[str, Any]:
        """Type a command, give a reason in the form that opens, send it; what came of that."""
        name, _, text = command.partition(" ")
        for view in self._modals(person):
            self.post("/control/close", **{"as": person, "view_id": view["id"]})
        self.post("/control/command", **{"as": person, "command": name, "text": text, "channel": FIELD})
        view = self.until(lambda: self._modals(person))[-1]
        values = {"reason": "Stolen from the site"}
        sent = self.post("/control/submit", **{"as": person, "view_id": view["id"], "values": values})
        result: dict[str, Any] = sent["result"]
        return result

    def approve(self, person: str) -> None:
        """Click Approve on the newest card once it is there."""
        card = self.until(lambda: self._cards(person))[-1]
        target = {"as": person, "channel": FIELD, "ts": card["ts"]}
        assert self.post("/control/click", **target, action_id="request.approve", confirm=True)["ok"]

    def done(self) -> set[str]:
        """The steps of the guide that are ticked off."""
        return {step["key"] for step in self.get("/control/guide")["steps"] if step["done"]}

    def copy_of(self, key: str) -> str:
        """What the guide says to type for a step."""
        (step,) = (step for step in self.get("/control/guide")["steps"] if step["key"] == key)
        return str(step["copy"])

    def _modals(self, person: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/control/screen", **{"as": person})["modals"]
        return found

    def _cards(self, person: str) -> list[dict[str, Any]]:
        found = self.get("/control/messages", **{"as": person, "channel": FIELD})["messages"]
        return [message for message in found if "request.approve" in str(message.get("blocks"))]
