"""What log lines are about: ids that all lines carry from here on, in this task and those that it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

REQUEST, PAYLOAD = "request_id", "payload_id"
"""A ChangeRequest; one delivery of Slack's."""

_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


def ids() -> Mapping[str, str]:
    """What is being worked on right now: `REQUEST` and `PAYLOAD`, where they are known."""
    return _about.get()


@contextmanager
def about(**known: str) -> Iterator[None]:
    """Within the block these ids are known, beside those known already."""
    token = _about.set({**_about.get(), **known})
    try:
        yield
    finally:
        _about.reset(token)


def about_request(request_id: str) -> None:
    """The rest of the running task is about this request."""
    _about.set({**_about.get(), REQUEST: request_id})
