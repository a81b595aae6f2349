"""The vendor's records: kept small in memory, rendered in the real shape when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final


class Absent(Enum):
    """A key that is left out, which is not the same as null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


@dataclass(slots=True)
class ThingRecord:
    """One SIM. `master_imei` and `lock` hold whatever JSON was sent."""

    iccid: str
    name: str
    group_id: str
    cas: int
    modified_ms: int
    state: str = "ACTIVE"
    description: str = ""
    imei: str | Absent | None = None
    master_imei: Any = None
    lock: Any = False
    last_data_ms: int | None = None
    last_location: str | None = None
    last_usage: str | None = None
    online: bool = False
    carrier_hides_imei: bool = False
    session_every_ms: float | None = None
    sessions_since_ms: int = 0
    other: dict[str, Any] | None = None
    """Keys that were written and have no field of their own here."""

    @property
    def thing_id(self) -> str:
        """The vendor's id of this Thing."""
        return f"ThingId_ICCID_{self.iccid}"


FIELD_OF_KEY: Final = {
    "ThingName": "name",
    "ThingDescription": "description",
    "ThingsGroupId": "group_id",
    "State": "state",
    "IMEI": "imei",
    "MasterIMEI": "master_imei",
    "LockMasterImei": "lock",
    "Last_DATA_Time": "last_data_ms",
    "LastLocationUpdateTime": "last_location",
    "Last_Usage_Time": "last_usage",
}

_NULLS: Final = (
    "AlarmProfileId", "APN", "BillingGroup", "ClosestCity", "CustomField1", "CustomField2", "CustomField3",
    "CustomField4", "DeviceVendor", "DeviceModel", "ExpirationDate", "IPAddressV6", "LastError", "Notes",
    "Last_SMS_Time", "Last_VOICE_Time", "LoRaProfile", "ParentThingId", "QosProfileId", "RatePlanChange",
    "SecondaryIMSI", "SecondaryMSISDN", "SmsCallbackUrl", "SuspendReason", "TerminationDate", "UnitSerial",
    "VpnProfile", "eUICCProfile",
)  # fmt: skip
_CONSTANTS: Final[dict[str, Any]] = {
    "ActivationMode": "AUTO", "AllowRoaming": True, "BarringIncoming": False, "BarringOutgoing": False,
    "Carrier": "Sample Carrier", "Country": "SE", "CurrentCell": "0-0-0", "CustomerName": "Sample",
    "DataLimit": 0, "DataUsageMonth": 0, "GprsEnabled": True, "HomeNetwork": "24099", "IsTest": False,
    "LastMcc": "240", "LastMnc": "99", "Latitude": "0", "Longitude": "0", "LteEnabled": True,
    "NetworkType": "LTE", "Ownership": "CUSTOMER", "PayloadVersion": 3, "PlanType": "PAYG",
    "RadioPriority": 0, "Region": "EU", "RoamingProfile": "STD", "SimType": "2FF", "SmsEnabled": True,
    "SmsLimit": 0, "SmsUsageMonth": 0, "StaticIp": False, "Tags": [], "TimeZone": "UTC", "Type": "SIM",
    "VoiceEnabled": False, "VoiceLimit": 0, "VoiceUsageMonth": 0,
}  # fmt: skip
_QUIET: Final[dict[str, Any]] = {**dict.fromkeys(_NULLS), **_CONSTANTS}


def secrets_of(record: ThingRecord) -> dict[str, str]:
    """What must never be seen outside: decoys, spelt so that a search finds them and nothing else."""
    tail = record.iccid[-7:]
    return {
        "IMSI": f"24099999{tail}",
        "MSISDN": f"4671999{tail}",
        "PIN1": f"decoy-pin1-{tail}",
        "PIN2": f"decoy-pin2-{tail}",
        "PUK1": f"decoy-puk1-{tail}",
        "PUK2": f"decoy-puk2-{tail}",
    }


def render_thing(record: ThingRecord) -> dict[str, Any]:
    """The answer to GET: every key, `cas` as a string."""
    shown = {
        **_QUIET,
        **secrets_of(record),
        "cas": str(record.cas),
        "ThingId": record.thing_id,
        "ExternalUniqueId": record.iccid,
        "CustomerId": "CustomerId_local",
        "DateModified": record.modified_ms,
        **{key: getattr(record, name) for key, name in FIELD_OF_KEY.items()},
        **(record.other or {}),
    }
    return {key: value for key, value in shown.items() if value is not ABSENT}


def render_row(
    record: ThingRecord, *, with_group: bool, with_lock: bool, untold: str = "absent"
) -> dict[str, Any]:
    """A row of a listing: fewer keys, no `cas`. `untold`: what stands for a group that it doesn't tell."""
    row = {
        "ThingId": record.thing_id,
        "ThingName": record.name,
        "ExternalUniqueId": record.iccid,
        "IMSI": secrets_of(record)["IMSI"],
        "IMEI": None if record.imei is ABSENT else record.imei,
        "State": record.state,
        "LastLocationUpdateTime": record.last_location,
    }
    if with_group:
        row["ThingsGroupId"] = record.group_id
    elif untold != "absent":
        row["ThingsGroupId"] = None if untold == "null" else ""
    if with_lock:
        row |= {"MasterIMEI": record.master_imei, "LockMasterImei": record.lock}
    return row


def write_key(record: ThingRecord, key: str, value: Any) -> None:
    """Set one key as it would be spelt in JSON; anything may be stored."""
    if key in FIELD_OF_KEY:
        setattr(record, FIELD_OF_KEY[key], value)
    else:
        record.other = {**(record.other or {}), key: value}
