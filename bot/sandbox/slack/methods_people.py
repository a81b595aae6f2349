"""Who is who: auth, users, user groups, bots."""

from __future__ import annotations

from bot.sandbox.slack import arguments
from bot.sandbox.slack.answers import JSON, ApiError
from bot.sandbox.slack.methods import Method, method
from bot.sandbox.slack.state import State
from bot.sandbox.slack.workspace import APP_ID, BOT_ID, BOT_USER_ID, TEAM_DOMAIN, TEAM_ID, TEAM_NAME


def auth_test(state: State, _args: JSON) -> JSON:
    """auth.test, for the bot token."""
    return {
        "ok": True,
        "url": f"https://{TEAM_DOMAIN}.slack.com/",
        "team": TEAM_NAME,
        "user": state.workspace.users[BOT_USER_ID].name,
        "team_id": TEAM_ID,
        "user_id": BOT_USER_ID,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def api_test(_state: State, args: JSON) -> JSON:
    """api.test."""
    return {"ok": True, "args": args}


def users_info(state: State, args: JSON) -> JSON:
    """users.info."""
    user = state.workspace.users.get(arguments.required(args, "user"))
    if user is None:
        raise ApiError("user_not_found")
    return {"ok": True, "user": user.payload()}


def users_list(state: State, args: JSON) -> JSON:
    """users.list, in pages."""
    users, cursor = arguments.page(list(state.workspace.users.values()), args, default=1000)
    return {
        "ok": True,
        "members": [user.payload() for user in users],
        "response_metadata": {"next_cursor": cursor},
    }


def usergroups_list(state: State, args: JSON) -> JSON:
    """usergroups.list."""
    disabled, users = arguments.flag(args, "include_disabled"), arguments.flag(args, "include_users")
    groups = [group for group in state.workspace.groups.values() if group.enabled or disabled]
    return {"ok": True, "usergroups": [group.payload(with_users=users) for group in groups]}


def usergroups_users_list(state: State, args: JSON) -> JSON:
    """usergroups.users.list."""
    group = state.workspace.groups.get(arguments.required(args, "usergroup"))
    if group is None:
        raise ApiError("no_such_subteam")
    if not group.enabled and not arguments.flag(args, "include_disabled"):
        raise ApiError("subteam_disabled")
    return {"ok": True, "users": list(group.users)}


def bots_info(state: State, args: JSON) -> JSON:
    """bots.info, for our own bot."""
    if arguments.text(args, "bot") not in ("", BOT_ID):
        raise ApiError("bot_not_found")
    bot = {
        "id": BOT_ID,
        "deleted": False,
        "name": "IMEI Lock",
        "updated": 1760000000,
        "app_id": APP_ID,
        "user_id": BOT_USER_ID,
    }
    return {"ok": True, "bot": bot | {"team_id": state.workspace.users[BOT_USER_ID].team_id}}


METHODS: dict[str, Method] = {
    "auth.test": method(auth_test),
    "api.test": method(api_test, tier=4),
    "users.info": method(users_info, "users:read", tier=4),
    "users.list": method(users_list, "users:read", tier=2),
    "usergroups.list": method(usergroups_list, "usergroups:read", tier=2),
    "usergroups.users.list": method(usergroups_users_list, "usergroups:read", tier=2),
    "bots.info": method(bots_info, "users:read", tier=3),
}
