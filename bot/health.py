"""`python -m bot health`: asks the running bot whether it can work, for a container's health check, say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from bot import terminal
from bot.config import ConfigError, environment, readable

GOOD, BAD, UNSET = 0, 1, 2
SECONDS = 10.0
_UNKNOWN_PORT = {
    None: "HEALTH_PORT is not set: the bot serves no health page.",
    0: "HEALTH_PORT is 0: the system chose the port, so nobody can ask there. Set a port.",
}
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  asked at, not listened on


def health(real: Mapping[str, str], dotenv: Path, *, alive: bool) -> int:
    """Ask `/readyz` (`alive`: `/healthz`), tell each part that fails; returns the exit code."""
    try:
        values, problems = readable(environment(dotenv, real))
    except ConfigError as error:
        terminal.say(str(error))
        return UNSET
    host, port = values["health_host"], values["health_port"]
    if not port or not host:
        named = [f"{key} {problems[key]}" for key in ("HEALTH_HOST", "HEALTH_PORT") if key in problems]
        terminal.say("; ".join(named) or _UNKNOWN_PORT[port])
        return UNSET
    try:
        status, text = _get(_ANY.get(host, host), port, "/healthz" if alive else "/readyz")
    except (OSError, HTTPException) as error:
        terminal.say(f"not running, or stuck: {host}:{port} does not answer ({type(error).__name__})")
        return BAD
    for line in ["ok"] if status == 200 else _failing(text):
        terminal.report(line)
    return GOOD if status == 200 else BAD


def _get(host: str, port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(1 << 16).decode("utf-8", "replace")
    finally:
        connection.close()


def _failing(text: str) -> list[str]:
    try:
        told: dict[str, Any] = json.loads(text)
        return [f"{name}: {told['parts'][name]['says']}" for name in told["failing"]]
    except (ValueError, KeyError, TypeError):
        return ["what answers there is not this bot"]
