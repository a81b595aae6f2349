"""The one place where foreign errors become ours."""

from datetime import UTC, datetime

import httpx
import pytest

from bot.domain.errors import NotReached, OutcomeUnknown, PlatformError
from bot.monogoto import failures, wire
from bot.monogoto.failures import Answer
from bot.monogoto.snippets import snippet

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SURELY_NOT_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "InvalidURL"}


def exceptions_of_httpx() -> list[type[Exception]]:
    exported = [getattr(httpx, name) for name in httpx.__all__]
    return [
        item for item in [*exported, wire.TooLong] if isinstance(item, type) and issubclass(item, Exception)
    ]


def made(kind: type[Exception]) -> Exception:
    return kind.__new__(kind)


@pytest.mark.parametrize("kind", exceptions_of_httpx(), ids=lambda kind: kind.__name__)
def test_no_exception_of_httpx_is_missed(kind: type[Exception]) -> None:
    assert issubclass(kind, failures.FOREIGN)
    writing = failures.from_exception(made(kind), writing=True)
    reading = failures.from_exception(made(kind), writing=False)
    assert type(writing) is (NotReached if kind.__name__ in SURELY_NOT_SENT else OutcomeUnknown)
    assert isinstance(reading, PlatformError)
    assert not isinstance(reading, OutcomeUnknown)


def test_running_out_of_time_is_unknown_only_for_a_write_that_left() -> None:
    kinds = {
        (writing, left): type(failures.from_deadline(writing=writing, left=left))
        for writing in (True, False)
        for left in (True, False)
    }
    assert [case for case, kind in kinds.items() if kind is OutcomeUnknown] == [(True, True)]
    assert set(kinds.values()) == {OutcomeUnknown, NotReached}


@pytest.mark.parametrize("status", [408, 425, 499])
def test_an_answer_of_somebody_who_gave_up_waiting_is_no_refusal_of_a_write(status: int) -> None:
    with pytest.raises(OutcomeUnknown):
        failures.demand_good(Answer(status, b"timed out"), writing=True)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("Mon, 02 Mar 2026 09:01:00 GMT", 60.0),
     ("Mon, 02 Mar 2026 08:00:00 GMT", 0.0), ("99999999", 3600.0), (None, None), ("", None), ("soon", None),
     ("nan", None), ("-1", None), ("1e9", None),
     ("Mon, 02 Mar 99999999999999999999 09:01:00 GMT", None), ("Mon, 02 Mar 2026 09:01:00", None)],
)  # fmt: skip
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert failures.retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    "text", ["getaddrinfo ENOTFOUND db", "Unknown error", "<html>not found</html>", "x" * 3000 + " not found"]
)
def test_not_everything_that_sounds_like_it_says_unknown(text: str) -> None:
    with pytest.raises(NotReached):
        failures.demand_good(Answer(500, text.encode()), writing=False)


def test_a_snippet_is_short_and_clean_and_shows_no_whole_number() -> None:
    raw = "\u202ebad\x00\x1b[31m 8944478000000000012 and 3530\u200b53119990002 " + "x" * 500
    assert len(snippet(raw.encode())) == 120
    assert snippet(raw.encode()).startswith("bad [31m …0012 and 3530 53119990002")
    assert snippet(b"\xff\xfe") == "��"


def test_an_answer_does_not_show_its_body() -> None:
    assert "PIN" not in repr(Answer(200, b"PIN"))
