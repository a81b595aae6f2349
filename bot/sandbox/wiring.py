"""The bot's configuration against both stand-ins, as an environment would hold it."""

from __future__ import annotations

from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack import LocalSlack


def environment(
    slack: LocalSlack, monogoto: LocalMonogoto, *, database_url: str, transport: str, rate: int
) -> dict[str, str]:
    """All keys that a bot needs, secrets included; both stand-ins have to run."""
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_TRANSPORT": transport,
        "HOST": "127.0.0.1",
        "PORT": "0",
        "SLACK_API_URL": slack.api_url,
        "MONOGOTO_URL": monogoto.url,
        "MONOGOTO_USERNAME": monogoto.username,
        "MONOGOTO_PASSWORD": monogoto.password,
        "MONOGOTO_MAX_RATE": str(rate),
        "DATABASE_URL": database_url,
    }
