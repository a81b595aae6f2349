"""How the text of each setting becomes a value. A reader raises ValueError, and repeats nothing."""

from __future__ import annotations

import hmac
import ipaddress
import math
import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit


class Secret:
    """A value that neither `repr`, `str` nor a format string shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))


def token(prefix: str) -> Callable[[str], Secret]:
    """One word that begins so."""

    def read(value: str) -> Secret:
        if not value.startswith(prefix):
            raise ValueError(f"must begin with {prefix}")
        return one_word(value)

    return read


def one_word(value: str) -> Secret:
    """What goes into a header, or signs: a line break in it would show itself in somebody's error."""
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError("must be one word without blanks or line breaks")
    return Secret(value)


def ready_token(value: str) -> Secret:
    """A token as it goes into a header."""
    if value.lower().startswith("bearer"):
        raise ValueError("must be the token alone, without “Bearer” before it")
    return one_word(value)


def any_text(value: str) -> str:
    """Any text that can be sent: the environment may hold bytes that are none."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("must be text in UTF-8") from None
    return value


def any_secret(value: str) -> Secret:
    """Any text that can be sent, as a secret."""
    return Secret(any_text(value))


def one_of(*choices: str) -> Callable[[str], str]:
    """One of these words, in any case."""

    def read(value: str) -> str:
        matches = [choice for choice in choices if choice.lower() == value.lower()]
        if not matches:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return matches[0]

    return read


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def safe_url(value: str) -> str:
    """Secrets go to this address, so it must be https, or stay on this machine."""
    if any(letter.isspace() or letter == "\\" for letter in value):
        raise ValueError("must be one plain address")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna").decode("idna")
    except ValueError:
        raise ValueError("must be one plain address") from None
    if not host or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be a plain address, without a user name, query or fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ValueError("must begin with https:// (http:// only for this machine itself)")
    return value.rstrip("/")


def slack_url(value: str) -> str:
    """An address that method names are put behind."""
    return safe_url(value) + "/"


def host_name(value: str) -> str:
    """An address, or a name that could be one."""
    try:
        value.encode("idna")
    except UnicodeError:
        raise ValueError("must be an address or a host's name") from None
    return value


def port_number(value: str) -> int:
    """A port to listen on."""
    if not (value.isascii() and value.isdigit() and int(value) <= 65535):
        raise ValueError("must be a port number from 0 to 65535 (0: the system chooses)")
    return int(value)


def seconds(value: str) -> float:
    """A while."""
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not (math.isfinite(found) and found > 0):
        raise ValueError("must be a number of seconds above 0")
    return found


def rate(value: str) -> float:
    """Calls a second."""
    try:
        rate = float(value)
    except ValueError:
        rate = math.nan
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError("must be a number of calls a second above 0")
    return rate


class DatabaseUrl(Secret):
    """Where the records are; of a server, with its password."""

    __slots__ = ()

    @property
    def shown(self) -> str:
        """The address for people: without password and options."""
        return _server_parts(self.reveal())["shown"] if _is_server(self.reveal()) else self.reveal()

    @property
    def is_server(self) -> bool:
        """Whether it is a server's, which may be away for a while, and not a file's."""
        return _is_server(self.reveal())

    def passwords(self) -> tuple[str, ...]:
        """Every password in it, before the host or among the options, as written and as it is meant."""
        if not _is_server(self.reveal()):
            return ()
        parts = urlsplit(self.reveal())
        options = dict(option.split("=", 1) for option in parts.query.split("&") if "=" in option)
        written = [parts.password, options.get("password"), options.get("sslpassword")]
        return tuple(dict.fromkeys(found for raw in written if raw for found in (unquote(raw), raw)))


def database_address(value: str) -> DatabaseUrl:
    """Where the records are."""
    if _is_server(value):
        _server_parts(value)
        return DatabaseUrl(value)
    if not value.startswith("sqlite:///") or value.removeprefix("sqlite:///") in {"", ":memory:"}:
        raise ValueError("must be sqlite:///<file> or postgresql://<user>:<password>@<host>/<database>")
    return DatabaseUrl(value)


def _is_server(value: str) -> bool:
    return value.startswith(("postgresql://", "postgres://"))


def _server_parts(value: str) -> dict[str, str]:
    """Strict: what is read in two ways could show a part of the password as the host's name."""
    plain = r"[^\s:/?#@\[\]]"
    found = re.fullmatch(
        rf"postgres(?:ql)?://(?:(?P<user>{plain}+)(?::{plain}*)?@)?"
        rf"(?P<host>(?:{plain}|[,:]|\[[0-9a-fA-F:.]+\])*)/(?P<database>{plain}+)(?:\?[^\s#@]*)?",
        value,
    )
    if not found:
        raise ValueError(
            "must be postgresql://<user>:<password>@<host>/<database>, with every sign of user and "
            "password that is neither letter nor digit written as % and its two digits"
        )
    at = f"{found['user']}@" if found["user"] else ""
    return {"shown": f"postgresql://{at}{found['host']}/{found['database']}"}
