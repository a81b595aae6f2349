"""Secrets come from the environment or from files; what is wrong is named, and never what is in them."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

import pytest

from bot.check.variables import policy_file, variables
from bot.config import Config, ConfigError, Secret, database_url, from_files, move_to, readable, settings
from bot.secret_files import LONGEST
from bot.services.checked import Level
from bot.settings import DatabaseUrl

PLAIN = {
    "SLACK_BOT_TOKEN": "xoxb-1-bot",
    "SLACK_APP_TOKEN": "xapp-1-app",
    "MONOGOTO_USERNAME": "ops@example.com",
    "MONOGOTO_PASSWORD": "correct horse",
}
SECRET_VALUES = {
    "SLACK_BOT_TOKEN": "xoxb-1-file",
    "SLACK_APP_TOKEN": "xapp-1-file",
    "SLACK_SIGNING_SECRET": "s1gning",
    "MONOGOTO_PASSWORD": "in a file",
    "DATABASE_URL": "sqlite:///elsewhere.db",
}


def written(folder: Path, value: str | bytes, name: str = "secret") -> str:
    path = folder / name
    path.write_bytes(value.encode() if isinstance(value, str) else value)
    return str(path)


def problems(environment: dict[str, str]) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        Config.from_env(environment)
    return caught.value.problems


def without(*keys: str) -> dict[str, str]:
    return {key: value for key, value in PLAIN.items() if key not in keys}


def test_every_setting_that_is_a_secret_may_come_from_a_file_and_so_may_the_databases_address() -> None:
    hints = typing.get_type_hints(Config)
    secrets = [
        name.upper()
        for name, hint in hints.items()
        if any(isinstance(one, type) and issubclass(one, Secret) for one in (hint, *typing.get_args(hint)))
    ]
    assert sorted(from_files()) == sorted(secrets)


@pytest.mark.parametrize("key", SECRET_VALUES)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=["no end", "line feed", "as Windows ends a line"])
def test_a_secret_is_read_from_the_file_without_the_line_break_at_its_end(
    tmp_path: Path, key: str, end: str
) -> None:
    named = {f"{key}_FILE": written(tmp_path, SECRET_VALUES[key] + end)}
    read = getattr(Config.from_env(without(key) | named), key.lower())
    assert (read.reveal() if isinstance(read, Secret) else read) == SECRET_VALUES[key]


def test_a_ready_made_token_may_come_from_a_file(tmp_path: Path) -> None:
    slack = without("MONOGOTO_USERNAME", "MONOGOTO_PASSWORD")
    config = Config.from_env(slack | {"MONOGOTO_TOKEN_FILE": written(tmp_path, "eyJ\n")})
    assert config.monogoto_token == Secret("eyJ")


def test_all_that_are_set_twice_or_in_no_usable_file_are_named_at_once(tmp_path: Path) -> None:
    wrong = problems(
        PLAIN
        | {
            "SLACK_BOT_TOKEN_FILE": written(tmp_path, "xoxb-2"),
            "SLACK_APP_TOKEN": "",
            "SLACK_APP_TOKEN_FILE": written(tmp_path, " \n", "empty"),
            "SLACK_SIGNING_SECRET_FILE": str(tmp_path / "absent"),
            "MONOGOTO_PASSWORD_FILE": written(tmp_path, "another"),
            "DATABASE_URL_FILE": str(tmp_path),
        }
    )
    assert wrong == {
        "SLACK_BOT_TOKEN": "is set beside SLACK_BOT_TOKEN_FILE; set one or the other.",
        "SLACK_APP_TOKEN": f"SLACK_APP_TOKEN_FILE names {tmp_path}/empty, which is empty.",
        "SLACK_SIGNING_SECRET": f"SLACK_SIGNING_SECRET_FILE names {tmp_path}/absent, "
        "which can't be read (FileNotFoundError).",
        "MONOGOTO_PASSWORD": "is set beside MONOGOTO_PASSWORD_FILE; set one or the other.",
        "DATABASE_URL": f"DATABASE_URL_FILE names {tmp_path}, which can't be read (IsADirectoryError).",
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hunter2\xff", "is no text in UTF-8"),
        (b"hunter2" * LONGEST, "is too long for a secret"),
        (b"\n", "is empty"),
    ],
    ids=["not text", "too long", "empty"],
)
def test_what_is_wrong_with_a_file_is_said_without_what_is_in_it(
    tmp_path: Path, content: bytes, said: str
) -> None:
    named = {"SLACK_BOT_TOKEN_FILE": written(tmp_path, content)}
    sentence = problems(without("SLACK_BOT_TOKEN") | named)["SLACK_BOT_TOKEN"]
    assert said in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize("mistaken", ["xoxb-1-hunter2", "/xoxb/hunter2", "\0hunter2", "hunter2" * 1000])
def test_a_secret_that_was_put_where_its_file_belongs_is_not_repeated(mistaken: str) -> None:
    sentence = problems(without("SLACK_BOT_TOKEN") | {"SLACK_BOT_TOKEN_FILE": mistaken})["SLACK_BOT_TOKEN"]
    assert sentence.startswith("SLACK_BOT_TOKEN_FILE names a file, which can't be read (")
    assert "hunter2" not in sentence


def test_verbs_that_need_the_database_alone_read_its_file_too(tmp_path: Path) -> None:
    named_file = {"DATABASE_URL_FILE": written(tmp_path, "sqlite:///here.db\n")}
    assert database_url(named_file).reveal() == "sqlite:///here.db"
    with pytest.raises(ConfigError, match="DATABASE_URL_FILE names a file"):
        database_url({"DATABASE_URL_FILE": "gone"})


@pytest.mark.parametrize(
    "key", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "MONOGOTO_TOKEN"]
)
def test_a_word_that_goes_into_a_header_holds_no_line_break(tmp_path: Path, key: str) -> None:
    value = f"{SECRET_VALUES.get(key, '')}-hunter2\nX-Header: 1"
    environment = without(key) | {f"{key}_FILE": written(tmp_path, value)}
    wrong = problems(environment)
    assert wrong[key] == "must be one word without blanks or line breaks."


@pytest.mark.parametrize("key", ["MONOGOTO_USERNAME", "MONOGOTO_PASSWORD"])
def test_bytes_that_are_no_text_are_named_before_anybody_tries_to_send_them(key: str) -> None:
    assert problems(PLAIN | {key: "caf\udce9"}) == {key: "must be text in UTF-8."}


def test_check_says_where_a_secret_is_from_and_knows_the_keys_of_files(tmp_path: Path) -> None:
    given = without("SLACK_BOT_TOKEN") | {
        "SLACK_BOT_TOKEN_FILE": written(tmp_path, "xoxb-1-file"),
        "MONOGOTO_USERNAME_FILE": "somewhere",
    }
    lines = {line.name: line.detail for line in variables(given, *readable(given))}
    assert lines["variable SLACK_BOT_TOKEN"] == "set, from the file that SLACK_BOT_TOKEN_FILE names"
    assert "variable SLACK_BOT_TOKEN_FILE" not in lines
    assert lines["variable MONOGOTO_USERNAME_FILE"] == "is no setting"


def test_check_shows_no_password_of_a_database() -> None:
    url = "postgresql://bot:hunter2@db.example.com:5432/imei?password=hunter3"
    given = PLAIN | {"DATABASE_URL": url}
    (line,) = [one for one in variables(given, *readable(given)) if one.name == "variable DATABASE_URL"]
    assert line.detail == "postgresql://bot@db.example.com:5432/imei"


def test_where_the_records_move_to_may_come_from_a_file(tmp_path: Path) -> None:
    named = {"MOVE_TO_FILE": written(tmp_path, "postgresql://bot:hunter2@db/imei\n")}
    assert move_to(named, None).reveal() == "postgresql://bot:hunter2@db/imei"


def test_a_configuration_shows_no_address_of_a_database() -> None:
    assert "sqlite" not in repr(Config.from_env(PLAIN))


def test_every_secret_says_so() -> None:
    assert all(setting.secret == (key in from_files()) for key, setting in settings().items())


def test_a_configuration_names_its_secrets_to_whoever_has_to_keep_them_out_of_what_is_written() -> None:
    config = Config.from_env(PLAIN)
    assert set(config.secrets()) == {"xoxb-1-bot", "xapp-1-app", "correct horse"}
    server = dataclasses.replace(config, database_url=DatabaseUrl("postgresql://bot:hunter%2F2@db/imei"))
    assert {"hunter%2F2", "hunter/2"} <= set(server.secrets())


def test_check_warns_of_a_policy_that_anybody_may_write(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text((Path(__file__).parent.parent / "policy.example.toml").read_text())
    for mode, level in ((0o644, Level.OK), (0o646, Level.WARNING)):
        policy.chmod(mode)
        assert [one.level for one in policy_file(policy)[1]] == [level]
