"""Whom it hurts, many at once, and back again: groups, files and undo as people meet them at the page."""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from bot.domain.identifiers import luhn_digit
from tests.browser.hands import CHLOE, MARIA, RAVI, Blanks, Window
from tests.scenarios.bulks import unlocked
from tests.scenarios.fleet import Fleet

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

TAC, TYPO, OTHER = "35305311", "35305312", "49015420"
PUT = ("PUT", "/thing/update/")
ODD = 40
"""More than the SIMs that stand for an odd case each, among them two in one device."""
LONG_MS = 120_000
"""For work of thousands of calls, on a busy machine."""
OpenFleet = Callable[..., Awaitable[Fleet]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_fleet(chromium: str, tmp_path: Path) -> AsyncIterator[OpenFleet]:
    """Opens one; it is ended with the test."""
    del chromium
    fleets: list[Fleet] = []

    async def opened(*, things: int = 200, rate: int = 500, in_process: bool = True) -> Fleet:
        fleet = Fleet(tmp_path, things=things, rate=rate)
        fleets.append(fleet)
        await fleet.start()
        if in_process:
            await fleet.start_bot()
        return fleet

    yield opened
    for fleet in fleets:
        await fleet.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def people(blanks: Blanks) -> AsyncIterator[Callable[..., Awaitable[Window]]]:
    """A window for each person. A fleet has no Monogoto side and no guide: who asks for them gets 404."""
    windows: dict[str, Window] = {}

    async def opened(fleet: Fleet, person: str, *, phone: bool = False) -> Window:
        if person not in windows:
            windows[person] = await Window.open(blanks, fleet.slack.url, person, phone=phone)
            windows[person].tolerated = ("404", "400")
            await windows[person].go_to("C0FIELD")
        return windows[person]

    yield opened
    for each in windows.values():
        await each.close()


# --- what people do with groups, files and cards ---------------------------------------------------------


def card_of(window: Window, request_id: str) -> Locator:
    """The card of a request in the open channel."""
    return window.page.locator("#channel [data-testid=message]").filter(has_text=f"request {request_id}").last


async def ask_for_group(window: Window, command: str) -> str:
    """Ask; the request's id."""
    await window.fill_in(command, "One model in this group")
    await expect(window.form).to_contain_text("Request posted", timeout=LONG_MS)
    return await _id_and_close(window)


async def send_file(window: Window, name: str, content: bytes, reason: str = "New boxes") -> str:
    """`/lock-csv` with a file; the id of its plan."""
    await _open_form(window)
    await window.form.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": content}
    )
    await expect(window.form.locator(".files")).to_contain_text(name)
    await window.form.get_by_label("Reason").fill(reason)
    await window.send_form()
    await expect(window.form).to_contain_text("read;", timeout=LONG_MS)
    return await _id_and_close(window)


async def _open_form(window: Window) -> None:
    """A process that has only just begun may answer its first command too late, on a machine that is busy:
    Slack says so then, and people type it once more."""
    too_late = window.page.locator("#channel [data-user=USLACKBOT]", has_text="operation_timeout")
    await window.say("/lock-csv")
    await expect(window.form.or_(too_late).first).to_be_visible(timeout=LONG_MS)
    if not await window.form.is_visible():
        await window.say("/lock-csv")


async def _id_and_close(window: Window) -> str:
    found = re.search(r"\b[2-9A-HJ-NP-Z]{10}\b", await window.form.inner_text())
    assert found
    await window.close_form()
    return found[0]


async def type_number(window: Window, card: Locator, typed: str) -> None:
    """Approve…, and the number that the form asks for."""
    await card.get_by_role("button", name="Approve…").click()
    await window.form.get_by_label("How many SIMs are affected?").fill(typed)
    await window.send_form()


async def approve_as_many(window: Window, card: Locator, typed: str) -> None:
    await type_number(window, card, typed)
    await expect(window.form).to_contain_text("Your approval counts")
    await window.close_form()


