"""Variables win over the file, and a variable that does nothing is an error."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.errors import SettingsError
from conf.keys import fields, variable
from conf.loader import NO_SETTINGS, load, read_environment
from conf.settings import Settings


def test_the_environment_wins_over_the_file(load_text: Callable[..., Settings]) -> None:
    environ = {"NIGHTSHIFT_DASHBOARD__PORT": "81", "NIGHTSHIFT_DQM__REQUIRE_STABLE_BEAMS": "false"}
    settings = load_text("dashboard: {port: 80, stale_after_s: 5}", environ)
    assert settings.dashboard.port == 81
    assert settings.dashboard.stale_after_s == 5
    assert settings.dqm.require_stable_beams is False


def test_numbers_as_group_names_stay_text() -> None:
    assert load(None, {"NIGHTSHIFT_STREAM__KAFKA__GROUP": "1"}).stream.kafka.group == "1"


def test_the_settings_file_may_be_named_by_a_variable(tmp_path: Path) -> None:
    path = tmp_path / "night.yaml"
    path.write_text("log: {level: debug}")
    assert load(None, {"NIGHTSHIFT_CONFIG": str(path)}).log.level == "debug"
    with pytest.raises(SettingsError, match="gone cannot be read"):
        load(None, {"NIGHTSHIFT_CONFIG": str(tmp_path / "gone")})


def test_other_variables_are_left_alone() -> None:
    assert read_environment({"PATH": "/bin", **dict.fromkeys(NO_SETTINGS, "x")}) == {}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"NIGHTSHIFT_STREAM__KAFKA__GRUOP": "a"}, "mean NIGHTSHIFT_STREAM__KAFKA__GROUP?"),
        ({"NIGHTSHIFT_STREAM": "a"}, "NIGHTSHIFT_STREAM is set in the environment and is no setting"),
        ({"NIGHTSHIFT_DASHBOARD__PORT": "ten"}, "dashboard.port is 'ten' (NIGHTSHIFT_DASHBOARD__PORT)"),
        ({"NIGHTSHIFT_LOG__LEVEL": "loud"}, "log.level is 'loud' (NIGHTSHIFT_LOG__LEVEL)"),
        ({"NIGHTSHIFT_LOG__LEVEL": "\udc80"}, "log.level (NIGHTSHIFT_LOG__LEVEL) is not valid UTF-8"),
        ({"NIGHTSHIFT_ALERTS__RAISE_BAD": "9"}, "alerts (NIGHTSHIFT_ALERTS__RAISE_BAD): raise_bad (9)"),
        ({"NIGHTSHIFT_LOG__LEVEL_FILE": "x"}, "NIGHTSHIFT_LOG__LEVEL_FILE is set in the environment and is no"),
    ],
)
def test_mistakes_name_the_variable(environ: dict[str, str], expected: str, refusal: Callable[..., str]) -> None:
    assert expected in refusal("", environ)


def test_every_key_has_its_own_variable() -> None:
    names = [variable(key) for key in fields()]
    assert len(set(names)) == len(names)
    assert not set(names) & NO_SETTINGS


def answer(environ: dict[str, str]) -> str:
    try:
        return str(load(None, environ))
    except SettingsError as error:
        return str(error)


@given(st.sampled_from(sorted(fields())), st.text(st.characters(exclude_characters="\0"), max_size=30))
def test_any_text_is_taken_or_refused_in_one_line(key: tuple[str, ...], text: str) -> None:
    assert "\n" not in answer({variable(key): text})
