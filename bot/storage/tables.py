"""The tables. `migrations/` creates them; a test keeps the two alike."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, Table
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.sql.expression import false, text

from bot.services.ports import MessageState, PlaceKind
from bot.storage.columns import Form, Moment, Number, PlainText, Span, Word

UNSETTLED = (MessageState.WAITING.value, MessageState.SENDING.value)
"""States of an outbox message that still stands in its place's queue."""

DRAWN_KINDS = (PlaceKind.CARD.value, PlaceKind.TWIN.value)
"""Kinds of places that show the request's card."""

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _one_of(column: str, values: tuple[str, ...]) -> TextClause:
    """A condition for partial indexes, which take no bound values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return text(f"{column} IN ({listed})")


_IN_QUEUE = _one_of("state", UNSETTLED)

requests = Table(
    "requests",
    METADATA,
    # `number` says which of a target's requests is the latest, whatever the clock did.
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", Word(64), nullable=False, unique=True),
    Column("rev", Integer, nullable=False),
    Column("status", Word(16), nullable=False),
    Column("kind", Word(32), nullable=False),
    Column("target_id", PlainText, nullable=False),
    Column("target_title", PlainText, nullable=False),
    Column("device", Word(14), nullable=False),
    Column("requester_user", Word(64), nullable=False),
    Column("requester_team", Word(64), nullable=False),
    Column("asked_channel", Word(64), nullable=False),
    Column("asked_ts", Word(64), nullable=False),
    Column("reason", PlainText, nullable=False),
    Column("change", Form, nullable=False),
    Column("seen", Form, nullable=False),
    Column("impact", Form, nullable=False),
    Column("fingerprint", Word(64), nullable=False),
    Column("approvals_needed", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("apply_within", Span, nullable=False),
    Column("approved_at", Moment),
    Column("asked_thread", Word(64), nullable=False, server_default=""),
    Column("asked_link", PlainText, nullable=False, server_default=""),
    Column("undoes", Word(64), nullable=False, server_default=""),
    Column("note", PlainText, nullable=False, server_default=""),
    # Not looked at by the sweep before this.
    Column("next_at", Moment),
    Index("ix_requests_undoes", "undoes"),
    Index("ix_requests_status_expires_at", "status", "expires_at"),
    Index("ix_requests_device_status", "device", "status"),
    Index("ix_requests_requester_user_number", "requester_user", "number"),
    Index("ix_requests_target_id_status_number", "target_id", "status", "number"),
    sqlite_autoincrement=True,
)  # fmt: skip

decisions = Table(
    "decisions",
    METADATA,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("request_id", ForeignKey("requests.id"), nullable=False),
    Column("user_id", Word(64), nullable=False),
    Column("team_id", Word(64), nullable=False),
    Column("vote", Word(16), nullable=False),
    Column("at", Moment, nullable=False),
    Column("reason", PlainText, nullable=False),
    Column("counts", Boolean(create_constraint=False), nullable=False),
    Index("ix_decisions_request_id", "request_id"),
    Index("ix_decisions_user_id_request_id", "user_id", "request_id"),
    Index("ix_decisions_one_vote", "request_id", "team_id", "user_id", "vote", unique=True,
          sqlite_where=text("counts")),  # on PostgreSQL too: as `ix_outbox_queue`
    sqlite_autoincrement=True,
)  # fmt: skip

items = Table(
    "items",
    METADATA,
    Column("request_id", ForeignKey("requests.id"), primary_key=True),
    # 0: the only item of a request about one target, which has the columns below for itself.
    Column("position", Integer, primary_key=True, autoincrement=False, server_default="0"),
    Column("state", Word(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Moment),
    Column("sent_before", PlainText, nullable=False),
    Column("explanation", PlainText, nullable=False),
    Column("alarm", Boolean(create_constraint=False), nullable=False, server_default=false()),
    Column("unseen_since", Moment),
    # Of a row of a bulk. `run`: the number of the run that took it. `line` and `typed`: as the file has it.
    Column("run", Integer, nullable=False, server_default="0"),
    Column("line", Integer, nullable=False, server_default="0"),
    Column("typed", PlainText, nullable=False, server_default=""),
    Column("verdict", Word(16), nullable=False, server_default=""),
    Column("target_id", PlainText, nullable=False, server_default=""),
    Column("device", Word(14), nullable=False, server_default=""),
    # What rules have to allow it: kind of change and group, as JSON.
    Column("scope", PlainText, nullable=False, server_default=""),
    Column("change", Form, nullable=False, server_default=""),
    Column("seen", Form, nullable=False, server_default=""),
    Column("impact", Form, nullable=False, server_default=""),
    Column("fingerprint", Word(64), nullable=False, server_default=""),
    # `run` is there so that counting a bulk's rows reads nothing but the index.
    Index("ix_items_request_id_state_position_run", "request_id", "state", "position", "run"),
    Index("ix_items_request_id_verdict_position", "request_id", "verdict", "position"),
    Index("ix_items_target_id", "target_id"),
    Index("ix_items_device", "device"),
)

# Which open request a Thing or Things Group is held by: of a single its target, of a bulk each ready row's.
holds = Table(
    "holds",
    METADATA,
    Column("target_id", PlainText, primary_key=True),
    Column("request_id", ForeignKey("requests.id"), nullable=False),
    Index("ix_holds_request_id", "request_id"),
)

# The run that a bulk is in: its brakes count from here.
runs = Table(
    "runs",
    METADATA,
    Column("request_id", ForeignKey("requests.id"), primary_key=True),
    Column("since", Moment, nullable=False),
    Column("number", Integer, nullable=False),
)

audit = Table(
    "audit",
    METADATA,
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("event", PlainText, nullable=False),
    Column("user_id", PlainText, nullable=False),
    Column("request_id", PlainText, nullable=False),
    Column("thing_id", PlainText, nullable=False),
    Column("body", Form, nullable=False),
    Column("previous", Word(64), nullable=False),
    Column("digest", Word(64), nullable=False),
    Index("ix_audit_at", "at"),
    Index("ix_audit_event_seq", "event", "seq"),
    Index("ix_audit_user_id_seq", "user_id", "seq"),
    Index("ix_audit_request_id_seq", "request_id", "seq"),
    Index("ix_audit_thing_id_seq", "thing_id", "seq"),
)

audit_head = Table(
    "audit_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("digest", Word(64), nullable=False),
)

places = Table(
    "places",
    METADATA,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("request_id", ForeignKey("requests.id"), nullable=False),
    Column("kind", Word(16), nullable=False),
    Column("channel", Word(64), nullable=False),
    Column("ts", Word(64), nullable=False),
    Column("drawn_rev", Integer, nullable=False),
    Column("thread_ts", Word(64), nullable=False, server_default=""),
    Index("ix_places_request_id", "request_id"),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    METADATA,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("request_id", ForeignKey("requests.id"), nullable=False),
    Column("place_id", BigInteger, ForeignKey("places.id"), nullable=False),
    Column("what", Word(64), nullable=False),
    Column("about", Form, nullable=False),
    Column("state", Word(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Moment),
    # Its migration gives it the same condition on PostgreSQL: to say so here would load that dialect with
    # every start.
    Index("ix_outbox_queue", "place_id", "id", sqlite_where=_IN_QUEUE),
    sqlite_autoincrement=True,
)

submissions = Table(
    "submissions",
    METADATA,
    Column("id", Word(64), primary_key=True),
    Column("key", Word(255), nullable=False, unique=True),
    Column("user_id", Word(64), nullable=False),
    Column("team_id", Word(64), nullable=False),
    Column("channel", Word(64), nullable=False),
    Column("message_ts", Word(64), nullable=False),
    Column("view_id", Word(64), nullable=False),
    Column("kind", Word(32), nullable=False),
    Column("fields", Form, nullable=False),
    Column("at", Moment, nullable=False),
    Column("state", Word(16), nullable=False),
    Column("request_id", Word(64), nullable=False),
    Column("thread_ts", Word(64), nullable=False, server_default=""),
    Column("link", PlainText, nullable=False, server_default=""),
    # The replica that works on it; "" where there is only one.
    Column("holder", Word(64), nullable=False, server_default=""),
    Index("ix_submissions_state", "state"),
)

inventory = Table(
    "inventory",
    METADATA,
    Column("iccid", PlainText, primary_key=True),
    Column("thing_id", PlainText, nullable=False),
    Column("name", PlainText, nullable=False),
    Column("folded", PlainText, nullable=False),
    # None: nobody has said yet. "": in no group. Said at `group_read_at`, however often the Thing is listed.
    Column("things_group_id", PlainText),
    Column("group_read_at", Moment),
    Column("last_seen_imei", PlainText, nullable=False),
    Column("device", Word(14), nullable=False),
    Column("read_at", Moment, nullable=False),
    # Of its own lock; all None: nobody has said yet.
    Column("imei_lock", Boolean(create_constraint=False)),
    Column("locked_imei", PlainText),
    Column("lock_read_at", Moment),
    Index("ix_inventory_folded", "folded"),
    Index("ix_inventory_device", "device"),
    Index("ix_inventory_things_group_id_iccid", "things_group_id", "iccid"),
)

# How far the count of a group's Things has come: for the card, and (`again`) right before the write.
censuses = Table(
    "censuses",
    METADATA,
    Column("request_id", ForeignKey("requests.id"), primary_key=True),
    Column("again", Boolean(create_constraint=False), primary_key=True),
    Column("stage", Word(16), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("since", Moment, nullable=False),
    Column("expected", Integer, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("tail", PlainText, nullable=False),
    Column("shifted", Boolean(create_constraint=False), nullable=False),
    Column("passes", Integer, nullable=False),
    Column("unreadable", Integer, nullable=False),
    Column("cursor", PlainText, nullable=False),
    Column("asked", Integer, nullable=False),
    Column("online", Integer),
    Column("failing_since", Moment),
    Column("given_up", PlainText, nullable=False),
    Column("finished_at", Moment),
)

census_rows = Table(
    "census_rows",
    METADATA,
    # Storable as it stands: all of it comes out of the inventory.
    Column("request_id", ForeignKey("requests.id"), primary_key=True),
    Column("again", Boolean(create_constraint=False), primary_key=True),
    Column("iccid", Form, primary_key=True),
    Column("name", Form, nullable=False),
    Column("last_seen_imei", Form, nullable=False),
    Column("tac", Word(8), nullable=False),
    Column("imei_lock", Boolean(create_constraint=False)),
    Column("locked_imei", Form),
    Column("standing", Word(16), nullable=False),
    Column("read_at", Moment, nullable=False),
    Index("ix_census_rows_request_id_again_standing_iccid", "request_id", "again", "standing", "iccid"),
)

things_groups = Table(
    "things_groups",
    METADATA,
    Column("things_group_id", PlainText, primary_key=True),
    Column("name", PlainText, nullable=False),
    Column("folded", PlainText, nullable=False),
    Column("read_at", Moment, nullable=False),
    Index("ix_things_groups_folded", "folded"),
)

inventory_reading = Table(
    "inventory_reading",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("part", Word(16), nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    # When the last complete reading began: what it didn't see, nor the next one, is gone.
    Column("complete_since", Moment),
    # Of the one under way, or of the last: rows that name no SIM, and pages that didn't follow on each other.
    Column("doubts", Integer, nullable=False, server_default="0"),
)

gate = Table(
    "gate",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("next_at", BigInteger, nullable=False),
    Column("share", BigInteger, nullable=False),
    Column("paused_until", BigInteger, nullable=False),
    Column("slowed_at", BigInteger, nullable=False),
)

# What one replica has, until then by the database's clock: see `leases.py`.
leases = Table(
    "leases",
    METADATA,
    Column("name", Word(128), primary_key=True),
    Column("holder", Word(64), nullable=False),
    Column("until", BigInteger, nullable=False),
)

# What is not to be done a second time, by any replica: see `once.py`.
begun = Table(
    "begun",
    METADATA,
    Column("what", Word(255), primary_key=True),
    Column("holder", Word(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_begun_at", "at"),
)

# What an older program asks when it finds tables of a newer one: whether it may go on.
compatibility = Table(
    "compatibility",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # The oldest version, as Alembic names it, whose program works with these tables.
    Column("oldest", Word(32), nullable=False),
)
