"""The slash commands: the table, and one listener for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.changes import Kind, doing
from bot.domain.policy import Decision
from bot.slack import blocks as b
from bot.slack import bulk_asking, ids, lookups
from bot.slack.asking import open_form
from bot.slack.choosing import resolve, split
from bot.slack.desk import Call, Desk
from bot.slack.reading import split_arguments

ASK, APPROVE, SEE = "you may ask", "you may approve", "you may see it"
NOTHING = {
    ASK: "You may ask for nothing.",
    APPROVE: "You may approve nothing.",
    SEE: "You may look up nothing.",
}
"""Said once, in place of the same “no” under each command."""
NO = "— no"

Handler = Callable[[Desk, Call], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command. Name, hint and description stand in the manifest, the help and the README too."""

    name: str
    hint: str
    description: str
    handler: Handler
    kind: Kind | None = None
    """The change that it asks for."""


async def lock_thing(desk: Desk, call: Call) -> None:
    """`/lock-thing [ICCID] [IMEI]`"""
    await open_form(desk, call, Kind.LOCK_THING, split_arguments(call.text, Kind.LOCK_THING))


async def unlock_thing(desk: Desk, call: Call) -> None:
    """`/unlock-thing [ICCID]`"""
    await open_form(desk, call, Kind.UNLOCK_THING, split_arguments(call.text, Kind.UNLOCK_THING))


async def lock_group(desk: Desk, call: Call) -> None:
    """`/lock-group [group] [TAC]`"""
    group, tac = await split(desk, call.text)
    typed, under = await resolve(desk, group)
    await open_form(desk, call, Kind.LOCK_THINGS_GROUP, typed | {ids.TAC_BLOCK: tac}, under)


async def unlock_group(desk: Desk, call: Call) -> None:
    """`/unlock-group [group]`"""
    typed, under = await resolve(desk, " ".join(call.text.split()))
    await open_form(desk, call, Kind.UNLOCK_THINGS_GROUP, typed, under)


async def lock_csv(desk: Desk, call: Call) -> None:
    """`/lock-csv [template]`"""
    if call.text.strip().lower() == "template":
        await bulk_asking.send_template(desk, call)
    else:
        await open_form(desk, call, Kind.BULK, {})


async def imei(desk: Desk, call: Call) -> None:
    """`/imei status | requests | history | help`; what is not known gets the help, and hears so."""
    word, rest = (*call.text.split(None, 1), "", "")[:2]
    if look_up := lookups.WORDS.get(word.lower()):
        await look_up(desk, call, rest.strip())
        return
    said = b.escape(lookups.unescaped(call.text), 40)
    unknown = "" if word.lower() in {"", "help"} else f"⚠️ `/imei {said}` is not known.\n"
    text = unknown + await help_for(desk, call)
    await desk.answer(call, text[: b.TEXT_LIMIT], [b.section(part) for part in text.split("\n\n")])


async def help_for(desk: Desk, call: Call) -> str:
    """The help for this very person. Raises `NotAllowed` for those who may nothing."""
    abilities = await desk.authority.abilities(call.person, call.origin)
    return help_text(abilities, await desk.authority.sights(call.person, call.origin))


COMMANDS = (
    Command(
        ids.LOCK_THING,
        "[ICCID] [IMEI]",
        "Bind a SIM to one device (asks for approval)",
        lock_thing,
        Kind.LOCK_THING,
    ),
    Command(
        ids.UNLOCK_THING,
        "[ICCID]",
        "Let a SIM work in any device (asks for approval)",
        unlock_thing,
        Kind.UNLOCK_THING,
    ),
    Command(
        ids.LOCK_GROUP,
        "[group] [TAC]",
        "Bind a group of SIMs to a range of devices (asks for approval)",
        lock_group,
        Kind.LOCK_THINGS_GROUP,
    ),
    Command(
        ids.UNLOCK_GROUP,
        "[group]",
        "Let the SIMs of a group work in any device (asks for approval)",
        unlock_group,
        Kind.UNLOCK_THINGS_GROUP,
    ),
    Command(
        ids.LOCK_CSV,
        "[template]",
        "Bind or unlock many SIMs from a file (asks for approval)",
        lock_csv,
        Kind.BULK,
    ),
    Command(ids.IMEI, "status / requests / history / help", "Look things up, and what you may do", imei),
)


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to every command of the table."""
    for command in COMMANDS:
        app.command(command.name)(_listener(desk, command))


def _listener(desk: Desk, command: Command) -> Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]:
    async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
        call = Call.of(body)
        await ack()
        desk.start(command.handler(desk, call), call, name=command.name)

    return listen


def help_text(abilities: Mapping[Kind, tuple[Decision, Decision]], sights: Mapping[str, Decision]) -> str:
    """All commands, with what this very person may do."""
    commands = {command.kind: command for command in COMMANDS if command.kind}
    asking = {doing(kind): may_ask for kind, (may_ask, _) in abilities.items()}
    approving = {doing(kind): may_approve for kind, (_, may_approve) in abilities.items()}
    seeing = {f"the look-up “{lookup}”": sight for lookup, sight in sights.items()}
    lines = ["*IMEI Lock* binds a SIM to the device it belongs in, so that a stolen SIM is worth nothing."]
    no_asking, no_approving, no_seeing = map(same_refusal, (asking, approving, seeing))
    for label, refusal in ((ASK, no_asking), (APPROVE, no_approving), (SEE, no_seeing)):
        lines += [f"\n{NOTHING[label]} {why_not(refusal)}"] if refusal else []
    for kind, command in commands.items():
        may_ask, may_approve = abilities[kind]
        lines.append(f"\n`{command.name} {command.hint}`  {command.description}")
        lines += [] if no_asking else [f"    {ASK}: {_yes_no(may_ask)}"]
        lines += [] if no_approving else [f"    {APPROVE}: {_yes_no(may_approve)}"]
    for lookup, usage in lookups.USAGE.items():
        lines.append(f"\n{usage}  {lookups.PURPOSES[lookup]}")
        lines += [] if no_seeing else [f"    {SEE}: {_yes_no(sights[lookup])}"]
    lines.append(f"\n`{ids.IMEI} help`  This page")
    lines.append(
        "\nNothing is changed before the people whom the policy names have approved it, and “done” is said "
        "only after Monogoto was read back. Nobody approves their own request."
    )
    return "\n".join(lines)


def same_refusal(decisions: Mapping[str, Decision]) -> Decision | None:
    """The one refusal of everything, which then need not name what it refuses; else None.

    The keys are what the sentences call it.
    """
    named = {replace(no, reason=no.reason.replace(what, "this")) for what, no in decisions.items()}
    return next((no for no in named if not no.allowed), None) if len(named) == 1 else None


def _yes_no(decision: Decision) -> str:
    if decision.allowed:
        return "✅ yes"
    return f"{NO}. {why_not(decision)}"


def why_not(decision: Decision) -> str:
    """The reason of a refusal, and whom to ask."""
    ask = f" Ask {b.mentions(decision.who_can)}." if decision.who_can else ""
    return f"{b.escape(decision.reason, 300)}{ask}"
