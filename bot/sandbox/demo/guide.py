"""The first five steps. Each is ticked off by what the stand-ins saw, never by a click on the guide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from bot.domain.identifiers import Valid, parse_imei
from bot.sandbox.demo.calls import CallLog, Kept
from bot.sandbox.demo.folder import Folder
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.monogoto.examples import Examples
from bot.sandbox.slack import Delivery, LocalSlack
from bot.slack import ids

LOST: Final = frozenset({"drop_after", "error_after", "truncated_json", "hang_after"})
"""Faults after which the bot can't know what became of its write."""
_ASKS, _APPROVES, _WHERE = "U0ENG1", "U0APP1", "C0FIELD"
LOCK_KEYS: Final = ("MasterIMEI", "LockMasterImei", "IMEIPrefix")


@dataclass(frozen=True, slots=True)
class Step:
    """One line of what to do and where; `copy` is what to type there.

    The page takes people there: acting as `person` in `channel`, where a command stands ready to be sent, and
    to the Monogoto side's `screen`, searched for `search`. `after` says what Calls shows once it is done.
    """

    key: str
    title: str
    text: str
    copy: str = ""
    person: str = ""
    channel: str = ""
    screen: str = ""
    search: str = ""
    after: str = ""


class Guide:
    """Looks at what has happened. The folder keeps whether it was put away, and that all of it was done once.

    What was half done begins anew with the process: the round that it happened in is gone, with the locks and
    requests that a later step stands on.
    """

    def __init__(self, slack: LocalSlack, monogoto: LocalMonogoto, calls: CallLog, folder: Folder) -> None:
        self._slack = slack
        self._monogoto = monogoto
        self._calls = calls
        self._folder = folder
        self._steps = steps(monogoto.examples)
        kept = folder.remembered()
        every = {step.key for step in self._steps}
        self._done = every if kept.get("done") == sorted(every) else set()
        self._dismissed = kept.get("dismissed") is True
        self._happened: dict[str, Callable[[], bool]] = {
            "lock": lambda: self._asked_at() is not None,
            "approve": self._approved,
            "swap": self._refused_elsewhere,
            "typo": self._field_error,
            "lost": self._confirmed_after_loss,
        }

    def look(self) -> dict[str, Any]:
        """The steps, each with `done`, and whether the guide was put away."""
        new = {key for key, happened in self._happened.items() if key not in self._done and happened()}
        if new:
            self._done |= new
            self._keep()
        shown = [asdict(step) | {"done": step.key in self._done} for step in self._steps]
        return {"steps": shown, "dismissed": self._dismissed}

    def dismiss(self, *, away: bool) -> None:
        """Put it away, or bring it back."""
        self._dismissed = away
        self._keep()

    def _keep(self) -> None:
        self._folder.remember({"done": sorted(self._done), "dismissed": self._dismissed})

    def _submissions(self) -> Iterator[Delivery]:
        return (one for one in self._slack.deliveries if one.payload.get("type") == "view_submission")

    def _asked_at(self) -> datetime | None:
        """When a card with buttons was posted for a form that asked for the lock of a Thing."""
        for sent in self._submissions():
            if (
                sent.payload["view"]["callback_id"] == ids.LOCK_THING_SUBMIT
                and sent.outcome
                and sent.outcome.ok
            ):
                cards = (c for c in self._slack.calls("chat.postMessage") if c.ok and c.at >= sent.at)
                return next((card.at for card in cards if ids.APPROVE in str(card.args)), None)
        return None

    def _approved(self) -> bool:
        """Somebody clicked Approve, and after that a write that locks took effect."""
        clicks = [
            sent.at
            for sent in self._slack.deliveries
            if sent.acked and any(a["action_id"] == ids.APPROVE for a in sent.payload.get("actions", []))
        ]
        return any(at >= clicks[0] for at in self._locked_at()) if clicks else False

    def _locked_at(self) -> Iterator[datetime]:
        for writes in self._monogoto.writes.values():
            yield from (write.at for write in writes if write.keys.get("LockMasterImei") is True)
        for group_writes in self._monogoto.group_writes.values():
            yield from (write.at for write in group_writes if write.body.get("LockMasterImei") is True)

    def _refused_elsewhere(self) -> bool:
        """A device got no service because of a lock that was asked for here."""
        ours = {iccid for iccid, writes in self._monogoto.writes.items() if writes}
        for group_id, writes in self._monogoto.group_writes.items():
            ours |= set(self._monogoto.iccids_in(group_id)) if writes else set()
        return any(s.verdict.by in {"thing", "group"} and s.iccid in ours for s in self._monogoto.sessions)

    def _field_error(self) -> bool:
        return any(is_told_of_a_typo(sent) for sent in self._submissions() if sent.outcome)

    def _confirmed_after_loss(self) -> bool:
        """An answer to a write was lost, the record was read back as wanted, and the thread says so."""
        kept = list(self._calls)
        for place, write in enumerate(kept):
            if write.call.method == "PUT" and write.call.fault in LOST:
                read_at = _read_back_at(write, kept[place + 1 :])
                if read_at is not None and self._told_since(read_at):
                    return True
        return False

    def _told_since(self, moment: datetime) -> bool:
        replies = (call for call in self._slack.calls("chat.postMessage") if call.ok and call.at >= moment)
        return any(call.args.get("thread_ts") and "done" in str(call.args.get("text")) for call in replies)


