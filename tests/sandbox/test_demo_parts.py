"""The demo's parts by themselves: settings, the fast clock, the search, what is cut from calls."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.policy_file import load_policy
from bot.sandbox.clock import ManualClock
from bot.sandbox.demo.calls import CUT, KEPT, CallLog, without_secrets
from bot.sandbox.demo.clock import CALM_SECONDS, TICK_SECONDS, FastClock
from bot.sandbox.demo.folder import CannotUse, Folder
from bot.sandbox.demo.guide import Guide, is_told_of_a_typo, steps
from bot.sandbox.demo.options import LEAST_THINGS, Options, options_from
from bot.sandbox.demo.policy import POLICY
from bot.sandbox.demo.round import Round
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.monogoto.calls import Call
from bot.sandbox.slack import Delivery, LocalSlack, Submission

README = (Path(__file__).parents[2] / "README.md").read_text()
NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


# --- settings ------------------------------------------------------------------------------------------


def test_flags_win_over_the_environment_and_both_over_what_is_usual() -> None:
    environment = {"DEMO_PORT": "8080", "DEMO_SEED": "7", "DEMO_HTTP": "1"}
    asked = options_from(["--seed", "9", "--fast", "60"], environment)
    assert asked == Options(port=8080, seed=9, http=True, fast=60.0)
    assert options_from(["--no-http"], environment).http is False
    assert options_from([], {}) == Options()


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--port", "65536"), ("--things", "100001"), ("--things", "29"), ("--fast", "0.5"), ("--fast", "inf")],
)
def test_a_value_out_of_range_is_named_before_anything_starts(
    flag: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        options_from([f"{flag}={value}"], {})
    assert ended.value.code == 2
    assert f"argument {flag}: must be" in capsys.readouterr().err


def test_the_fewest_sims_that_may_be_asked_for_are_as_many_as_there_are_then() -> None:
    assert len(LocalMonogoto(ManualClock(), things=LEAST_THINGS).iccids) == LEAST_THINGS
    assert len(LocalMonogoto(ManualClock(), things=0).iccids) == LEAST_THINGS
    assert options_from([f"--things={LEAST_THINGS}"], {}).things == LEAST_THINGS


def test_the_policys_first_line_names_the_pages_button_as_the_page_does() -> None:
    page = (Path(__file__).parents[2] / "bot/sandbox/page/monogoto_trouble.js").read_text()
    named = re.findall("“(.+?)”", POLICY.splitlines()[0])
    assert len(named) == 1
    assert f'"{named[0]}"' in page


def test_the_step_with_the_typo_says_that_a_reason_is_needed_before_it_says_to_send(
    monogoto: LocalMonogoto,
) -> None:
    (typo,) = (step for step in steps(monogoto.examples) if step.key == "typo")
    assert "give a reason, try to send" in typo.text


ALL_DONE = ["approve", "lock", "lost", "swap", "typo"]


@pytest.mark.parametrize(
    ("kept", "done"), [(["lock", "approve"], []), (ALL_DONE, ALL_DONE), (None, []), (["lock", 7], [])]
)
def test_a_guide_that_was_half_done_begins_anew_with_the_process(
    monogoto: LocalMonogoto, tmp_path: Path, kept: object, done: list[str]
) -> None:
    """The lock that the next step speaks of went with the process; what was done to the end stays done."""
    folder = Folder(tmp_path)
    folder.remember({"done": kept, "dismissed": True})
    slack = LocalSlack(ManualClock())
    seen = Guide(slack, monogoto, CallLog(lambda: None), folder).look()
    assert sorted(step["key"] for step in seen["steps"] if step["done"]) == done
    assert seen["dismissed"] is True


TYPO, RIGHT = "490145203237518", "490154203237518"


@pytest.mark.parametrize(
    ("block_id", "typed", "answer", "told"),
    [
        ("imei", TYPO, Submission({"imei": "Two digits are swapped."}, "errors"), True),
        ("imei.v2", TYPO, Submission({"imei.v2": "Two digits are swapped."}, "errors"), True),
        ("imei", TYPO, Submission(action="update"), True),
        ("imei", RIGHT, Submission(action="update"), False),
        ("imei", TYPO, Submission({"reason": "Say why."}, "errors"), False),
        ("imei", TYPO, Submission(error="operation_timeout"), False),
        ("imei", "", Submission(action="update"), False),
    ],
)
def test_a_typo_counts_once_the_form_came_back_because_of_it(
    block_id: str, typed: str, answer: Submission, told: bool
) -> None:
    """However the bot says it: beside the field, or in a form that takes the place of the first."""
    values = {block_id: {"imei": {"type": "plain_text_input", "value": typed}}}
    payload = {"type": "view_submission", "view": {"state": {"values": values}}}
    assert is_told_of_a_typo(Delivery("interactive", payload, NINE, outcome=answer)) is told


def test_the_readme_explains_every_setting_with_its_key_and_its_usual_value(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        options_from(["--help"], {})
    told = capsys.readouterr().out
    rows = re.findall(r"^\| `--(\w+)` \| `(DEMO_\w+)[^|]*\| [^|]+ \| `?([^|`]+?)`? \|$", README, re.MULTILINE)
    usual = {
        "port": "4634",
        "things": "2,000",
        "seed": "1",
        "fast": "1",
        "http": "off",
        "folder": ".demo",
    }
    assert {flag: value for flag, _, value in rows} == usual
    for flag, key, _ in rows:
        assert f"--{flag}" in told
        assert key in told


# --- the fast clock ------------------------------------------------------------------------------------


def test_the_clock_hurries_only_while_nobody_waits_for_an_answer() -> None:
    clock, busy = FastClock(NINE, 60.0), [True]
    clock.is_busy = lambda: busy[0]
    _run_for(clock, 2.0)
    assert (clock.now() - NINE).total_seconds() == pytest.approx(2.0)
    busy[0] = False
    _run_for(clock, CALM_SECONDS - TICK_SECONDS)
    assert (clock.now() - NINE).total_seconds() == pytest.approx(2.0 + CALM_SECONDS - TICK_SECONDS)
    before = clock.now()
    _run_for(clock, 1.0)
    assert (clock.now() - before).total_seconds() == pytest.approx(60.0)
    busy[0] = True
    before = clock.now()
    _run_for(clock, 1.0)
    assert (clock.now() - before).total_seconds() == pytest.approx(1.0)


def test_a_loop_that_was_held_up_does_not_make_the_clock_jump() -> None:
    clock = FastClock(NINE, 60.0)
    _run_for(clock, 1.0)
    before = clock.now()
    clock.tick(3.0)
    assert (clock.now() - before).total_seconds() == pytest.approx(3.0)


def _run_for(clock: FastClock, seconds: float) -> None:
    for _ in range(round(seconds / TICK_SECONDS)):
        clock.tick(TICK_SECONDS)


def test_a_glance_into_the_database_holds_the_clock_for_that_moment_only() -> None:
    clock, held = FastClock(NINE, 60.0), [False]
    clock.is_held = lambda: held[0]
    _run_for(clock, 1.0)
    held[0] = True
    before = clock.now()
    _run_for(clock, 0.5)
    assert (clock.now() - before).total_seconds() == pytest.approx(0.5)
    held[0] = False
    before = clock.now()
    clock.tick(TICK_SECONDS)
    assert (clock.now() - before).total_seconds() == pytest.approx(60 * TICK_SECONDS)


async def test_an_idle_round_with_a_clock_200_times_as_fast_gets_along_at_20_times_at_least(
    tmp_path: Path,
) -> None:
    folder = Folder(tmp_path / "own")
    folder.take()
    folder.empty_database()
    options = Options(port=0, fast=200.0, folder=folder.path)
    fast = Round(options, folder, number=1, reset=lambda: None)
    try:
        await fast.start(0)
        rate = 0.0
        for _ in range(5):  # stretches of real time; one that the machine spoils is no proof
            rate = max(rate, await _rate_of(fast))
            if rate >= 20:
                break
    finally:
        await fast.stop()
        folder.release()
    assert rate >= 20


async def _rate_of(going: Round) -> float:
    """Of its clock against the loop's, over two seconds."""
    loop, clock = asyncio.get_running_loop(), going.slack.payloads._state.clock
    real, shown = loop.time(), clock.now()
    await asyncio.sleep(2.0)
    return (clock.now() - shown).total_seconds() / (loop.time() - real)