async def newest_file(window: Window, card: Locator, named: str = ".csv") -> list[dict[str, str]]:
    """The last table of this name in the card's thread, downloaded by a click."""
    await card.locator(".thread-link").click()
    file_box = window.tid("thread").locator("[data-testid=file]").filter(has_text=named).last
    await file_box.wait_for(timeout=LONG_MS)
    async with window.page.expect_download() as waiting:
        await file_box.click()
    file = await waiting.value
    content = await asyncio.to_thread(Path(await file.path()).read_bytes)
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


async def plan_checked(card: Locator) -> None:
    await expect(card).to_contain_text("ready", timeout=LONG_MS)
    await expect(card).not_to_contain_text("Checking the rows", timeout=LONG_MS)


def number(text: str, label: str) -> int:
    """The number beside a label of a card's table."""
    found = re.search(rf"^\s*{re.escape(label)}\s+([\d,]+)", text, re.MULTILINE)
    assert found, text
    return int(found[1].replace(",", ""))


async def approved_bulk(maria: Window, ravi: Window, request_id: str) -> Locator:
    """Sent on by its maker, approved by somebody else; the card as the maker sees it."""
    card = card_of(maria, request_id)
    await plan_checked(card)
    await card.get_by_role("button", name=re.compile("^Send the")).click()
    asked = card_of(ravi, request_id)
    await ravi.press(asked, "Approve")
    return card


def csv_of(rows: list[tuple[str, str]], separator: str = ",") -> str:
    return "\r\n".join(separator.join(row) for row in [("ICCID", "IMEI"), *rows])


