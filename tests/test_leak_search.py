"""The search for leaks finds what was hidden from it, and nothing where nothing is."""

from __future__ import annotations

import base64
import sqlite3
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.leaks import Needles, found

SECRET = 'xoxb-1/hunter2+"é'
ICCID = "8944500312345678901"
NEEDLES = Needles((SECRET,), (ICCID,))

HIDDEN = {
    "as it is": SECRET,
    "in a URL": f"https://x/?token={quote(SECRET, safe='')}",
    "in base64": base64.b64encode(f"user:{SECRET}".encode()).decode(),
    "in base64, shifted": base64.b64encode(f"ab:{SECRET}".encode()).decode(),
    "in base64 for URLs": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "in hex": SECRET.encode().hex(),
    "escaped": repr(SECRET.encode("unicode_escape").decode()).replace("\\\\", "\\").replace('"', '\\"'),
}
GROUPED = [
    ICCID,
    "8944 5003 1234 5678 901",
    "89-44500312-345678901",
    "8944.5003.1234.5678.901",
    "8944 5003\u00a01234\u20095678 901",
    "8944 - 5003 - 1234 - 5678 - 901",
    "٨٩٤٤٥٠٠٣١٢٣٤٥٦٧٨٩٠١",
    "ICCID=8944500312345678901F",
]


@pytest.mark.parametrize("how", HIDDEN)
def test_a_secret_is_found_however_it_is_written(tmp_path: Path, how: str) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/kept.bin").write_bytes(b"\xff\x00" + HIDDEN[how].encode() + b"\x00")
    (leak,) = found(tmp_path, NEEDLES)
    assert leak.file == "deep/kept.bin"
    assert "hunter2" not in str(leak)


@pytest.mark.parametrize("number", GROUPED)
def test_a_number_is_found_in_a_log_in_any_grouping_and_is_welcome_elsewhere(
    tmp_path: Path, number: str
) -> None:
    (tmp_path / "card.json").write_text(number)
    assert found(tmp_path, NEEDLES) == []
    (tmp_path / "bot.log").write_text(f"12:00:00 INFO asked for {number}.\n")
    (leak,) = found(tmp_path, NEEDLES)
    assert ICCID not in str(leak)


def test_a_secret_in_a_row_of_a_database_is_found(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "imei-lock.db") as database:
        database.execute("create table t (a text)")
        database.execute("insert into t values (?)", (SECRET,))
    database.close()
    assert [leak.file for leak in found(tmp_path, NEEDLES)] == ["imei-lock.db"]


def test_masked_numbers_and_other_numbers_are_no_leak(tmp_path: Path) -> None:
    (tmp_path / "bot.log").write_text(
        "2026-11-30 20:08:08.123 <19 digits …8901> 1772442000.123456 x=8944500312\n"
    )
    assert found(tmp_path, NEEDLES) == []


def test_an_empty_folder_and_an_empty_list_are_mistakes_not_successes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing"):
        found(tmp_path, NEEDLES)
    (tmp_path / "bot.log").write_text("something")
    with pytest.raises(ValueError, match="nothing"):
        found(tmp_path, Needles(()))
