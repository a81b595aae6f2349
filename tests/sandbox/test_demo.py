"""The demo as people run it: one process, one address, everything in it real."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox.demo_process import ROOT, DemoProcess

MONOGOTO = "/control/monogoto"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    demo = DemoProcess(tmp_path_factory.mktemp("demo") / "folder", "--things", "300")
    yield demo
    demo.end()


@pytest.fixture
def stolen(demo: DemoProcess) -> str:
    """The ICCID of the guide's stolen SIM."""
    return demo.copy_of("lock").split()[1]


def test_the_five_steps_are_ticked_off_one_by_one_as_they_really_happen(demo: DemoProcess) -> None:
    demo.post("/control/demo/reset")
    demo.until(lambda: _round(demo) > 1)
    stolen, other = demo.copy_of("lock").split()[1:]
    assert demo.done() == set()
    session = {"iccid": stolen, "imei": "353053119990002"}
    assert demo.post(f"{MONOGOTO}/session", **session)["accepted"]
    demo.post(f"{MONOGOTO}/session", iccid=stolen, imei=other)
    assert demo.send_form("U0ENG1", demo.copy_of("lock"))["ok"]
    demo.until(lambda: demo.done() == {"lock"})
    demo.approve("U0APP1")
    demo.until(lambda: demo.done() == {"lock", "approve"})
    refused = demo.post(f"{MONOGOTO}/session", **session)
    assert (refused["accepted"], refused["by"]) == (False, "thing")
    assert demo.done() == {"lock", "approve", "swap"}
    assert "imei" in demo.send_form("U0ENG1", demo.copy_of("typo"))["errors"]
    assert demo.done() == {"lock", "approve", "swap", "typo"}
    demo.post(f"{MONOGOTO}/trouble", kind="answer_lost")
    assert demo.send_form("U0ENG1", demo.copy_of("lost"))["ok"]
    demo.until(lambda: len(_open_cards(demo)) == 1)
    demo.approve("U0APP1")
    demo.until(lambda: "lost" in demo.done())
    lost = [call for call in demo.get(f"{MONOGOTO}/calls")["calls"] if call["fault"]]
    assert [(call["method"], call["status"]) for call in lost] == [("PUT", None)]


def test_a_refusal_by_a_lock_that_the_bot_did_not_make_ticks_nothing_off(demo: DemoProcess) -> None:
    demo.post("/control/demo/reset")
    before = _round(demo)
    demo.until(lambda: _round(demo) > before)
    locked = _find(demo, "", locked=True)[0]["iccid"]
    refused = demo.post(f"{MONOGOTO}/session", iccid=locked, imei="353053119990002")
    assert refused["by"] in {"thing", "group"}
    assert "swap" not in demo.done()


