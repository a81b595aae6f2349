"""What the local Monogoto holds at start, and how devices fare in it."""

import pytest
from stdnum import luhn

from bot.clock import SystemClock
from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto, Settings

DEVICE = "353053119990002"
OTHER = "866962049990001"


@pytest.fixture
def sim() -> LocalMonogoto:
    return LocalMonogoto(ManualClock(), things=200)


def test_the_same_seed_makes_the_same_things() -> None:
    first, second = (LocalMonogoto(ManualClock(), seed=7, things=300) for _ in range(2))
    assert [first.thing(iccid) for iccid in first.iccids] == [second.thing(iccid) for iccid in second.iccids]


def test_another_seed_makes_others_but_the_same_examples() -> None:
    first, second = (LocalMonogoto(ManualClock(), seed=seed, things=300) for seed in (1, 2))
    assert first.examples.fresh.iccid == second.examples.fresh.iccid
    assert first.thing(first.iccids[-1])["ThingName"] != second.thing(second.iccids[-1])["ThingName"]


def test_without_settings_there_are_ten_thousand_things_in_forty_groups() -> None:
    sim = LocalMonogoto(SystemClock())
    assert len(sim.iccids) == 10_000
    assert len(sim.group_ids) == 40


def test_every_odd_case_is_as_its_name_says(sim: LocalMonogoto) -> None:
    has = {name: sim.thing(getattr(sim.examples, name).iccid) for name in ("fresh", "never_seen", "zeros")}
    assert has["fresh"]["MasterIMEI"] is None
    assert has["never_seen"]["IMEI"] is None
    assert has["zeros"]["IMEI"] == "0" * 15
    assert "IMEI" not in sim.thing(sim.examples.imei_absent.iccid)
    assert sim.thing(sim.examples.cleared.iccid)["MasterIMEI"] == ""
    assert sim.thing(sim.examples.locked.iccid)["MasterIMEI"] == sim.examples.locked.imei
    assert sim.thing(sim.examples.odd_time.iccid)["LastLocationUpdateTime"].endswith(":83")
    assert sim.examples.shared_imei.imei == sim.examples.shared_imei_twin.imei
    assert sim.group(sim.examples.locked_group)["IMEIPrefix"] == sim.examples.locked_group_tac
    assert sim.examples.in_locked_group.imei.startswith(sim.examples.locked_group_tac)
    assert not sim.examples.outside_locked_group.imei.startswith(sim.examples.locked_group_tac)


def test_printed_iccids_differ_by_the_last_digit_only(sim: LocalMonogoto) -> None:
    short, long = sim.examples.short_iccid, sim.examples.long_iccid
    assert short.printed[:-1] == short.iccid
    assert len(short.iccid) == 19
    assert long.printed == long.iccid[:-1]
    assert len(long.iccid) == 20
    assert not {short.printed, long.printed, sim.examples.unknown_iccid} & set(sim.iccids)


def test_iccids_and_devices_have_right_check_digits_but_where_named(sim: LocalMonogoto) -> None:
    wrong = [iccid for iccid in sim.iccids if not luhn.is_valid(iccid)]
    assert wrong == [sim.examples.wrong_check_digit.iccid]
    assert all(luhn.is_valid(imei) for imei in sim.examples.unused_imeis)


def test_a_thing_has_the_real_number_of_keys_and_decoys(sim: LocalMonogoto) -> None:
    fresh = sim.thing(sim.examples.fresh.iccid)
    assert 80 <= len(fresh) <= 95
    assert {fresh["PIN1"], fresh["PUK2"], fresh["IMSI"]} <= set(sim.secrets(sim.examples.fresh.iccid))


def test_cas_grows_with_every_change_and_ends_in_sixteen_zero_bits(sim: LocalMonogoto) -> None:
    iccid = sim.examples.fresh.iccid
    seen = [int(sim.thing(iccid)["cas"])]
    for edit in range(5):
        sim.console_edit(iccid, ThingName=f"Name {edit}")
        seen.append(int(sim.thing(iccid)["cas"]))
    assert seen == sorted(set(seen))
    assert all(cas & 0xFFFF == 0 and len(str(cas)) == 19 for cas in seen)


