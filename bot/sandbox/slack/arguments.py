"""Arguments of a Web API call, however they came: query, form, multipart or JSON."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from bot.sandbox.slack.answers import JSON, ApiError, invalid_arguments, missing


async def read_arguments(request: web.Request) -> JSON:
    """All arguments of a call, the body's winning over the query's. Raises `ApiError` on a broken body."""
    args: JSON = dict(request.query)
    if request.method != "POST":
        return args
    if request.content_type == "application/json":
        return args | _json_object(await request.text())
    if request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        fields = await request.post()
        return args | {name: value for name, value in fields.items() if isinstance(value, str)}
    return args


def _json_object(body: str) -> JSON:
    if not body:
        return {}
    try:
        value = json.loads(body)
    except ValueError as broken:
        raise ApiError("invalid_json") from broken
    if not isinstance(value, dict):
        raise ApiError("json_not_object")
    return value


def text(args: JSON, name: str) -> str:
    """A text, "" where it was not given."""
    value = args.get(name)
    return "" if value is None else str(value)


def required(args: JSON, name: str) -> str:
    """A text that must be there."""
    value = text(args, name)
    if not value:
        raise missing(name)
    return value


def flag(args: JSON, name: str) -> bool:
    """A boolean: true, "true", 1 or "1"."""
    return args.get(name) in (True, 1, "1", "true", "True")


def number(args: JSON, name: str, default: int, most: int) -> int:
    """A whole number between 1 and `most`."""
    value = args.get(name)
    if value in (None, ""):
        return default
    try:
        return max(1, min(int(str(value)), most))
    except ValueError as wrong:
        raise ApiError("invalid_limit") from wrong


def structure(args: JSON, name: str) -> Any:
    """A JSON value, given as such or as a string; None where it was not given."""
    value = args.get(name)
    if not isinstance(value, str):
        return value
    if not value:
        return None
    try:
        return json.loads(value)
    except ValueError as broken:
        raise invalid_arguments(f"must be valid JSON [json-pointer:/{name}]") from broken


def id_list(args: JSON, name: str) -> list[str]:
    """Ids, as a list or separated by commas."""
    value = args.get(name)
    items = value if isinstance(value, list) else text(args, name).split(",")
    return [str(item).strip() for item in items if str(item).strip()]


def page(items: list[Any], args: JSON, *, default: int = 100, most: int = 1000) -> tuple[list[Any], str]:
    """One page of a list and the cursor of the next, "" at the end."""
    limit = number(args, "limit", default, most)
    cursor = text(args, "cursor")
    if cursor and not cursor.startswith("next:"):
        raise ApiError("invalid_cursor")
    start = int(cursor.removeprefix("next:")) if cursor else 0
    following = start + limit
    return items[start:following], f"next:{following}" if following < len(items) else ""