def test_the_page_and_its_parts_are_served(demo: DemoProcess) -> None:
    page = demo.http.get("/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    for name in ("monogoto.js", "monogoto.css", "guide.js", "guide.css"):
        assert demo.http.get(f"/page/{name}").status_code == 200, name


def test_a_sims_record_is_shown_as_it_is_but_for_its_secrets(demo: DemoProcess, stolen: str) -> None:
    shown = demo.get(f"{MONOGOTO}/things/{stolen}")
    record = shown["record"]
    assert record["ExternalUniqueId"] == stolen
    assert {record[key] for key in ("IMSI", "MSISDN", "PIN1", "PIN2", "PUK1", "PUK2")} == {"(cut)"}
    assert "decoy" not in str(shown)
    assert "cas" in record
    assert shown["unused_imei"] not in {record["IMEI"], record["MasterIMEI"]}


def test_the_last_calls_show_what_was_asked_and_answered_and_no_secret(demo: DemoProcess) -> None:
    demo.send_form("U0ENG2", demo.copy_of("typo"))
    calls = demo.until(lambda: [c for c in _calls(demo) if c["path"].startswith("/thing/ThingId")])
    assert calls[0]["answer"]["ThingId"] in calls[0]["path"]
    log_in = next(call for call in _calls(demo) if call["path"] == "/Auth")
    assert (log_in["body"]["Password"], log_in["answer"]["token"]) == ("(cut)", "(cut)")
    assert "decoy" not in str(_calls(demo))


def test_an_edit_at_the_console_shows_in_the_record_and_in_the_verdict(
    demo: DemoProcess, stolen: str
) -> None:
    path = f"{MONOGOTO}/edit-thing"
    assert demo.post(path, iccid=stolen, lock=True, imei="35-305311-999001-0")["ok"]
    assert demo.get(f"{MONOGOTO}/things/{stolen}")["record"]["MasterIMEI"] == "353053119990010"
    refused = demo.post(f"{MONOGOTO}/session", iccid=stolen, imei="353053119990002")
    assert (refused["accepted"], refused["by"]) == (False, "thing")
    odd = demo.post(f"{MONOGOTO}/session", iccid=stolen, imei="353053119990011")
    assert (odd["accepted"], odd["odd"]) == (True, "No device has this IMEI: its last digit would be 0.")
    assert refused["odd"] == ""
    assert demo.post(path, iccid=stolen, lock=False, imei="")["ok"]
    assert demo.post(f"{MONOGOTO}/session", iccid=stolen, imei="353053119990002")["accepted"]


def test_a_groups_lock_set_at_the_console_refuses_devices_out_of_range(
    demo: DemoProcess, stolen: str
) -> None:
    group_id = demo.get(f"{MONOGOTO}/things/{stolen}")["record"]["ThingsGroupId"]
    demo.post(f"{MONOGOTO}/edit-group", id=group_id, lock=True, tac="86696204")
    refused = demo.post(f"{MONOGOTO}/session", iccid=stolen, imei="353053119990002")
    assert (refused["accepted"], refused["by"]) == (False, "group")
    demo.post(f"{MONOGOTO}/edit-group", id=group_id, lock=False, tac="")
    assert demo.get(f"{MONOGOTO}/groups/{group_id}")["record"]["LockMasterImei"] is False


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("session", {"iccid": "8944478000000000012", "imei": "12"}),
        ("session", {"iccid": "nobody", "imei": "353053119990002"}),
        ("edit-thing", {"iccid": "8944478000000000012", "lock": "yes", "imei": ""}),
        ("edit-group", {"id": "nobody", "lock": True, "tac": ""}),
        ("trouble", {"kind": "earthquake"}),
        ("trouble", {"kind": "slow", "times": 0}),
        ("trouble", {"kind": "slow", "times": 1.5}),
        ("trouble", {"kind": "slow", "times": True}),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    demo: DemoProcess, path: str, body: dict[str, object]
) -> None:
    answer = demo.http.post(f"{MONOGOTO}/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_an_endless_number_of_times_is_refused_in_a_sentence(demo: DemoProcess) -> None:
    answer = demo.http.post(
        f"{MONOGOTO}/trouble",
        content='{"kind": "slow", "times": Infinity}',
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "from 1 to 20 times")


def test_open_pages_hear_of_every_change_at_monogoto(demo: DemoProcess) -> None:
    with demo.http.stream("GET", "/control/feed", params={"as": "U0ENG1"}) as feed:
        lines = feed.iter_lines()
        assert '"what": "slack"' in next(lines)
        assert '"what": "monogoto"' in next(line for line in lines if line)
        demo.post(f"{MONOGOTO}/clear")
        assert next(line for line in lines if '"what": "monogoto"' in line)


def test_open_pages_are_told_of_another_round_by_its_number(demo: DemoProcess) -> None:
    before = _round(demo)
    assert {event["round"] for event in _first_two(demo)} == {before}
    demo.post("/control/demo/reset")
    demo.until(lambda: _round(demo) == before + 1)
    again = _first_two(demo)
    assert [(event["what"], event["round"]) for event in again] == [
        ("slack", before + 1),
        ("monogoto", before + 1),
    ]


def test_trouble_waits_until_it_is_cleared(demo: DemoProcess) -> None:
    for kind in ("slow", "rate_limited", "error", "answer_lost"):
        demo.post(f"{MONOGOTO}/trouble", kind=kind, times=3)
    waiting = demo.get(f"{MONOGOTO}/trouble")["waiting"]
    assert [one["kind"] for one in waiting] == ["slow", "rate_limited", "error", "answer_lost"]
    assert {one["times"] for one in waiting} == {3}
    assert demo.post(f"{MONOGOTO}/clear")["waiting"] == []


def test_expired_log_ins_are_renewed_by_the_bot(demo: DemoProcess) -> None:
    demo.send_form("U0ENG2", demo.copy_of("typo"))
    before = len([call for call in _calls(demo) if call["path"] == "/Auth"])
    demo.post(f"{MONOGOTO}/expire-tokens")
    demo.send_form("U0ENG2", demo.copy_of("typo"))
    demo.until(lambda: len([call for call in _calls(demo) if call["path"] == "/Auth"]) > before)


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_other_pages_reach_neither_pane_nor_reset(demo: DemoProcess, headers: dict[str, str]) -> None:
    for path in (f"{MONOGOTO}/expire-tokens", "/control/demo/reset", "/control/guide/dismiss"):
        assert demo.http.post(path, json={}, headers=headers).status_code == 403
    assert demo.http.get(f"{MONOGOTO}/calls", headers=headers).status_code == 403


def test_a_reset_begins_anew_at_the_same_address_with_the_same_sims(demo: DemoProcess, stolen: str) -> None:
    rows = demo.get(f"{MONOGOTO}/things")["rows"]
    demo.post(f"{MONOGOTO}/edit-thing", iccid=stolen, lock=True, imei="353053119990010")
    demo.post("/control/guide/dismiss", dismissed=True)
    before = _round(demo)
    demo.send_form("U0ENG1", demo.copy_of("lost"))
    demo.until(lambda: _open_cards(demo))
    assert demo.post("/control/demo/reset")["ok"]
    demo.until(lambda: _round(demo) == before + 1)
    fresh = demo.get(f"{MONOGOTO}/things")["rows"]
    assert [(row["iccid"], row["name"]) for row in fresh] == [(row["iccid"], row["name"]) for row in rows]
    assert _find(demo, stolen)[0]["locked"] is False
    assert _open_cards(demo) == []
    guide = demo.get("/control/guide")
    assert (guide["dismissed"], demo.done()) == (False, set())
    demo.send_form("U0ENG1", demo.copy_of("lost"))
    demo.until(lambda: _open_cards(demo))  # no request of the round before stands in the way


def test_a_policy_that_was_edited_wrongly_is_named_and_nothing_is_lost(demo: DemoProcess) -> None:
    policy = demo.folder / "policy.toml"
    good, before = policy.read_text(), _round(demo)
    policy.write_text(good.replace('team = "T0TEAM"', "team = 7"))
    try:
        refused = demo.http.post("/control/demo/reset", json={})
        assert (refused.status_code, "policy.toml" in refused.json()["error"]) == (400, True)
    finally:
        policy.write_text(good)
    assert _round(demo) == before


def test_the_secrets_stay_in_a_file_that_only_its_owner_reads(demo: DemoProcess) -> None:
    secrets = demo.folder / ".env"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert "SLACK_BOT_TOKEN=xoxb-" in secrets.read_text()
    assert "xoxb-" not in (demo.folder / "bot.log").read_text()


def test_a_second_demo_in_the_same_folder_is_refused(demo: DemoProcess) -> None:
    code, said = _run("--port", "0", "--folder", str(demo.folder))
    assert (code, "another demo runs" in said) == (2, True)


def test_a_folder_that_holds_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "imei-lock.db").write_text("somebody's audit log")
    code, said = _run("--port", "0", "--folder", str(tmp_path))
    assert (code, "holds other things" in said) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["imei-lock.db"]


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, said = _run("--port", str(port), "--folder", str(tmp_path / "own"))
    assert (code, f"port {port} is taken" in said) == (2, True)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_and_closes_its_port(tmp_path: Path, how: signal.Signals) -> None:
    flags = ("--http", "--things", "30") if how == signal.SIGTERM else ("--things", "30")
    demo = DemoProcess(tmp_path / "own", *flags)
    assert demo.get("/control/demo")["transport"] == ("signed HTTP" if "--http" in flags else "Socket Mode")
    assert "imei" in demo.send_form("U0ENG1", demo.copy_of("typo"))["errors"]
    assert demo.done() == {"typo"}
    assert demo.end(how) == (0, "")
    with socket.socket() as knocking:
        assert knocking.connect_ex(("127.0.0.1", int(demo.url.rpartition(":")[2]))) != 0
    assert "Traceback" not in (tmp_path / "own" / "bot.log").read_text()


