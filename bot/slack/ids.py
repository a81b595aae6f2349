"""Every id that Slack sends back, in one place. `object.verb`; block ids name the field."""

from __future__ import annotations

LOCK_THING = "/lock-thing"
UNLOCK_THING = "/unlock-thing"
IMEI = "/imei"

LOCK_THING_SUBMIT = "lock_thing.submit"
UNLOCK_THING_SUBMIT = "unlock_thing.submit"
DENY_SUBMIT = "request.deny_reason"
PLAIN_VIEW = "message.show"

ICCID_BLOCK = "iccid"
IMEI_BLOCK = "imei"
LOOK_UP_BLOCK = "look_up"
KEEP_BLOCK = "keep"
REASON_BLOCK = "reason"

APPROVE = "request.approve"
DENY = "request.deny"
CANCEL = "request.cancel"
LOOK_UP = "thing.look_up"
TAKE_ICCID = "iccid.take"
TAKE_IMEI = "imei.take"
TAKE_KEPT_IMEI = "imei.take_kept"
REOPEN = "form.reopen"
