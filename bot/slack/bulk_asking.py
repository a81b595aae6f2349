"""`/lock-csv`: from the form to a plan in Slack, and from the plan to a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.changes import Kind
from bot.domain.errors import NoSuchRequest, NotAllowed, StoreUnavailable
from bot.domain.planned import plan_of
from bot.domain.requests import ChangeRequest
from bot.services.bulk_ports import Table
from bot.services.ports import Submission
from bot.slack import blocks as b
from bot.slack import forms, ids
from bot.slack.answering import cancel_button, card_link, show_or_not
from bot.slack.api import SlackError
from bot.slack.asking import open_form
from bot.slack.desk import EXPECTED, Call, Desk
from bot.slack.dispatch import log_unexpected
from bot.slack.errors import words
from bot.slack.form_state import Form, read_metadata, typed_in
from bot.slack.letting_go import let_go

KIND = "lock_csv"
"""What a submission of this form is called in the database."""
TEMPLATE_NAME = "imei-lock.csv"
NOTHING_GIVEN = "Add a file, or paste lines here: an ICCID and an IMEI on each."
BOTH_GIVEN = "There is a file too. Remove one of the two: only one can be read."
FULL = (
    f"This field is full: it holds {b.TEXT_LIMIT:,} characters, so the last lines may be missing. "
    "Send a file, or fewer lines at once."
)
TITLE = forms.TITLES[Kind.BULK]


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to the form; its buttons stand in the table of actions."""

    async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
        await _sent(desk, ack, body)

    app.view(ids.BULK_SUBMIT)(listen)


# --- the form --------------------------------------------------------------------------------------


async def _sent(desk: Desk, ack: AsyncAck, body: Mapping[str, Any]) -> None:
    """Keep it, ack it, then read the file. Pressing again makes nothing new."""
    view = body["view"]
    shown, typed = read_metadata(view, Kind.BULK), typed_in(view)
    if wrong := _wrong(typed):
        await ack(response_action="errors", errors={ids.LINES_BLOCK: wrong})
        return
    submission = _submission(desk, Call.of(body), view, shown, typed)
    try:
        new = await desk.submissions.keep(submission)
    except StoreUnavailable as error:
        sentence = words(error, submission.person, log_unexpected("Keeping a submission", error))
        await ack(response_action="errors", errors={ids.LINES_BLOCK: sentence})
        return
    if not new:
        said = "This form was sent already. Its answer appears here, or in the channel where you asked."
        await ack(response_action="update", view=forms.notice(TITLE, said))
        return
    reading = "⏳ *Reading it…*", "You can close this; the answer reaches you all the same."
    await ack(response_action="update", view=forms.notice(TITLE, *reading, channel=shown.channel))
    call = Call(submission.person, submission.origin)
    desk.start(plan(desk, submission), call, name=f"submission {submission.id}")


def _wrong(typed: Mapping[str, str]) -> str:
    """What is wrong with the form as such, "" where nothing is."""
    has_file, has_lines = bool(typed.get(ids.FILE_BLOCK)), bool(typed.get(ids.LINES_BLOCK, "").strip())
    if has_file and has_lines:
        return BOTH_GIVEN
    if len(typed.get(ids.LINES_BLOCK, "")) >= b.TEXT_LIMIT:
        return FULL
    return "" if has_file or has_lines else NOTHING_GIVEN


def _submission(
    desk: Desk, call: Call, view: Mapping[str, Any], shown: Form, typed: dict[str, str]
) -> Submission:
    return Submission(
        id=desk.new_id(),
        key=f"{call.person.team_id}:{call.person.user_id}:{view.get('id')}:{shown.nonce}",
        person=call.person,
        origin=shown.origin,
        view_id=str(view.get("id")),
        kind=KIND,
        fields=typed,
        at=desk.clock.now(),
    )


# --- after the ack ---------------------------------------------------------------------------------


async def plan(desk: Desk, submission: Submission) -> None:
    """Fetch it, read it, and show the plan. Always ends in an answer."""
    try:
        open_table = await _table(desk, submission)
        name = submission.fields.get(ids.FILE_NAME) or "pasted lines"
        request = await desk.bulks.intake.plan_from_table(submission, name, open_table)
    except Exception as error:  # noqa: BLE001  every failure is worded; the unknown ones get a reference
        await _give_back(desk, submission, error)
        let_go(desk, submission, error)
    else:
        await planned(desk, submission, request)


async def _table(desk: Desk, submission: Submission) -> Callable[[], Table]:
    fields, tables = submission.fields, desk.bulks.tables
    file_id = fields.get(ids.FILE_BLOCK, "")
    if not file_id:
        return lambda: tables.pasted(fields.get(ids.LINES_BLOCK, ""))
    try:
        await desk.authority.to_ask(submission.person, submission.origin, Kind.BULK)
        data = await desk.bulks.downloads.fetch(file_id, submission.person)
    except Exception as error:
        await desk.bulks.intake.give_back(submission, error)
        raise
    return lambda: tables.file(data)