# --- the folder ----------------------------------------------------------------------------------------


def test_an_earlier_demos_folder_is_taken_again_and_its_policy_kept(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "own")
    folder.take()
    assert load_policy(folder.policy).team == "T0TEAM"
    folder.policy.write_text(folder.policy.read_text() + "# mine\n")
    folder.remember({"done": ["lock"]})
    folder.release()
    again = Folder(tmp_path / "own")
    again.take()
    assert again.policy.read_text().endswith("# mine\n")
    assert again.remembered() == {"done": ["lock"]}
    again.release()


def test_a_folder_with_somebodys_files_in_it_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=theirs")
    with pytest.raises(CannotUse, match="holds other things"):
        Folder(tmp_path).take()
    assert (tmp_path / ".env").read_text() == "SLACK_BOT_TOKEN=theirs"


# --- the search ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def monogoto() -> LocalMonogoto:
    return LocalMonogoto(ManualClock(), things=300)


def _iccids(monogoto: LocalMonogoto, text: str, **more: str) -> list[str]:
    return [row["iccid"] for row in monogoto.find.things(text, slice(0, 300), **more).rows]


def test_a_sim_is_found_by_part_of_name_number_and_group_in_any_case(monogoto: LocalMonogoto) -> None:
    sim = monogoto.examples.fresh
    group = monogoto.group(sim.group_id)["ThingsGroupName"]
    assert _iccids(monogoto, "COLD store 12 malmö") == [sim.iccid]
    assert _iccids(monogoto, sim.iccid) == [sim.iccid]
    assert sim.iccid in _iccids(monogoto, sim.iccid[-9:])
    spaced = f"{sim.imei[:2]}-{sim.imei[2:8]} {sim.imei[8:14]}-{sim.imei[14:]}"
    assert _iccids(monogoto, spaced) == [sim.iccid]
    assert sim.iccid in _iccids(monogoto, group.lower())
    assert set(_iccids(monogoto, "", group_id=sim.group_id)) == set(monogoto.iccids_in(sim.group_id))
    assert _iccids(monogoto, "no such words") == []


