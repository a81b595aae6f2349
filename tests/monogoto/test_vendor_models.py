"""What the vendor's records may look like, and what is refused because a lock hangs on it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.errors import ThingNotFound, Unreadable
from bot.monogoto import models, moments
from bot.monogoto.auth import lifetime_of

ICCID = "8944478000000000012"
RECORD = {"ThingId": f"ThingId_ICCID_{ICCID}", "ExternalUniqueId": ICCID, "cas": "1770374074256785408",
          "LockMasterImei": False}  # fmt: skip


def read(**keys: Any) -> Any:
    return models.thing_from(RECORD | keys, ICCID)


def test_the_least_that_a_thing_must_have() -> None:
    thing = models.thing_from(RECORD, ICCID)
    assert (thing.locked_imei, thing.last_seen_imei, thing.last_seen_at) == ("", "", None)
    assert thing.things_group_id is None


@pytest.mark.parametrize("cas", ["", "0", "000", None, 0, True, 1.77e18, "17a", " 17", "-5", [], "١٢"])
def test_a_cas_that_could_not_be_sent_back_is_refused(cas: object) -> None:
    with pytest.raises(Unreadable):
        read(cas=cas)


def test_a_cas_that_came_as_a_whole_number_stays_exact() -> None:
    assert read(cas=1770374074256785409).cas == "1770374074256785409"


@pytest.mark.parametrize(("value", "on"), [(True, True), (False, False), ("true", True), ("False", False)])
def test_the_lock_is_a_bool_or_its_name(value: object, on: bool) -> None:
    assert read(LockMasterImei=value).imei_lock is on


@pytest.mark.parametrize("value", [None, 0, 1, "", "yes", []])
def test_a_lock_that_is_neither_on_nor_off_is_refused(value: object) -> None:
    with pytest.raises(Unreadable):
        read(LockMasterImei=value)


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), ("", ""), ("12", "12"), (353053119990002, "353053119990002")]
)
def test_a_locked_imei_is_text_and_null_is_none(value: object, text: str) -> None:
    assert read(MasterIMEI=value).locked_imei == text


def test_a_locked_imei_of_another_kind_is_refused() -> None:
    with pytest.raises(Unreadable):
        read(MasterIMEI={"x": 1})


@pytest.mark.parametrize(
    ("thing_id", "external"),
    [("ThingId_ICCID_8900000000000000000", ICCID), ("opaque", "8900000000000000000"), ("opaque", None),
     (None, ICCID), ("ThingId_ICCID_8944478000000000012٣", ICCID)],
)  # fmt: skip
def test_another_things_record_is_refused(thing_id: object, external: object) -> None:
    with pytest.raises(Unreadable):
        read(ThingId=thing_id, ExternalUniqueId=external)


@pytest.mark.parametrize(
    "thing_id", [f"ThingId_ICCID_{ICCID}", f"/thing/ThingId_ICCID_{ICCID}", f" ThingId_ICCID_{ICCID}",
                 "opaque", f"ThingId_ICCID_{ICCID}7", f"ThingId_ICCID_{ICCID[:-1]}"]
)  # fmt: skip
def test_a_thing_id_is_kept_exactly_as_it_came(thing_id: str) -> None:
    assert read(ThingId=thing_id).thing_id == thing_id


@pytest.mark.parametrize("body", [None, {}, []])
def test_nothing_means_not_found(body: object) -> None:
    with pytest.raises(ThingNotFound):
        models.thing_from(body, ICCID)


@pytest.mark.parametrize("body", ["text", 7, [1], {"message": "hello"}])
def test_anything_else_is_unreadable(body: object) -> None:
    with pytest.raises(Unreadable):
        models.thing_from(body, ICCID)
    with pytest.raises(Unreadable):
        models.group_from(body, "g")


def test_text_is_made_fit_for_every_database() -> None:
    assert read(ThingName="a\0b\ud800").name == "ab?"
    assert read(ThingName=7, IMEI=None).name == ""


def test_a_group_never_locked_may_leave_the_lock_out() -> None:
    group = models.group_from({"ThingsGroupName": "n"}, "g")
    assert (group.things_group_id, group.imei_lock, group.tac) == ("g", False, "")


def test_another_groups_record_is_refused() -> None:
    with pytest.raises(Unreadable):
        models.group_from({"ThingsGroupId": "other", "ThingsGroupName": "n"}, "g")


def test_rows_without_an_id_are_passed_over() -> None:
    rows = models.rows_from([{}, None, 7, {"ThingId": f"ThingId_ICCID_{ICCID}", "IMEI": None}])
    assert [(row.iccid, row.last_seen_imei) for row in rows] == [(ICCID, "")]
    with pytest.raises(Unreadable):
        models.rows_from({"Data": []})


@pytest.mark.parametrize(
    ("row", "online"),
    [({"ActiveSessions": []}, False), ({"ActiveSessions": {}}, False), ({"ActiveSessions": {"a": 1}}, True),
     ({"ConnectionStatus": "Online"}, True), ({"ConnectionStatus": "offline"}, False),
     ({"ConnectionStatus": "?"}, None), ({}, None)],
)  # fmt: skip
def test_online_only_where_the_answer_says_so(row: dict[str, Any], online: bool | None) -> None:
    assert models.online_from({"Data": [7, {"ThingId": "t"} | row]}, "t") is online
    assert models.online_from({"Data": [{"ThingId": "other"} | row]}, "t") is None


@pytest.mark.parametrize("body", [None, [], {}, {"Data": None}, {"Data": {}}, "text"])
def test_a_status_of_another_shape_says_nothing(body: object) -> None:
    assert models.online_from(body, "t") is None


@pytest.mark.parametrize(
    ("raw", "token"),
    [(b'{"token":"a.b"}', "a.b"), (b'{"Token":" a "}', "a"), (b'{"token":"a\\nb"}', None),
     (b"Access denied", None), (b"[]", None), (b'{"token":7}', None),
     (b"[" * 100_000, None), ('{"token":"ü"}'.encode(), None)],
)  # fmt: skip
def test_a_token_must_fit_a_header(raw: bytes, token: str | None) -> None:
    assert models.token_from(raw) == token


def test_the_latest_readable_time_counts() -> None:
    assert moments.last_seen(
        {"Last_DATA_Time": 1770374074256, "Last_Usage_Time": "2026-02-06 12"}
    ) == datetime(2026, 2, 6, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [("2026-01-14 07:31:59", datetime(2026, 1, 14, 7, 31, 59, tzinfo=UTC)),
     ("2026-01-14 07:31:83", datetime(2026, 1, 14, 7, 31, tzinfo=UTC)),
     ("2026-01-14 07", datetime(2026, 1, 14, 7, tzinfo=UTC)),
     ("2026-13-14 07:31:00", None), ("0000-00-00 00:00:00", None), ("1970-01-01 00:00:00", None), ("", None),
     ("never", None), (7, None), (None, None)],
)  # fmt: skip
def test_times_are_read_defensively(text: object, moment: datetime | None) -> None:
    assert moments.from_text(text) == moment


@pytest.mark.parametrize("value", [0, -1, True, "1770374074256", 1.5, 10**30, None])
def test_milliseconds_that_are_no_time_are_none(value: object) -> None:
    assert moments.from_milliseconds(value) is None


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.W10.c", "a.eyJleHAiOiJ4In0.c", "a.eyJleHAiOjF9.c"])
def test_a_token_that_tells_no_lifetime_has_none(token: str) -> None:
    assert lifetime_of(token, datetime(2026, 1, 1, tzinfo=UTC)) is None
