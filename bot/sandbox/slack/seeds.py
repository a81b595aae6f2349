"""The workspace that every local Slack starts with: several roles, outsiders, and every kind of channel."""

from __future__ import annotations

from bot.sandbox.slack.workspace import BOT_USER_ID, Channel, User, UserGroup, Workspace


def seeded_workspace() -> Workspace:
    """A fresh workspace with the people, groups and channels that the scenarios name."""
    return Workspace(
        users={user.id: user for user in _users()},
        groups={group.id: group for group in _groups()},
        channels={channel.id: channel for channel in _channels()},
    )


def _users() -> list[User]:
    return [
        User("U0ENG1", "maria.santos", "Maria Santos"),
        User("U0ENG2", "tom.okafor", "Tom Okafor", "America/Chicago", "Central Standard Time", -21600),
        User("U0SUP1", "lena.fischer", "Lena Fischer"),
        User("U0APP1", "ravi.menon", "Ravi Menon", "Asia/Kolkata", "India Standard Time", 19800),
        User("U0APP2", "chloe.martin", "Chloé Martin"),
        User("U0ADMIN", "anna.lindqvist", "Anna Lindqvist", is_admin=True),
        User("U0GUEST", "pete.contractor", "Pete Walsh", is_restricted=True),
        User("U0OTHER", "sam.partner", "Sam Reyes", team_id="T0OTHER", is_stranger=True),
        User("U0PLAIN", "jo.nowak", "Jo Nowak"),
        User(BOT_USER_ID, "imei_lock", "IMEI Lock", is_bot=True),
        User("U0WORKFLOW", "workflow_bot", "Onboarding Workflow", is_bot=True),
    ]


def _groups() -> list[UserGroup]:
    return [
        UserGroup("S0ENGINEERS", "field-engineers", "Field engineers", ["U0ENG1", "U0ENG2"]),
        UserGroup("S0SUPPORT", "support-leads", "Support leads", ["U0SUP1"]),
        UserGroup("S0APPROVERS", "sim-approvers", "SIM approvers", ["U0APP1", "U0APP2"]),
    ]


def _channels() -> list[Channel]:
    team = [user.id for user in _users() if user.team_id != "T0OTHER"]
    people = [user_id for user_id in team if user_id != BOT_USER_ID]
    deciders = ["U0APP1", "U0APP2", "U0ADMIN", BOT_USER_ID]
    shared = ["U0ENG1", "U0ENG2", "U0APP1", "U0ADMIN", "U0OTHER", BOT_USER_ID]
    return [
        Channel("C0FIELD", "field-ops", list(team)),
        Channel("C0SUPPORT", "sim-support", ["U0SUP1", "U0ENG1", *deciders]),
        Channel("C0APPROVALS", "sim-approvals", list(deciders)),
        Channel("C0AUDIT", "sim-audit", list(deciders)),
        Channel("C0SHARED", "partner-rollout", shared, is_ext_shared=True),
        Channel("C0PRIVATE", "leads-only", ["U0ENG1", "U0APP1"], is_private=True),
        Channel("C0NOBOT", "random", list(people)),
        Channel("C0ARCHIVED", "pilot-2024", list(team), is_archived=True),
    ]
