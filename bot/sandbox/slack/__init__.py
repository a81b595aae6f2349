"""A local Slack over real HTTP and WebSockets: strict where Slack is strict, on a clock that tests move.

server      LocalSlack: the parts together       control     the same by JSON, for the page
people      what a person can do and see          payloads    what Slack sends for it
delivery    3 s, signatures, retries              sockets     Socket Mode
outcomes    what an ack does                      hooks       response_urls and files
web_api     one call: token, limits, scopes       methods_*   what each method does
page, paths, guard, feed    the page in the browser: its files, who may reach it, what it hears
looks, reading, listing     what it can ask for: the screen, what is new, the app's commands
workspace, messages, views, tickets, limits, faults    the state, a question each
"""

from bot.sandbox.slack.filling import CannotDo, NeedsConfirm
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.outcomes import Submission
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.slack.state import ApiRequest, Delivery
from bot.sandbox.slack.views import View
from bot.sandbox.slack.workspace import Channel, User, UserGroup, Workspace

__all__ = [
    "ApiRequest",
    "CannotDo",
    "Channel",
    "Delivery",
    "LocalSlack",
    "Message",
    "NeedsConfirm",
    "Person",
    "Submission",
    "User",
    "UserGroup",
    "View",
    "Workspace",
]