def is_told_of_a_typo(sent: Delivery) -> bool:
    """Whether a form came back because of its IMEI: beside the field, or in a form that took its place."""
    if any(block_id.startswith(ids.IMEI_BLOCK) for block_id in sent.outcome.errors):
        return True
    fields = sent.payload["view"]["state"]["values"]
    typed = [
        str(state.get("value") or "")
        for block_id, states in fields.items()
        if block_id.startswith(ids.IMEI_BLOCK)
        for state in states.values()
    ]
    is_wrong = any(text and not isinstance(parse_imei(text), Valid) for text in typed)
    return is_wrong and sent.outcome.action in {"update", "push"}


def _read_back_at(write: Kept, later: list[Kept]) -> datetime | None:
    """When a later read showed the lock as that write wanted it."""
    body = write.call.body if isinstance(write.call.body, dict) else {}
    wanted = {key: body[key] for key in LOCK_KEYS if key in body}
    thing_id = str(body.get("ThingId", "")).removeprefix("/thing/")
    path = f"/thing/{thing_id}" if thing_id else write.call.path
    for kept in later:
        if kept.call.method == "GET" and kept.call.path == path and _shows(kept.answer, wanted):
            return kept.call.at
    return None


def _shows(answer: Any, wanted: dict[str, Any]) -> bool:
    return isinstance(answer, dict) and all(answer.get(key) == value for key, value in wanted.items())


def steps(sims: Examples) -> tuple[Step, ...]:
    """In the order in which they tell a story, with real numbers of the seeded SIMs."""
    stolen, other, next_one = sims.fresh, sims.never_seen, sims.online
    imei = sims.unused_imeis[0]
    typo = imei[0] + imei[2] + imei[1] + imei[3:]
    return (
        Step(
            "lock",
            "Lock the stolen SIM",
            "In #field-ops, as Maria Santos: send this, give a reason, send the form.",
            f"/lock-thing {stolen.iccid} {stolen.imei}",
            person=_ASKS,
            channel=_WHERE,
        ),
        Step(
            "approve",
            "Approve as someone else",
            "Act as Ravi Menon, and click Approve on the card in #field-ops.",
            person=_APPROVES,
            channel=_WHERE,
        ),
        Step(
            "swap",
            "Swap the device",
            "In Monogoto: find this SIM, put it into another device, start a data session.",
            stolen.iccid,
            screen="things",
            search=stolen.iccid,
        ),
        Step(
            "typo",
            "Make a typo",
            "As Maria Santos: two digits of this IMEI are swapped. Send this, give a reason, try to send.",
            f"/lock-thing {other.iccid} {typo}",
            person=_ASKS,
            channel=_WHERE,
        ),
        Step(
            "lost",
            "Break Monogoto in mid-flight",
            "In Monogoto, Trouble: lose the answer after the next write. Then send this, have it approved.",
            f"/lock-thing {next_one.iccid} {next_one.imei}",
            person=_ASKS,
            channel=_WHERE,
            screen="trouble",
            after="Look at Calls: the PUT got no answer, the GET after it shows that the lock is there.",
        ),
    )
