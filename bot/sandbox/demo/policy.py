"""Who may do what in the demo: written into its folder once, and yours to edit there."""

from __future__ import annotations

from typing import Final

POLICY: Final = """\
# The demo's policy: edit it, then press “Start over…” under Trouble, on the page's Monogoto side.
# policy.example.toml explains every line.
team = "T0TEAM"
audit_channel = "C0AUDIT"           # #sim-audit

[roles]
engineer = ["S0ENGINEERS"]          # Maria Santos, Tom Okafor
support  = ["S0SUPPORT"]            # Lena Fischer
approver = ["S0APPROVERS"]          # Ravi Menon, Chloé Martin
admin    = ["U0ADMIN"]              # Anna Lindqvist

[lookups]
status   = ["engineer", "support", "approver", "admin"]
requests = ["engineer", "support", "approver", "admin"]
history  = ["support", "approver", "admin"]

[[rules]]
changes      = ["lock_thing", "unlock_thing"]
request      = ["engineer", "admin"]
approve      = ["approver", "admin"]
approvals    = { none = 1, some = 1, many = 2 }
many_from    = 25
expires      = "24h"
apply_within = "1h"

[[rules]]
changes      = ["lock_things_group", "unlock_things_group"]
request      = ["engineer", "admin"]
approve      = ["approver", "admin"]
approvals    = { none = 2, some = 2, many = 2 }
many_from    = 25
expires      = "24h"
apply_within = "1h"
"""