@pytest.mark.parametrize(("typed", "meant"), [("malmo", "Malmö"), ("IZMIR", "İzmir"), ("gdansk", "Gdańsk")])
def test_accents_need_not_be_typed_and_may_be(monogoto: LocalMonogoto, typed: str, meant: str) -> None:
    """As in the page's own lists; in the names of SIMs and of groups."""
    assert _iccids(monogoto, typed)
    assert _iccids(monogoto, typed) == _iccids(monogoto, meant)
    rows = monogoto.find.groups(typed, slice(0, 50)).rows
    assert rows == monogoto.find.groups(meant, slice(0, 50)).rows
    assert {meant in row["name"] for row in rows} <= {True}


def test_the_search_sees_what_has_changed_since(monogoto: LocalMonogoto) -> None:
    sim, imei = monogoto.examples.cleared, monogoto.examples.unused_imeis[5]
    assert _iccids(monogoto, imei) == []
    monogoto.console_edit(sim.iccid, MasterIMEI=imei, LockMasterImei=True)
    (row,) = monogoto.find.things(imei, slice(0, 5)).rows
    assert (row["iccid"], row["locked"], row["locked_imei"]) == (sim.iccid, True, imei)


def test_groups_are_found_with_the_number_of_their_sims(monogoto: LocalMonogoto) -> None:
    group_id = monogoto.examples.locked_group
    (row,) = monogoto.find.groups(group_id, slice(0, 5)).rows
    assert (row["locked"], row["tac"]) == (True, monogoto.examples.locked_group_tac)
    assert row["things"] == len(monogoto.iccids_in(group_id))


def test_a_page_says_how_many_there_are_in_all(monogoto: LocalMonogoto) -> None:
    found = monogoto.find.things("", slice(50, 100))
    assert (found.total, len(found.rows)) == (300, 50)
    assert found.rows[0]["iccid"] == monogoto.iccids[50]


# --- what is cut ---------------------------------------------------------------------------------------


def test_no_secret_of_a_record_or_a_log_in_survives_at_any_depth(monogoto: LocalMonogoto) -> None:
    sim = monogoto.examples.fresh.iccid
    shown = json.dumps(
        without_secrets([{"deep": monogoto.thing(sim)}, {"refreshToken": "x", "Password": "y"}])
    )
    assert [secret for secret in monogoto.secrets(sim) if secret in shown] == []
    assert shown.count(CUT) == len(monogoto.secrets(sim)) + 2
    assert sim in shown


def test_the_inventorys_pages_do_not_push_out_what_people_asked_for() -> None:
    told: list[None] = []
    log = CallLog(lambda: told.append(None))
    for number in range(KEPT * 2):
        log.hear(_call(number, "/things"), b"[]")
    log.hear(_call(9_998, "/things", {"filterBy[IMEI]": "1"}), b"[]")
    log.hear(_call(9_999, "/thing/ThingId_ICCID_1"), b"not json")
    seen = log.as_json(10)
    assert [call["number"] for call in seen["calls"]] == [9_999, 9_998]
    assert (seen["calls"][0]["answer"], seen["listings"], len(told)) == ("not json", KEPT * 2, 2)


def _call(number: int, path: str, query: dict[str, str] | None = None) -> Call:
    return Call(number, NINE, "GET", path, query or {}, None, 200)
