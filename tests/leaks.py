"""Looks through all that a run left behind for what must be nowhere in it.

`found(folder, needles)` reads every file below a folder, of any kind: a database as bytes, too. So a run
under faults is searched as one without: keep its folder, and hand over what must not be there.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack import LocalSlack

LOGS = (".log", ".metrics")
"""How files end in which no full number may stand; elsewhere numbers are what it is all about."""
ENOUGH = 14
"""Digits by which an ICCID or IMEI is known again: what networks compare."""
_BETWEEN = re.compile(
    r"(?<=\d)[\s\u00ad\u200b-\u200d\u2060\ufeff'’,;:/\\_.+*|()\[\]\u2010-\u2015\u2212-]{1,3}(?=\d)"
)


@dataclass(frozen=True, slots=True)
class Needles:
    """What must not be found. `secrets`: in no file; `numbers`: in no log, in whatever grouping."""

    secrets: tuple[str, ...]
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Leak:
    """Where something was found, and as what. Its value is not repeated."""

    file: str
    what: str
    at: int

    def __str__(self) -> str:
        return f"{self.file}, about character {self.at}: {self.what}"


def needles_of(slack: LocalSlack, monogoto: LocalMonogoto) -> Needles:
    """All that opens a door at both stand-ins, what the vendor knows of its SIMs, and their numbers."""
    doors = (slack.bot_token, slack.app_token, slack.signing_secret, monogoto.password)
    of_sims = [secret for iccid in monogoto.iccids for secret in monogoto.secrets(iccid)]
    imeis = [str(monogoto.thing(iccid).get("IMEI") or "") for iccid in monogoto.iccids]
    numbers = [*monogoto.iccids, *monogoto.examples.unused_imeis, *(one for one in imeis if one.strip("0"))]
    return Needles((*doors, *of_sims), tuple(one for one in numbers if len(one) >= ENOUGH))


def found(folder: Path, needles: Needles, *, leave_out: Iterable[str] = ()) -> list[Leak]:
    """Every leak in every file below the folder; raises where there is nothing to search.

    `leave_out`: names of files that are not the bot's, such as what the vendor itself has kept.
    """
    apart = set(leave_out)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in apart)
    if not files or not needles.secrets:
        raise ValueError("there is nothing to look through, or nothing to look for")
    return [leak for path in files for leak in _in_file(path, path.relative_to(folder).as_posix(), needles)]


def _in_file(path: Path, name: str, needles: Needles) -> Iterator[Leak]:
    raw = path.read_bytes()
    texts = [raw.decode("utf-8", "replace"), raw.decode("latin-1")]
    for number, secret in enumerate(needles.secrets, start=1):
        for how, written in spellings(secret):
            at = max(text.find(written) for text in texts)
            if at >= 0:
                yield Leak(name, f"secret {number} ({len(secret)} characters), {how}", at)
                break
    if path.suffix in LOGS:
        yield from _numbers(squeezed(texts[0]), name, needles.numbers)


def _numbers(text: str, name: str, numbers: Iterable[str]) -> Iterator[Leak]:
    for number in numbers:
        at = text.find(number[:ENOUGH])
        if at >= 0:
            yield Leak(name, f"a number that ends with {number[-4:]}", at)


def spellings(secret: str) -> Iterator[tuple[str, str]]:
    """The ways in which a secret gets into a text without being written out."""
    yield "as it is", secret
    yield "in a URL", quote(secret, safe="")
    yield "in JSON", secret.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    if len(secret) >= 12:  # shorter ones are met by chance
        for shift in range(3):
            coded = base64.b64encode(b" " * shift + secret.encode()).decode("ascii")
            inner = coded[4 if shift else 0 :].rstrip("=")[:-2]
            yield "in base64", inner
            yield "in base64 for URLs", inner.replace("+", "-").replace("/", "_")
        yield "in hex", secret.encode().hex()
        yield "backwards", secret[::-1]


def squeezed(text: str) -> str:
    """The text with digits as ASCII writes them, and without what people group them with."""
    ascii_digits = "".join(
        str(unicodedata.decimal(letter)) if letter > "\x7f" and letter.isdecimal() else letter
        for letter in text
    )
    return _BETWEEN.sub("", ascii_digits)
