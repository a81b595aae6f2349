"""What the operator sets is read once; everything that is wrong is named at once, and no secret is shown."""

from __future__ import annotations

import copy
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from bot.config import Config, ConfigError, Secret, environment, settings

GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-1-bot",
    "SLACK_APP_TOKEN": "xapp-1-app",
    "MONOGOTO_USERNAME": "ops@example.com",
    "MONOGOTO_PASSWORD": "correct horse",
}


def problems(**changed: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        Config.from_env(GOOD | changed)
    return caught.value.problems


def test_little_has_to_be_set_and_the_rest_has_defaults() -> None:
    config = Config.from_env(GOOD)
    assert config.slack_transport == "socket"
    assert config.slack_bot_token.reveal() == "xoxb-1-bot"
    assert (config.host, config.port) == ("127.0.0.1", 3000)
    assert config.slack_api_url == "https://slack.com/api/"
    assert config.monogoto_url == "https://console.monogoto.io"
    assert config.monogoto_max_rate == 5
    assert config.monogoto_token is None
    assert config.database_url.reveal() == "sqlite:///imei-lock.db"
    assert config.policy_file == Path("policy.toml")
    assert (config.log_level, config.log_format) == ("INFO", "text")


def test_every_missing_key_is_named_at_once_one_line_each() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env({})
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
        "MONOGOTO_USERNAME",
        "MONOGOTO_PASSWORD",
    ]


def test_every_wrong_key_is_named_at_once() -> None:
    wrong = {
        "SLACK_BOT_TOKEN": "xapp-mixed-up",
        "SLACK_TRANSPORT": "carrier pigeon",
        "PORT": "http",
        "SLACK_API_URL": "ftp://slack.com",
        "MONOGOTO_URL": "http://console.monogoto.io",
        "MONOGOTO_MAX_RATE": "0",
        "DATABASE_URL": "mysql://here",
        "LOG_LEVEL": "LOUD",
        "LOG_FORMAT": "xml",
    }
    assert list(problems(**wrong)) == list(wrong)


def test_an_empty_value_is_a_missing_one() -> None:
    assert list(problems(SLACK_BOT_TOKEN="  ")) == ["SLACK_BOT_TOKEN"]
    assert Config.from_env(GOOD | {"PORT": ""}).port == 3000


def test_the_message_repeats_no_value() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env(
            GOOD | {"SLACK_BOT_TOKEN": "hunter2", "MONOGOTO_URL": "http://me:hunter3@example.com"}
        )
    assert "hunter" not in str(caught.value)


def test_http_needs_the_signing_secret_and_no_app_token() -> None:
    over_http = {key: value for key, value in GOOD.items() if key != "SLACK_APP_TOKEN"}
    over_http["SLACK_TRANSPORT"] = "http"
    with pytest.raises(ConfigError) as caught:
        Config.from_env(over_http)
    assert list(caught.value.problems) == ["SLACK_SIGNING_SECRET"]
    config = Config.from_env(over_http | {"SLACK_SIGNING_SECRET": "s3cret"})
    assert config.slack_signing_secret == Secret("s3cret")
    assert config.slack_app_token is None


@pytest.mark.parametrize(
    ("present", "named"),
    [
        ({}, ["MONOGOTO_USERNAME", "MONOGOTO_PASSWORD"]),
        ({"MONOGOTO_USERNAME": "ops"}, ["MONOGOTO_PASSWORD"]),
        ({"MONOGOTO_PASSWORD": "p"}, ["MONOGOTO_USERNAME"]),
        ({"MONOGOTO_TOKEN": "t", "MONOGOTO_USERNAME": "ops"}, ["MONOGOTO_TOKEN"]),
        ({"MONOGOTO_TOKEN": "t", "MONOGOTO_USERNAME": "ops", "MONOGOTO_PASSWORD": "p"}, ["MONOGOTO_TOKEN"]),
    ],
)
def test_monogoto_takes_either_a_user_with_a_password_or_a_token(
    present: dict[str, str], named: list[str]
) -> None:
    slack = {key: value for key, value in GOOD.items() if key.startswith("SLACK")}
    with pytest.raises(ConfigError) as caught:
        Config.from_env(slack | present)
    assert list(caught.value.problems) == named
    assert Config.from_env(slack | {"MONOGOTO_TOKEN": "t"}).monogoto_token == Secret("t")


@pytest.mark.parametrize(
    "url",
    [
        "https://console.monogoto.io",
        "https://console.monogoto.io:8443/base/",
        "http://localhost:8080",
        "http://127.0.0.1:8080",
        "http://127.8.9.1",
        "http://[::1]:8080",
    ],
)
def test_secrets_go_to_https_or_to_this_machine(url: str) -> None:
    assert Config.from_env(GOOD | {"MONOGOTO_URL": url}).monogoto_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://console.monogoto.io",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "https://user:secret@example.com",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "https://",
        "https:///thing",
        "console.monogoto.io",
        "file:///etc/passwd",
        "https://example.com/?next=1",
        "https://example.com/#here",
        "https://example.com\\@localhost",
        "https://exam ple.com",
        "https://example.com:port",
        "https://[::1",
    ],
)
@pytest.mark.parametrize("key", ["MONOGOTO_URL", "SLACK_API_URL"])
def test_secrets_go_nowhere_else(key: str, url: str) -> None:
    assert list(problems(**{key: url})) == [key]