def to_devices(fleet: Fleet, count: int) -> list[tuple[str, str]]:
    """So many SIMs, each with the device that it is in and no other SIM is."""
    things = {iccid: fleet.monogoto.thing(iccid) for iccid in unlocked(fleet.monogoto, count + ODD)}
    users = Counter(thing["IMEI"] for thing in things.values())
    alone = [(iccid, str(thing["IMEI"])) for iccid, thing in things.items() if users[thing["IMEI"]] == 1]
    return alone[ODD // 2 : ODD // 2 + count]


# --- 1. impact of a group ------------------------------------------------------------------------------


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_a_group_of_2000_says_whom_it_hurts_before_two_people_type_the_number(
    open_fleet: OpenFleet, people: Any, phone: bool
) -> None:
    """37 lose service and 12 are unknown: on the card, in the file, in the form, and then it is locked."""
    fleet = await open_fleet(things=2_060)
    group = fleet.monogoto.examples.open_group
    odd: list[str | None] = [None] * 7 + ["0" * 15] * 3 + ["12"] * 2
    keep: list[str | None] = [f"{TAC}{n:07d}" for n in range(1_951)]
    lose: list[str | None] = [f"{OTHER}{n:07d}" for n in range(37)]
    fleet.put_into_devices(group, lose + odd + keep, elsewhere=fleet.monogoto.examples.hostile_group)
    maria, ravi = await people(fleet, MARIA, phone=phone), await people(fleet, RAVI, phone=phone)
    request_id = await ask_for_group(maria, f"/lock-group {group} {TAC}")
    card = card_of(ravi, request_id)
    await expect(card).to_contain_text("37 of 2,000 lose service, 12 unknown", timeout=LONG_MS)
    said = await card.inner_text()
    assert [number(said, label) for label in ("keep service", "LOSE service", "unknown")] == [1_951, 37, 12]
    assert [number(said, label) for label in ("never seen", "zeros", "unreadable")] == [7, 3, 2]
    table = card.locator("pre").first
    assert await table.evaluate("node => node.scrollWidth <= node.clientWidth + 1"), "it fits the screen"
    rows = await newest_file(ravi, card)
    assert [row["Impact"] for row in rows].count("loses service") == 37
    assert len(rows) == 2_000
    if phone:
        await ravi.page.get_by_role("button", name=re.compile("Close|Back")).first.click()
    await approve_as_many(ravi, card, "49")
    assert fleet.monogoto.group_writes[group] == []
    await ravi.act_as(CHLOE)
    await ravi.go_to("C0FIELD")
    await approve_as_many(ravi, card_of(ravi, request_id), "49")
    await expect(card_of(maria, request_id)).to_contain_text("read back", timeout=LONG_MS)
    assert len(fleet.monogoto.group_writes[group]) == 1


async def test_a_mistyped_tac_is_stopped_by_the_number_that_has_to_be_typed(
    open_fleet: OpenFleet, people: Any
) -> None:
    """Whoever thinks that it is about a few types a few, and reads what it is about instead."""
    fleet = await open_fleet()
    group = fleet.monogoto.examples.open_group
    devices: list[str | None] = [f"{TAC}{n:07d}" for n in range(58)]
    fleet.put_into_devices(group, [*devices, None, None], elsewhere=fleet.monogoto.examples.hostile_group)
    maria, ravi = await people(fleet, MARIA), await people(fleet, RAVI)
    request_id = await ask_for_group(maria, f"/lock-group {group} {TYPO}")
    card = card_of(ravi, request_id)
    await expect(card).to_contain_text("58 of 60 lose service, 2 unknown", timeout=LONG_MS)
    assert number(await card.inner_text(), "never seen") == 2
    await type_number(ravi, card, "2")
    await expect(ravi.form).to_contain_text("60 SIMs are affected, and you typed 2")
    await ravi.page.keyboard.press("Escape")
    await expect(card).not_to_contain_text("Approved by")
    assert fleet.monogoto.group_writes[group] == []


# --- 2. many at once -----------------------------------------------------------------------------------


def bad_rows(fleet: Fleet) -> list[tuple[str, str]]:
    """Every kind of row that is refused or needs a look by its digits alone."""
    iccid, imei = fleet.monogoto.examples.fresh.iccid, fleet.monogoto.examples.unused_imeis[0]
    other = fleet.monogoto.examples.online.iccid
    return [
        ("", imei),
        (other, ""),
        ("123", imei),
        (f"{other[:10]}O{other[11:]}", imei),
        ("8.94448E+18", imei),
        (f"{other[:15]}0000", imei),
        (other, "4.90154E+14"),
        (other, imei[:14]),
        (other, f"{imei[:14]}{(int(imei[14]) + 5) % 10}"),
        (other, "111111111111111"),
        (other, iccid),
        (other, "unlock"),
        (other, "lock"),
        (other, "undo"),
        (other, "#N/A"),
        (other, '"=1+1"'),
        (other, "who knows"),
    ]


def imeis() -> Iterator[str]:
    """Devices that nobody has seen, each once."""
    for n in itertools.count(1):
        body = f"86000000{n:06d}"
        yield body + luhn_digit(body)


async def test_a_file_of_10000_with_every_kind_of_bad_row_sends_on_only_what_is_ready(
    open_fleet: OpenFleet, people: Any
) -> None:
    """One verdict a row, on the card as numbers and in the file as sentences; the file can be sent back."""
    fleet = await open_fleet(things=700, rate=2_000)
    sims = fleet.monogoto.examples
    rows = to_devices(fleet, 300)
    bad = bad_rows(fleet)
    rows += [rows[0], (sims.never_seen.iccid, "last seen"), (sims.unknown_iccid, next(imeis()))]
    rows += [(sims.cleared.iccid, "unlock clear"), (sims.short_iccid.printed, "unlock keep")]
    rows += itertools.islice(itertools.cycle(bad), 10_000 - len(rows))
    maria = await people(fleet, MARIA)
    request_id = await send_file(maria, "pallets.csv", csv_of(rows).encode())
    card = card_of(maria, request_id)
    await expect(card).to_contain_text("ready ones", timeout=LONG_MS)
    said = await card.inner_text()
    counts = {label: number(said, label) for label in ("ready", "already so", "need a look", "refused")}
    assert sum(counts.values()) == number(said, "all rows") == 10_000
    assert counts["ready"] == 299, "the first row's SIM comes twice: both need a look"
    assert counts["already so"] == 1
    verdicts = await newest_file(maria, card)
    assert len(verdicts) == 10_000
    assert Counter(row["Verdict"] for row in verdicts) == Counter(
        {"ready": 299, "already so": 1, "needs a look": counts["need a look"], "refused": counts["refused"]}
    )
    assert all(row["Why"] for row in verdicts if row["Verdict"] != "already so")
    assert not any(cell[:1] in "=+-@" for row in verdicts for cell in row.values() if cell)
    assert fleet.written == 0


async def test_what_excel_saves_as_unicode_text_is_read_and_rounded_numbers_are_refused(
    open_fleet: OpenFleet, people: Any
) -> None:
    """UTF-16 with tabs, and 4.90154E+14 where an IMEI was."""
    fleet = await open_fleet()
    sims = fleet.monogoto.examples
    rows = [(sims.fresh.iccid, sims.fresh.imei), (sims.online.iccid, "4.90154E+14")]
    maria = await people(fleet, MARIA)
    request_id = await send_file(maria, "Excel.txt", csv_of(rows, "\t").encode("utf-16"))
    card = card_of(maria, request_id)
    await plan_checked(card)
    said = await card.inner_text()
    assert (number(said, "ready"), number(said, "refused")) == (1, 1)
    refused = (await newest_file(maria, card))[1]
    assert "spreadsheet" in refused["Why"]


async def test_a_failing_canary_pauses_and_the_rest_can_be_cancelled_and_asked_again(
    open_fleet: OpenFleet, people: Any
) -> None:
    """One refusal among the first rows stops it after one write; what failed becomes a plan of its own."""
    fleet = await open_fleet()
    fleet.monogoto.fail(PUT, "refused")
    maria, ravi = await people(fleet, MARIA), await people(fleet, RAVI)
    request_id = await send_file(maria, "boxes.csv", csv_of(to_devices(fleet, 20)).encode())
    card = await approved_bulk(maria, ravi, request_id)
    await expect(card).to_contain_text("Paused after 1 of 20 SIMs", timeout=LONG_MS)
    await expect(card).to_contain_text("One of the first 5 rows is not as asked")
    assert fleet.written == 0
    await press_and_agree(maria, card, "Cancel the rest")
    await expect(card).to_contain_text("Ask again for the failed one", timeout=LONG_MS)
    results = await newest_file(maria, card, "-results-")
    assert Counter(row["outcome"] for row in results) == {"failed": 1, "left out": 19}
    await card.get_by_role("button", name="Ask again for the failed one").click()
    again = maria.page.locator("#channel [data-testid=message]").filter(has_text="Once more, what failed of")
    await expect(again.last).to_contain_text("Send the 1 ready one", timeout=LONG_MS)


async def press_and_agree(window: Window, card: Locator, button: str) -> None:
    await card.get_by_role("button", name=button, exact=True).click()
    await window.page.get_by_role("dialog").locator(".dialog-buttons button").last.click()


async def test_more_failures_than_the_budget_pause_it_and_resumed_it_comes_to_its_end(
    open_fleet: OpenFleet, people: Any
) -> None:
    """5 % of the rows, not counting those before somebody looked."""
    fleet = await open_fleet(rate=60)
    rows = to_devices(fleet, 60)
    maria, ravi = await people(fleet, MARIA), await people(fleet, RAVI)
    request_id = await send_file(maria, "boxes.csv", csv_of(rows).encode())
    await plan_checked(card_of(maria, request_id))
    for iccid, _ in rows[10:13]:
        fleet.monogoto.console_edit(iccid, MasterIMEI=fleet.monogoto.examples.unused_imeis[0])
    card = await approved_bulk(maria, ravi, request_id)
    await expect(card).to_contain_text("Paused after", timeout=LONG_MS)
    await expect(card).to_contain_text("5 %")
    await press_and_agree(ravi, card_of(ravi, request_id), "Resume")
    await expect(card).to_contain_text("Partly applied: 57 of 60 SIMs are as asked", timeout=LONG_MS)
    outcomes = Counter(row["outcome"] for row in await newest_file(maria, card, "-results-"))
    assert outcomes == {"done": 57, "outdated": 3}
    assert fleet.written == 57


async def test_pause_resume_and_cancel_the_rest_hold_what_they_say(
    open_fleet: OpenFleet, people: Any
) -> None:
    """While it is paused nothing leaves; the card's bar, rate and time left move on after Resume."""
    fleet = await open_fleet(rate=20)  # some twelve seconds: time to see three of its cards, and to click
    rows = to_devices(fleet, 80)
    maria, ravi = await people(fleet, MARIA), await people(fleet, RAVI)
    request_id = await send_file(maria, "boxes.csv", csv_of(rows).encode())
    card = card_of(maria, request_id)
    await plan_checked(card)
    await card.get_by_role("button", name=re.compile("^Send the")).click()
    await ravi.press(card_of(ravi, request_id), "Approve")
    await expect(card).to_contain_text("time left", timeout=LONG_MS)
    await expect(card).to_contain_text(re.compile(r"█+░+ \d+ %"), timeout=LONG_MS)
    await card.get_by_role("button", name="Pause").click()
    await expect(card).to_contain_text("nothing more is sent", timeout=LONG_MS)
    before = await written_at_rest(fleet)
    await asyncio.sleep(2)
    assert 0 < fleet.written == before < 80
    await press_and_agree(maria, card, "Resume")
    await fleet.until(lambda: fleet.written > before)
    await press_and_agree(maria, card, "Cancel the rest")
    await expect(card).to_contain_text("Partly applied", timeout=LONG_MS)
    results = await newest_file(maria, card, "-results-")
    assert Counter(row["outcome"] for row in results) == {
        "done": fleet.written,
        "left out": 80 - fleet.written,
    }


async def written_at_rest(fleet: Fleet) -> int:
    """How many were written once what was on its way has arrived."""
    before = -1
    while before != fleet.written:
        before = fleet.written
        await asyncio.sleep(1)
    return before


async def test_killed_at_two_fifths_it_goes_on_in_the_next_process_and_the_card_says_so(
    open_fleet: OpenFleet, people: Any
) -> None:
    """`kill -9` of the real process, as a person at the page sees it: a pause, and then its end."""
    fleet = await open_fleet(rate=30, in_process=False)  # some ten seconds: time to see its card, and to kill
    fleet.start_process()
    rows = to_devices(fleet, 100)
    maria, ravi = await people(fleet, MARIA), await people(fleet, RAVI)
    await fleet.slack.connected()
    request_id = await send_file(maria, "boxes.csv", csv_of(rows).encode())
    card = card_of(maria, request_id)
    await plan_checked(card)
    await card.get_by_role("button", name=re.compile("^Send the")).click()
    await ravi.press(card_of(ravi, request_id), "Approve")
    await expect(card).to_contain_text("Being applied", timeout=LONG_MS)
    await fleet.until(lambda: fleet.written >= 40)
    await fleet.kill()
    assert fleet.written < 100
    fleet.start_process()
    await expect(card).to_contain_text("Done: all 100 SIMs are as asked", timeout=LONG_MS)
    assert [len(fleet.monogoto.writes[iccid]) for iccid, _ in rows] == [1] * 100


# --- 3. undo -------------------------------------------------------------------------------------------


async def undone(window: Window, card: Locator, reason: str = "Wrong one") -> None:
    """Undo, and the form that asks why."""
    await card.get_by_role("button", name="Undo", exact=True).click()
    await window.form.get_by_label("Reason").fill(reason)
    await window.send_form()


async def test_an_undo_is_blocked_by_a_later_change_and_says_what_is_there(
    open_fleet: OpenFleet, people: Any
) -> None:
    fleet = await open_fleet()
    sim, other = fleet.monogoto.examples.fresh, fleet.monogoto.examples.unused_imeis[0]
    maria, ravi = await people(fleet, MARIA), await people(fleet, RAVI)
    await maria.ask(f"/lock-thing {sim.iccid} {sim.imei}")
    card = maria.card(sim.iccid)
    await ravi.press(ravi.card(sim.iccid), "Approve")
    await expect(card).to_contain_text("Locked: configured and read back", timeout=LONG_MS)
    fleet.monogoto.console_edit(sim.iccid, MasterIMEI=other)
    await undone(maria, card)
    await expect(maria.form).to_contain_text("no longer what the request left behind", timeout=LONG_MS)
    await expect(maria.form).to_contain_text(f"{other[:2]}-{other[2:8]}-{other[8:14]}-{other[14]}")
    assert len(fleet.monogoto.writes[sim.iccid]) == 1


async def test_an_undo_of_a_group_leaves_the_name_that_it_got_since(
    open_fleet: OpenFleet, people: Any
) -> None:
    fleet = await open_fleet()
    group = fleet.monogoto.examples.open_group
    maria = await people(fleet, MARIA)
    first = await _locked_group(fleet, people, maria, f"/lock-group {group} {TAC}")
    fleet.monogoto.console_edit_group(group, ThingsGroupName="Renamed since")
    await undone(maria, first)
    await expect(maria.form).to_contain_text("Request posted", timeout=LONG_MS)
    await _approved_twice(fleet, people, await _id_and_close(maria), asked_again=True)
    await fleet.until(lambda: len(fleet.monogoto.group_writes[group]) == 2)
    now = fleet.monogoto.group(group)
    assert (now["ThingsGroupName"], now["LockMasterImei"], now["IMEIPrefix"]) == ("Renamed since", False, "")
    await expect(first).to_contain_text("undone by", timeout=LONG_MS)


async def _locked_group(fleet: Fleet, people: Any, maria: Window, command: str) -> Locator:
    group_id = command.split()[1]
    fleet.put_into_devices(group_id, [f"{TAC}0000001"] * 3, elsewhere=fleet.monogoto.examples.hostile_group)
    request_id = await ask_for_group(maria, command)
    await _approved_twice(fleet, people, request_id, asked_again=False)
    card = card_of(maria, request_id)
    await expect(card).to_contain_text("read back", timeout=LONG_MS)
    return card


async def _approved_twice(fleet: Fleet, people: Any, request_id: str, *, asked_again: bool) -> None:
    """Whether a dialog comes first is the kind of change's to say."""
    for who, name in ((RAVI, "Ravi Menon"), (CHLOE, "Chloé Martin")):
        window = await people(fleet, who)
        card = card_of(window, request_id)
        await card.get_by_role("button", name="Approve", exact=True).click(timeout=LONG_MS)
        if asked_again:
            await window.page.get_by_role("dialog").locator(".dialog-buttons button").last.click()
        await expect(card).to_contain_text(re.compile(f"pproved by .*{name}"), timeout=LONG_MS)


async def test_an_undo_of_a_bulk_puts_back_what_was_there_and_lists_what_was_touched_since(
    open_fleet: OpenFleet, people: Any
) -> None:
    fleet = await open_fleet()
    rows = to_devices(fleet, 12)
    maria, ravi = await people(fleet, MARIA), await people(fleet, RAVI)
    request_id = await send_file(maria, "boxes.csv", csv_of(rows).encode())
    card = await approved_bulk(maria, ravi, request_id)
    await expect(card).to_contain_text("Done: all 12 SIMs are as asked", timeout=LONG_MS)
    touched = rows[3][0]
    fleet.monogoto.console_edit(touched, MasterIMEI=fleet.monogoto.examples.unused_imeis[0])
    await undone(maria, card, "Wrong pallet")
    await expect(maria.form).to_contain_text("12 rows read", timeout=LONG_MS)
    undo_id = await _id_and_close(maria)
    plan = card_of(maria, undo_id)
    await plan_checked(plan)
    said = await plan.inner_text()
    assert (number(said, "ready"), number(said, "need a look")) == (11, 1)
    [left] = [row for row in await newest_file(maria, plan) if row["Verdict"] == "needs a look"]
    assert left["ICCID"].replace("-", "") == touched
    assert "Touched since" in left["Why"]
    await approved_bulk(maria, ravi, undo_id)
    await expect(card).to_contain_text("undone by", timeout=LONG_MS)
    things = [fleet.monogoto.thing(iccid) for iccid, _ in rows]
    assert [thing["LockMasterImei"] for thing in things] == [iccid == touched for iccid, _ in rows]
