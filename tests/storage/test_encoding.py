"""Domain values survive being stored, whatever is in them; unknown forms are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as given_any
from hypothesis import strategies as st

from bot.domain.changes import Change, LockThing, LockThingsGroup, UnlockThing, UnlockThingsGroup
from bot.domain.identifiers import Iccid, Imei, Tac, ThingsGroupId
from bot.domain.impact import Finding, Impact, Seen, SeenGroup, SeenThing, Verdict
from bot.domain.things import Thing, ThingsGroup
from bot.storage import encoding
from bot.storage.columns import from_microseconds, plain, to_microseconds
from tests.storage import samples

# However busy the machine is: how long an example takes says nothing here.
patient = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def given(*strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run the test on many values."""
    return lambda test: patient(given_any(*strategies)(test))


hostile = st.text(alphabet=st.characters(exclude_categories=()))
moments = st.datetimes(timezones=st.just(UTC))
digits = st.text(alphabet="0123456789")
imeis = st.from_regex(r"[0-9]{15}", fullmatch=True).filter(lambda n: len(set(n)) > 1).map(Imei)
iccids = st.from_regex(r"89[0-9]{16,18}", fullmatch=True).map(Iccid)
tacs = st.from_regex(r"[0-9]{8}", fullmatch=True).map(Tac)
group_ids = st.from_regex(r"ThingsGroupId_[A-Za-z0-9-]{1,60}", fullmatch=True).map(ThingsGroupId)
changes = (
    st.builds(LockThing, iccids, imeis)
    | st.builds(UnlockThing, iccids, st.booleans())
    | st.builds(LockThingsGroup, group_ids, tacs)
    | st.builds(UnlockThingsGroup, group_ids, st.booleans())
)
things = st.builds(
    Thing,
    **dict.fromkeys(["thing_id", "iccid", "name", "state", "locked_imei", "last_seen_imei"], hostile),
    cas=digits,
    imei_lock=st.booleans(),
    things_group_id=st.none() | hostile,
    last_seen_at=st.none() | moments,
)
groups = st.builds(ThingsGroup, hostile, hostile, st.booleans(), hostile)
names = st.lists(hostile).map(tuple)
seens = st.builds(SeenGroup, groups, moments) | st.builds(
    SeenThing,
    things,
    st.none() | groups,
    st.booleans(),
    st.none() | names,
    st.none() | st.booleans(),
    moments,
    names,
    hostile,
)
impacts = st.builds(Impact, st.sampled_from(Verdict), st.lists(st.sampled_from(Finding)).map(tuple))


@given(changes)
def test_a_change_comes_back_as_it_was(change: Change) -> None:
    assert encoding.decode_change(encoding.encode_change(change)) == change


@given(seens)
def test_the_live_state_comes_back_as_it_was(seen: Seen) -> None:
    assert encoding.decode_seen(encoding.encode_seen(seen)) == seen


@given(impacts)
def test_an_impact_comes_back_as_it_was(impact: Impact) -> None:
    assert encoding.decode_impact(encoding.encode_impact(impact)) == impact


@given(st.dictionaries(hostile, hostile))
def test_texts_come_back_as_they_were(texts: dict[str, str]) -> None:
    assert encoding.decode_texts(encoding.encode_texts(texts)) == texts


@given(hostile)
def test_stored_texts_hold_only_what_every_store_can_hold(text: str) -> None:
    stored = encoding.encode_texts({"text": text})
    assert stored.isascii()
    assert "\0" not in stored


def test_a_live_state_stored_before_requests_on_groups_were_named_can_still_be_read() -> None:
    form = json.loads(encoding.encode_seen(samples.request().seen))
    del form["group_request"]
    assert encoding.decode_seen(json.dumps(form)) == samples.request().seen


def test_cas_is_stored_as_a_string() -> None:
    form = json.loads(encoding.encode_seen(samples.request().seen))
    assert form["thing"]["cas"] == "1718900000000065536"


def test_every_text_names_the_version_of_its_form() -> None:
    request = samples.request()
    texts = [
        encoding.encode_change(request.change),
        encoding.encode_seen(request.seen),
        encoding.encode_impact(request.impact),
        encoding.encode_texts({}),
    ]
    assert [json.loads(text)["v"] for text in texts] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "stored", ['{"v":2,"kind":"lock_thing"}', '{"kind":"lock_thing"}', '{"v":1,"kind":"x"}']
)
def test_an_unknown_form_is_refused(stored: str) -> None:
    with pytest.raises(encoding.UnknownForm):
        encoding.decode_change(stored)


@given(moments)
def test_a_moment_keeps_its_microseconds(moment: datetime) -> None:
    assert from_microseconds(to_microseconds(moment)) == moment


@given(moments, moments)
def test_stored_moments_are_ordered_as_the_moments_are(a: datetime, b: datetime) -> None:
    assert (to_microseconds(a) < to_microseconds(b)) == (a < b)


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    there = samples.NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert to_microseconds(there) == to_microseconds(samples.NOW)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        to_microseconds(samples.NOW.replace(tzinfo=None))


@given(st.text())
def test_only_what_can_not_be_stored_is_replaced(text: str) -> None:
    assert plain(text) == text.replace("\0", "\ufffd")


def test_broken_surrogates_are_replaced() -> None:
    assert plain("a\ud800b\udc00c") == "a\ufffdb\ufffdc"
    assert plain("\ud83d\ude00") == "\U0001f600"
