"""Secrets from files: `SLACK_BOT_TOKEN_FILE=/run/secrets/slack` instead of `SLACK_BOT_TOKEN=xoxb-…`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

SUFFIX = "_FILE"
LONGEST = 64 * 1024


def with_files_read(
    environment: Mapping[str, str], keys: Iterable[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The environment with what the files hold under their plain keys, and one sentence for each mistake.

    A mistake is named by the key that holds it. Neither contents nor plain values are ever repeated.
    """
    read = dict(environment)
    problems: dict[str, str] = {}
    for key in keys:
        named = read.pop(key + SUFFIX, "").strip()
        if not named:
            continue
        if read.get(key, "").strip():
            problems[key] = f"is set beside {key}{SUFFIX}; set one or the other."
            continue
        try:
            read[key] = _content(Path(named))
        except ValueError as wrong:
            problems[key] = f"{key}{SUFFIX} names {_place(named)}, which {wrong}."
    return read, problems


def _content(path: Path) -> str:
    """What the file holds, without its last line break. Raises ValueError with the end of a sentence."""
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST + 1)
    except (OSError, ValueError) as error:
        raise ValueError(f"can't be read ({type(error).__name__})") from None
    if len(raw) > LONGEST:
        raise ValueError("is too long for a secret")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is no text in UTF-8") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise ValueError("is empty")
    return text


def _place(named: str) -> str:
    """The path, where it surely is one: somebody may have put the secret itself where its file belongs."""
    path = Path(named)
    try:
        sure = path.is_absolute() and path.parent.is_dir()
    except (OSError, ValueError):
        sure = False
    return str(path) if sure and named.isprintable() else "a file"