async def planned(desk: Desk, submission: Submission, request: ChangeRequest, title: str = TITLE) -> None:
    """The modal says that its rows are checked now, and where."""
    link = await card_link(desk, request)
    where = f"<{link}|See it in Slack>" if link else "Its card follows in a moment"
    rows = plan_of(request).rows.total
    view = forms.notice(
        title,
        f"🔎 *{_rows(rows)} read;* each is checked with Monogoto now, as `{request.id}`. {where}.",
        "Nothing is asked for yet: when all are checked, the card says what each would do, and you decide.",
        buttons=[cancel_button(request)],
        channel=submission.origin.channel,
    )
    await show_or_not(desk, submission.view_id, view)


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


async def _give_back(desk: Desk, submission: Submission, error: Exception) -> None:
    """The form again with what was typed and the sentence on top, or privately where it was closed."""
    call = Call(submission.person, submission.origin)
    reference = "" if isinstance(error, EXPECTED) else log_unexpected("A bulk", error)
    sentence = words(error, call.person, reference)
    if isinstance(error, NotAllowed):
        again, buttons = forms.notice(TITLE, sentence), []
    else:
        origin = submission.origin
        shown = Form(Kind.BULK, origin.channel, desk.new_id(), submission.fields, version=1)
        again, buttons = forms.form(shown, top=sentence), [_reopen(submission)]
    if not await show_or_not(desk, submission.view_id, again):
        await desk.whisper(call, sentence, *buttons)


def _reopen(submission: Submission) -> b.Block:
    """What was typed is more than a button carries: it stays with the submission."""
    return b.button("Open the form again", ids.BULK_REOPEN, submission.id)


async def take_up(desk: Desk, submission: Submission, recent: bool) -> None:
    """A form that was sent, but not answered, when an earlier process ended."""
    if recent:
        await plan(desk, submission)
        return
    await desk.bulks.intake.let_go(submission)
    sentence = (
        f"⚠️ The form that you sent {b.moment(submission.at)} could not be taken up in time. "
        "Nothing was asked for or changed. If it is still wanted:"
    )
    await desk.whisper(Call(submission.person, submission.origin), sentence, _reopen(submission))


# --- buttons ---------------------------------------------------------------------------------------


async def reopen(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """Open the form again with the reason and the lines that were sent; a file has to be chosen again."""
    kept = await desk.store.submission(value)
    if kept is None or kept.person != call.person or kept.kind != KIND:
        raise NoSuchRequest("This button is broken. Type the command again.")
    typed = {key: kept.fields.get(key, "") for key in (ids.LINES_BLOCK, ids.REASON_BLOCK)}
    await open_form(desk, call, Kind.BULK, typed)


async def send(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """Send the ready ones: counts only for exactly the plan that the card showed, and for its maker."""
    request_id, _, digest = value.partition(".")
    if not request_id:
        raise NoSuchRequest("This button carries no plan; the card may be broken. Ask again.")
    request = await desk.bulks.sending.send(call.person, call.origin, request_id, digest)
    approved = "It waits for approval." if request.approvals_needed else "No approval is needed."
    buttons = [cancel_button(request)] if request.approvals_needed else []
    await desk.whisper(call, f"✅ {_rows(plan_of(request).rows.ready)} sent on. {approved}", *buttons)


async def template(desk: Desk, call: Call, _body: Mapping[str, Any], _value: str) -> None:
    """From the form."""
    await send_template(desk, call)


async def send_template(desk: Desk, call: Call) -> None:
    """A file to fill in, by direct message: what only one person sees in a channel can't hold a file."""
    await desk.authority.to_open(call.person, call.origin, Kind.BULK)
    data = desk.bulks.template()
    try:
        opened = await desk.api.call("conversations.open", users=call.person.user_id)
        channel = str(opened["channel"]["id"])
        comment = "Fill it in, save it as CSV or as an Excel workbook, and send it with `/lock-csv`."
        await desk.bulks.downloads.hand_out(channel, TEMPLATE_NAME, data, comment)
    except SlackError as error:
        code = b.escape(error.code, 60)
        said = f"⚠️ Slack did not take the file ({code}). The form of `{ids.LOCK_CSV}` shows how one looks."
        await desk.whisper(call, said)
        return
    await desk.whisper(call, f"📄 I have sent you `{TEMPLATE_NAME}` in a direct message.")


ACTIONS = {
    ids.BULK_SEND: send,
    ids.BULK_REOPEN: reopen,
    ids.BULK_TEMPLATE: template,
}