def test_slacks_address_ends_with_the_slash_that_its_library_needs() -> None:
    for url in ("http://127.0.0.1:5000/api", "http://127.0.0.1:5000/api/"):
        assert Config.from_env(GOOD | {"SLACK_API_URL": url}).slack_api_url == "http://127.0.0.1:5000/api/"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://bot:pa55word@db.example/imei", "postgresql://bot@db.example/imei"),
        ("postgres://bot:pa55%40word@h:5432/imei?sslmode=require", "postgresql://bot@h:5432/imei"),
        ("postgresql://bot@[::1]:5432/imei", "postgresql://bot@[::1]:5432/imei"),
        ("postgresql://bot@/imei?host=%2Frun&password=pa55word", "postgresql://bot@/imei"),
    ],
)
def test_a_servers_address_is_shown_without_its_password(url: str, shown: str) -> None:
    config = Config.from_env(GOOD | {"DATABASE_URL": url})
    assert (config.database_url.reveal(), config.database_url.shown) == (url, shown)
    assert "pa55" not in repr(config) + str(config.database_url) + f"{config.database_url}"


@pytest.mark.parametrize(
    ("address", "passwords"),
    [
        ("bot:pa55%40word@h/imei", {"pa55@word", "pa55%40word"}),
        ("bot@/imei?host=%2Frun&password=pa55word&sslpassword=key%2B", {"pa55word", "key+", "key%2B"}),
    ],
)
def test_a_servers_password_is_known_as_a_secret_wherever_it_stands(
    address: str, passwords: set[str]
) -> None:
    url = f"postgresql://{address}"
    secrets = set(Config.from_env(GOOD | {"DATABASE_URL": url}).secrets())
    assert secrets - set(Config.from_env(GOOD).secrets()) == passwords | {url}


@pytest.mark.parametrize(
    "address",
    ["bot:pa@55word@h/imei", "bot:pa/55word@h/imei", "bot:pa#55word@h/imei", "bot:pa:55word@h/imei", "h"],
)
def test_an_address_that_could_show_a_part_of_its_password_is_refused(address: str) -> None:
    sentence = problems(DATABASE_URL=f"postgresql://{address}")["DATABASE_URL"]
    assert "written as %" in sentence
    assert "55word" not in sentence


@pytest.mark.parametrize("url", ["imei-lock.db", "sqlite:///", "sqlite:///:memory:", "sqlite://imei-lock.db"])
def test_a_database_that_is_no_server_must_be_a_file(url: str) -> None:
    assert list(problems(DATABASE_URL=url)) == ["DATABASE_URL"]


@pytest.mark.parametrize("rate", ["-1", "nan", "inf", "fast", "1,5"])
def test_a_rate_must_be_a_number_above_nought(rate: str) -> None:
    assert list(problems(MONOGOTO_MAX_RATE=rate)) == ["MONOGOTO_MAX_RATE"]


@pytest.mark.parametrize("port", ["-1", "65536", "80a", "²"])
def test_a_port_must_be_one(port: str) -> None:
    assert list(problems(PORT=port)) == ["PORT"]


def test_choices_are_read_in_any_case() -> None:
    config = Config.from_env(GOOD | {"LOG_LEVEL": "debug", "LOG_FORMAT": "JSON"})
    assert (config.log_level, config.log_format) == ("DEBUG", "json")


def test_no_secret_is_shown_by_anything_that_prints() -> None:
    config = Config.from_env(GOOD)
    for shown in (repr(config), str(config), f"{config.slack_bot_token}", f"{config.monogoto_password!r}"):
        assert "xoxb" not in shown
        assert "horse" not in shown


def test_a_secret_equals_its_like_and_survives_a_copy() -> None:
    assert copy.deepcopy(Secret("a")) == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_the_config_can_not_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Config.from_env(GOOD).port = 1  # type: ignore[misc]


def test_the_real_environment_wins_over_the_file_and_nothing_is_interpolated(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("MONOGOTO_PASSWORD=a${PORT}b\nPORT=4000\nHOST=\nLONELY\n")
    read = environment(dotenv, {"PORT": "5000"})
    assert read == {"MONOGOTO_PASSWORD": "a${PORT}b", "PORT": "5000"}
    assert environment(tmp_path / "absent", {"PORT": "1"}) == {"PORT": "1"}


def test_every_key_has_one_line_of_explanation() -> None:
    for setting in settings().values():
        assert setting.explanation.endswith(".")
        assert "\n" not in setting.explanation
