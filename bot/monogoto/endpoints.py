"""The vendor's endpoints by their templates: what a call can be counted under without naming a SIM."""

from __future__ import annotations

import re

OTHER = "other"
ENDPOINTS = (
    "/Auth",
    "/thing/status",
    "/thing/update/",
    "/thing/{id}",
    "/things",
    "/thingsgroup/{id}",
    "/thingsgroups",
    OTHER,
)
_WITH_ID = re.compile(r"/(thing|thingsgroup)/[^/]+/?")


def endpoint_of(path: str) -> str:
    """One of `ENDPOINTS`, whatever stands in the path or behind its `?`."""
    bare = path.split("?", 1)[0]
    if bare in ENDPOINTS:
        return bare
    found = _WITH_ID.fullmatch(bare)
    return f"/{found[1]}/{{id}}" if found else OTHER
