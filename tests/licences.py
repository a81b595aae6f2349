"""`make licences`: under which licences the locked packages stand, read from what is installed of them."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.txt"

PERMISSIVE = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "PSF-2.0", "Unlicense", "Zlib"}
)
WEAK = {
    "certifi": ("MPL-2.0", "a file of certificates, passed on as it is; binds changes to its own files only"),
    "psycopg": (
        "LGPL-3.0-only",
        "only with PostgreSQL; imported, unchanged, and replaceable by whoever runs it",
    ),
    "psycopg-binary": ("LGPL-3.0-only", "as psycopg"),
    "psycopg-pool": ("LGPL-3.0-only", "as psycopg"),
}
"""Not permissive, and why they may be here all the same."""
SPELT = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "PSFL": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""As older packages write it → as SPDX does."""
HEAD = """# Licences

Of the packages that the bot runs with, as pinned in `requirements.txt`; written by `make licences`, from
their own metadata. What is needed only to develop and test isn't passed on, and isn't listed.

| package | version | licence |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Licensed:
    """One locked package."""

    name: str
    version: str
    licence: str
    """An SPDX expression; "" where its metadata doesn't tell."""


def locked(text: str) -> dict[str, str]:
    """Names and versions in a lock file, those of other platforms too."""
    found = re.findall(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==([^\s;]+)", text, re.MULTILINE)
    return dict(found)


def licence_of(package: metadata.PackageMetadata) -> str:
    """What its metadata says, in SPDX's spelling."""
    expression = package.get("License-Expression")
    if expression:
        return str(expression)
    told = [str(package.get("License") or "").splitlines()[:1] or [""]][0][0]
    classified = [
        one.rpartition(" :: ")[2]
        for one in package.get_all("Classifier") or ()
        if one.startswith("License ::")
    ]
    for words in (told, *classified):
        if words in SPELT:
            return SPELT[words]
        if re.fullmatch(r"[A-Za-z0-9.-]*[0-9.-][A-Za-z0-9.-]*|MIT|ISC", words):
            return words
    return ""


def licensed(lock: Path = LOCK) -> list[Licensed]:
    """Every package of the lock that is installed here, by name."""
    found = []
    for name, version in sorted(locked(lock.read_text()).items()):
        try:
            found.append(Licensed(name, version, licence_of(metadata.metadata(name))))
        except metadata.PackageNotFoundError:
            continue  # for another platform
    return found


def is_permissive(package: Licensed) -> bool:
    """Each part of `A AND B`, and one part of `A OR B`."""
    alternatives = package.licence.replace("(", "").replace(")", "").split(" OR ")
    return any(set(one.split(" AND ")) <= PERMISSIVE for one in alternatives)


def document(packages: list[Licensed]) -> str:
    """The text of docs/licences.md."""
    rows = []
    for package in packages:
        reason = WEAK.get(package.name, ("", ""))[1]
        rows.append(
            f"| {package.name} | {package.version} | {package.licence}{f': {reason}' if reason else ''} |"
        )
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document(licensed()))
