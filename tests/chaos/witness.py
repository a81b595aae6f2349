"""Makes `Records` of a round: listens at the vendor, reads Slack's channels and the bot's database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.domain.policy import Policy
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.monogoto.calls import Call
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack.elements import normalised, slots
from bot.services.ports import Clock
from bot.slack.messenger import REPEATS, REPLACES, Messenger
from bot.storage import audit
from bot.storage.bulk_work import SqlBulkWork
from bot.storage.columns import to_microseconds
from bot.storage.engine import Engine
from bot.storage.outbox import SqlOutbox
from bot.storage.store import SqlStore
from tests.chaos import records as facts
from tests.chaos.database import Reader
from tests.chaos.people import all_messages

SENDS = """SELECT request_id, count(*) OVER () FROM audit WHERE event = 'item.send'
           AND (thing_id = ? OR (thing_id = '' AND body LIKE ?)) ORDER BY seq DESC LIMIT 1"""
APPROVERS = "SELECT user_id FROM decisions WHERE request_id = ? AND vote = 'approved' AND counts"
HEAD = "SELECT seq, digest FROM audit_head"
ITEMS = """SELECT items.request_id, coalesce(nullif(items.target_id, ''), requests.target_id), items.state
           FROM items JOIN requests ON requests.id = items.request_id"""
DECIDING = {"request.approve", "request.deny", "request.cancel"}


class Witness:
    """Of one round. `bot_clock`: the clock of the bot's machine; `at_the_earliest`: what it may have shown a
    moment ago, where it can be set between a look at it and the bytes that leave then."""

    def __init__(
        self,
        slack: LocalSlack,
        monogoto: LocalMonogoto,
        reader: Reader,
        true: Clock,
        bot_clock: Clock,
        *,
        at_the_earliest: Callable[[], datetime] | None = None,
    ) -> None:
        self._slack = slack
        self._monogoto = monogoto
        self._reader = reader
        self._true = true
        self._bot_clock = bot_clock
        self._bot_at = at_the_earliest or bot_clock.now
        self._puts: list[facts.Put] = []
        self._readings: list[facts.Reading] = []
        self._heads: dict[int, int] = {}
        self._unauthorized: set[int] = set()
        self._written_over: set[int] = set()
        self._seen: list[tuple[int, str]] = []
        monogoto.watch_arrivals(self._arrives)
        monogoto.watch(self._answered)

    # --- at the vendor ---------------------------------------------------------------------------

    def _arrives(self, call: Call) -> None:
        head = self._reader.rows(HEAD)
        if head:
            self._heads[call.number] = int(head[0][0])
            self._seen.append((int(head[0][0]), str(head[0][1])))
        if call.method == "PUT" and isinstance(call.body, dict):
            self._puts.append(self._put(call, call.body))

    def _put(self, call: Call, body: dict[str, Any]) -> facts.Put:
        target = str(body["ThingId"]) if "ThingId" in body else call.path.rpartition("/")[2]
        sent = self._reader.rows(SENDS, target, f'%"things_group_id":"{target}"%')
        request = str(sent[0][0]) if sent else ""
        return facts.Put(
            order=call.number,
            target=target,
            at=self._true.now().timestamp(),
            bot_at=to_microseconds(self._bot_at()),
            lock=_lock(body),
            cas=str(body.get("cas", "")),
            sends=int(sent[0][1]) if sent else 0,
            request=request,
            approvers=tuple(str(row[0]) for row in self._reader.rows(APPROVERS, request)),
        )

    def _answered(self, call: Call, body: bytes) -> None:
        if call.method == "PUT" and call.status == 401:
            self._unauthorized.add(call.number)
        if call.fault == "edited_after":
            self._written_over.add(call.number)
        if call.method != "GET" or call.status != 200 or call.number not in self._heads:
            return
        try:
            found = json.loads(body)
            target = str(found.get("ThingId") or found["ThingsGroupId"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        self._readings.append(facts.Reading(call.number, target, _lock(found), self._heads[call.number]))

    def _seen_to_its_end(self, put: facts.Put) -> facts.Put:
        return replace(
            put,
            is_unauthorized=put.order in self._unauthorized,
            is_written_over=put.order in self._written_over,
        )

    def _effects(self) -> Iterator[facts.Effect]:
        left = list(self._puts)
        for iccid, writes in self._monogoto.writes.items():
            for write in writes:
                put = _take(
                    left, f"ThingId_ICCID_{iccid}", _lock(write.keys), write.at.timestamp(), write.cas_before
                )
                yield facts.Effect(f"ThingId_ICCID_{iccid}", write.at.timestamp(), _lock(write.keys), put)
        for group, group_writes in self._monogoto.group_writes.items():
            for made in group_writes:
                put = _take(left, group, _lock(made.body), made.at.timestamp())
                yield facts.Effect(group, made.at.timestamp(), _lock(made.body), put)

    # --- in Slack --------------------------------------------------------------------------------

    def _clicks(self) -> Iterator[facts.Click]:
        for delivery in self._slack.deliveries:
            payload = delivery.payload
            said = [str(a.get("value")) for a in payload.get("actions", ()) if _approves(a)]
            if payload.get("view", {}).get("callback_id") == "request.approve_many":
                said.append(str(payload["view"]["private_metadata"]))
            for text in said:
                for row in self._reader.rows("SELECT id FROM requests"):
                    if str(row[0]) in text:
                        at = delivery.at.timestamp()
                        answered = at + (delivery.seconds or 0.0)
                        yield facts.Click(str(row[0]), payload["user"]["id"], at, answered)

    def _posts(self) -> Iterator[facts.Post]:
        for message in all_messages(self._slack):
            asking = [s.element for s in slots(message.blocks) if s.action_id in DECIDING]
            text = json.dumps(message.blocks, ensure_ascii=False)
            payload = (message.metadata or {}).get("event_payload", {})
            yield facts.Post(
                f"{message.channel}/{message.ts}",
                str(payload.get("message", "")),
                str(asking[0]["value"]).partition(".")[0] if asking else "",
                REPEATS in text or REPLACES in text,
            )

    async def _cards(self, engine: Engine, policy: Policy) -> list[facts.Card]:
        outbox, store = SqlOutbox(engine), SqlStore(engine)
        messenger = Messenger(
            api=None,  # type: ignore[arg-type]  it only draws here
            outbox=outbox,
            store=store,
            work=SqlBulkWork(engine),
            policy=policy,
            clock=self._bot_clock,
        )
        found = []
        for (request_id,) in self._reader.rows("SELECT id FROM requests ORDER BY number"):
            request = await store.request(request_id)
            for place in await outbox.places(request_id):
                if request and place.ts and place.kind in {"card", "twin"}:
                    drawn = await messenger._draw(request, place)
                    standing = self._standing(place.channel, place.ts)
                    where = f"{place.channel}/{place.ts}"
                    found.append(facts.Card(request_id, where, standing, _text(drawn.text, drawn.blocks)))
        return found

    def _standing(self, channel: str, ts: str) -> str:
        for message in all_messages(self._slack):
            if (message.channel, message.ts) == (channel, ts):
                return _text(message.text, message.blocks)
        return ""

    # --- all of it -------------------------------------------------------------------------------

    async def records(
        self, engine: Engine, policy: Policy, *, is_clock_true: bool = True, has_expired: bool = True
    ) -> facts.Records:
        """Once nothing moves any more. The engine only reads."""
        rows = self._reader.rows
        requests = rows("SELECT id, kind, status, requester_user, approved_at FROM requests ORDER BY number")
        waiting = rows("SELECT what, state, request_id FROM outbox WHERE state IN ('waiting', 'sending')")
        unchecked = rows("SELECT kind, state, id FROM submissions WHERE state = 'checking'")
        return facts.Records(
            puts=tuple(self._seen_to_its_end(put) for put in self._puts),
            effects=tuple(self._effects()),
            readings=tuple(self._readings),
            clicks=tuple(self._clicks()),
            requests=tuple(facts.Request(*row[:4], int(row[4] or 0)) for row in requests),
            items=tuple(facts.Item(*row) for row in rows(ITEMS)),
            entries=tuple(_entries([line async for line in audit.export(engine)])),
            cards=tuple(await self._cards(engine, policy)),
            posts=tuple(self._posts()),
            unsettled=tuple(" ".join(map(str, row)) for row in (*waiting, *unchecked)),
            fault=await audit.verify(engine),
            digests={int(seq): str(digest) for seq, digest in rows("SELECT seq, digest FROM audit")},
            heads=tuple(dict.fromkeys(self._seen)),
            is_clock_true=is_clock_true,
            has_expired=has_expired,
        )


def _take(puts: list[facts.Put], target: str, lock: facts.Lock, at: float, cas: str = "") -> int:
    """The first call that can have had this effect, and has not had one yet; 0 for none."""
    wanted = (target, lock, cas)
    fits: Callable[[facts.Put], bool] = lambda put: (put.target, put.lock, put.cas) == wanted and put.at <= at  # noqa: E731
    put = next(filter(fits, puts), None)
    if put is None:
        return 0
    puts.remove(put)
    return put.order


def _approves(action: dict[str, Any]) -> bool:
    return str(action.get("action_id")) == "request.approve"


def _lock(fields: dict[str, Any]) -> facts.Lock:
    return bool(fields.get("LockMasterImei")), str(fields.get("MasterIMEI") or fields.get("IMEIPrefix") or "")


def _entries(lines: list[str]) -> Iterator[facts.Entry]:
    for line in lines:
        whole = json.loads(line)
        entry = whole["entry"]
        if not str(entry["event"]).startswith("item."):
            continue
        target = entry["thing_id"] or entry.get("things_group_id", "")
        lock = _lock_said(entry["after"])
        yield facts.Entry(whole["seq"], entry["event"], entry["outcome"], entry["request_id"], target, lock)


def _lock_said(words: dict[str, str]) -> facts.Lock | None:
    if "imei_lock" not in words:
        return None
    return words["imei_lock"] == "true", words.get("locked_imei", words.get("tac", ""))


def _text(text: str, blocks: list[dict[str, Any]]) -> str:
    """A message as one text, without what Slack makes up, and without the note that it replaces another."""
    shown = []
    for block in normalised(blocks):
        kept = {key: value for key, value in block.items() if key != "block_id"}
        told = json.dumps(kept, ensure_ascii=False, sort_keys=True)
        if REPLACES not in told:
            shown.append(told)
    return "\n".join([text, *shown])