def test_a_session_moves_the_device_and_cas_but_not_the_date_modified(sim: LocalMonogoto) -> None:
    iccid = sim.examples.fresh.iccid
    before = sim.thing(iccid)
    assert sim.data_session(iccid, DEVICE).accepted
    after = sim.thing(iccid)
    moved = {key for key in after if after[key] != before[key]}
    assert moved == {"cas", "IMEI", "Last_DATA_Time", "LastLocationUpdateTime", "Last_Usage_Time"}


def test_a_things_lock_compares_fourteen_digits(sim: LocalMonogoto) -> None:
    iccid = sim.examples.fresh.iccid
    sim.console_edit(iccid, MasterIMEI=DEVICE, LockMasterImei=True)
    before = sim.thing(iccid)
    assert not sim.data_session(iccid, OTHER).accepted
    assert sim.thing(iccid) == before
    assert sim.data_session(iccid, DEVICE[:14] + "0").accepted


def test_an_accepted_device_is_told_which_lock_it_fits(sim: LocalMonogoto) -> None:
    """And that its last digit did not count, where that one differs: nobody may think that no lock stands."""
    iccid = sim.examples.fresh.iccid
    assert sim.data_session(iccid, DEVICE).why == "no lock stands against this device"
    sim.console_edit(iccid, LockMasterImei=True, MasterIMEI=DEVICE)
    fits = "it is the device that the SIM is locked to"
    assert sim.data_session(iccid, DEVICE).why == fits
    other_digit = sim.data_session(iccid, DEVICE[:14] + str((int(DEVICE[14]) + 1) % 10)).why
    assert other_digit == f"{fits}; the last digit, a check digit, isn't compared"
    in_range = sim.examples.in_locked_group
    said = sim.data_session(in_range.iccid, sim.examples.locked_group_tac + DEVICE[8:]).why
    assert said == "it is in the range that the SIM's group is locked to"


def test_a_lock_stored_as_text_locks_nothing(sim: LocalMonogoto) -> None:
    sim.console_edit(sim.examples.fresh.iccid, MasterIMEI=DEVICE, LockMasterImei="true")
    assert sim.data_session(sim.examples.fresh.iccid, OTHER).accepted


def test_a_groups_lock_compares_the_prefix(sim: LocalMonogoto) -> None:
    verdict = sim.data_session(sim.examples.outside_locked_group.iccid, DEVICE)
    assert (verdict.accepted, verdict.why) == (False, "the group is locked to another range")
    sim.console_edit_group(sim.examples.locked_group, LockMasterImei=False, Unknown="kept")
    assert sim.data_session(sim.examples.outside_locked_group.iccid, DEVICE).accepted
    assert sim.group(sim.examples.locked_group)["Unknown"] == "kept"


def test_where_the_carrier_reports_no_imei_no_lock_ever_matches(sim: LocalMonogoto) -> None:
    iccid = sim.examples.zeros.iccid
    assert sim.data_session(iccid, DEVICE).accepted
    assert sim.thing(iccid)["IMEI"] == "0" * 15
    sim.console_edit(iccid, MasterIMEI=DEVICE, LockMasterImei=True)
    assert not sim.data_session(iccid, DEVICE).accepted


def test_suspended_and_retired_sims_get_no_session(sim: LocalMonogoto) -> None:
    for example in (sim.examples.suspended, sim.examples.retired):
        assert not sim.data_session(example.iccid, example.imei).accepted


def test_a_lock_without_an_imei_does_what_the_switch_says(sim: LocalMonogoto) -> None:
    iccid = sim.examples.lock_without_imei.iccid
    assert not sim.data_session(iccid, DEVICE).accepted
    sim.settings.change(empty_lock="ignored")
    assert sim.data_session(iccid, DEVICE).accepted


def test_settings_refuse_unknown_names_and_values_and_then_set_nothing() -> None:
    settings = Settings()
    for wrong in ({"nonsense": 1}, {"unknown_id": "418"}, {"validates_imei": "yes"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            settings.change(stale_cas="412", **wrong)
    assert settings == Settings()
    settings.change(token_lifetime=60, own_groups=["a"])
    assert (settings.token_lifetime, settings.own_groups) == (60.0, frozenset({"a"}))