def test_a_fast_clock_lets_a_request_expire_while_one_looks(tmp_path: Path) -> None:
    demo = DemoProcess(tmp_path / "own", "--things", "30", "--fast", "200")
    try:
        policy = demo.folder / "policy.toml"
        policy.write_text(policy.read_text().replace('expires      = "24h"', 'expires      = "1m"'))
        demo.post("/control/demo/reset")
        demo.until(lambda: _round(demo) > 1)
        assert demo.send_form("U0ENG1", demo.copy_of("lock"))["ok"]
        demo.until(lambda: "xpired" in str(_messages(demo)))  # its patience is half of that minute
    finally:
        assert demo.end() == (0, "")


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.6])
def test_ctrl_c_while_it_still_starts_is_a_good_end_too(tmp_path: Path, seconds: float) -> None:
    starting = subprocess.Popen(
        [sys.executable, "-m", "bot.sandbox.demo", "--port", "0", "--folder", str(tmp_path / "own")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert starting.stdout
    assert starting.stdout.readline() == "Starting…\n"
    time.sleep(seconds)  # into the loading of modules, which no clock of ours measures
    starting.send_signal(signal.SIGINT)
    _, said = starting.communicate(timeout=50)
    assert (starting.returncode, said) == (0, "")


def _first_two(demo: DemoProcess) -> list[dict[str, Any]]:
    """What the feed says as soon as somebody listens."""
    with demo.http.stream("GET", "/control/feed", params={"as": "U0ENG1"}) as feed:
        told = (json.loads(line.removeprefix("data: ")) for line in feed.iter_lines() if line)
        return [next(told), next(told)]


def _run(*flags: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "bot.sandbox.demo", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return done.returncode, done.stderr


def _round(demo: DemoProcess) -> int:
    """Which one is ready; 0 while none is."""
    try:
        told = demo.get("/control/demo")
    except httpx.TransportError:  # between two rounds nobody listens
        return 0
    return int(told["round"]) if told["ready"] else 0


def _calls(demo: DemoProcess) -> list[dict[str, Any]]:
    return demo.get(f"{MONOGOTO}/calls")["calls"]


def _find(demo: DemoProcess, search: str, **having: object) -> list[dict[str, Any]]:
    rows = demo.get(f"{MONOGOTO}/things", search=search)["rows"]
    return [row for row in rows if all(row[key] == value for key, value in having.items())]


def _messages(demo: DemoProcess) -> list[dict[str, Any]]:
    return demo.get("/control/messages", **{"as": "U0ENG1", "channel": "C0FIELD"})["messages"]


def _open_cards(demo: DemoProcess) -> list[dict[str, Any]]:
    return [message for message in _messages(demo) if "request.approve" in str(message.get("blocks"))]
