"""procrastinate's tables, on PostgreSQL: whether the next start has to bring them further."""

from __future__ import annotations

from bot.domain.errors import StoreUnavailable
from bot.services.checked import Checked, failed, not_checked, ok, remark, warning

JOBS = "job tables"
_LATER = "The next start brings them there, and so does: python -m bot migrate"
_RESTORE = (
    "Let the bot's user have the schema “procrastinate” of a server that answers: python -m bot migrate"
)
_INSTALL = "Install the extra: pip install 'imei-lock[cluster]'"


async def job_tables(database_url: str) -> Checked:
    """One line; changes nothing."""
    try:
        from bot.dispatch import schema  # noqa: PLC0415  its libraries are an extra
    except ImportError:
        return failed(JOBS, "procrastinate is not installed", _INSTALL)
    try:
        missing = await schema.missing(database_url)
    except StoreUnavailable as error:
        return failed(JOBS, str(error).splitlines()[0], _RESTORE)
    if missing is None:
        return remark(JOBS, "not there yet: the first start makes them", _LATER)
    if missing:
        return warning(JOBS, f"{len(missing)} of procrastinate's migrations not applied yet", _LATER)
    return ok(JOBS, "as the installed procrastinate needs them")


def unknown() -> Checked:
    """Where the database itself can't be read."""
    return not_checked(JOBS, "the database can't be read")
