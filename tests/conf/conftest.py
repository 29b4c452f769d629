"""What the settings tests share: loading from text, and the message of a refusal."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from conf.errors import SettingsError
from conf.loader import load
from conf.settings import Settings


@pytest.fixture
def load_text(tmp_path: Path) -> Callable[..., Settings]:
    """Load YAML text (saved as night.yaml) under an environment."""

    def loaded(text: str, environ: Mapping[str, str] | None = None) -> Settings:
        path = tmp_path / "night.yaml"
        path.write_text(text)
        return load(path, environ or {})

    return loaded


@pytest.fixture
def refusal(load_text: Callable[..., Settings]) -> Callable[..., str]:
    """The one line that a mistake is answered with."""

    def refused(text: str, environ: Mapping[str, str] | None = None) -> str:
        with pytest.raises(SettingsError) as caught:
            load_text(text, environ)
        message = str(caught.value)
        assert "\n" not in message
        return message

    return refused
