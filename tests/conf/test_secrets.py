"""Secrets come from the environment or from files of their own, and are never shown."""

from collections.abc import Callable
from pathlib import Path

import pytest

from conf.errors import SettingsError
from conf.loader import LARGEST_SECRET, load
from conf.settings import Settings

ZEBRA = "hunter2-zebra"
URL = f"postgresql://night:{ZEBRA}@db/night"
KAFKA = "NIGHTSHIFT_STREAM__KAFKA__PASSWORD"
DATABASE = "NIGHTSHIFT_DATABASE__URL"


@pytest.mark.parametrize(
    "text",
    [
        f"stream: {{kafka: {{password: {ZEBRA}}}}}",
        f"database: {{url: '{URL}'}}",
        f"database: {{url: 'postgresql://db/night?user=a&password={ZEBRA}'}}",
        f"database: {{url: 'postgresql://night:{ZEBRA}@[db/night'}}",
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(text: str, refusal: Callable[..., str]) -> None:
    message = refusal(text)
    assert "holds a secret" in message
    assert "_FILE" in message
    assert ZEBRA not in message


def test_a_database_without_password_may_stand_in_the_file(load_text: Callable[..., Settings]) -> None:
    settings = load_text("database: {url: postgresql://night@db/night}")
    assert settings.database.url.get_secret_value() == "postgresql://night@db/night"


def test_secrets_from_the_environment() -> None:
    settings = load(None, {KAFKA: ZEBRA, DATABASE: URL})
    assert settings.stream.kafka.password.get_secret_value() == ZEBRA
    assert settings.database.url.get_secret_value() == URL


def test_secrets_from_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{ZEBRA}\n")
    (tmp_path / "url").write_text(f"{URL}\r\n")
    settings = load(None, {f"{KAFKA}_FILE": str(tmp_path / "password"), f"{DATABASE}_FILE": str(tmp_path / "url")})
    assert settings.stream.kafka.password.get_secret_value() == ZEBRA
    assert settings.database.url.get_secret_value() == URL


def test_secrets_are_never_shown() -> None:
    settings = load(None, {KAFKA: ZEBRA, DATABASE: URL})
    shown = [repr(settings), str(settings), settings.model_dump_json(), repr(settings.stream.kafka)]
    assert not any(ZEBRA in text for text in shown)


@pytest.mark.parametrize(
    "environ",
    [
        {DATABASE: f"mysql://night:{ZEBRA}@db/night"},
        {DATABASE: f"postgresql+psycopg2://night:{ZEBRA}@db/night"},
        {KAFKA: f"{ZEBRA}\udc80"},
    ],
)
def test_a_refused_secret_is_not_shown(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(None, environ)
    assert ZEBRA not in str(caught.value)
    assert caught.value.__cause__ is None


def test_both_ways_at_once_are_refused(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(ZEBRA)
    with pytest.raises(SettingsError, match="are both set"):
        load(None, {KAFKA: ZEBRA, f"{KAFKA}_FILE": str(tmp_path / "password")})


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, "cannot be read: No such file"), (b"\xff", "not UTF-8"), (b"x" * (LARGEST_SECRET + 1), "larger than")],
)
def test_an_unusable_secret_file_is_named(tmp_path: Path, content: bytes | None, expected: str) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"{KAFKA}_FILE names .*password, which .*{expected}"):
        load(None, {f"{KAFKA}_FILE": str(path)})
