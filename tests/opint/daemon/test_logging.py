"""Log lines: a traceback is text in both formats, without anybody's secrets."""

import json
import logging

import pytest
import structlog

from conf.settings import LogSettings
from opint.daemon import logging as log


@pytest.fixture(autouse=True)
def _as_before():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


VALUE = "hunter2"


def fail(secret):
    raise ValueError("nothing can be read")


def log_failures():
    """One line by structlog, one by a library."""
    for logger in (structlog.get_logger(), logging.getLogger("uvicorn.error")):
        try:
            fail(VALUE)
        except ValueError:
            logger.exception("it failed")


@pytest.mark.parametrize("format_", ["console", "json"])
def test_a_traceback_is_text_without_local_variables(format_, capfd):
    log.configure(LogSettings(format=format_))
    log_failures()
    heard = capfd.readouterr().err
    assert heard.count("ValueError: nothing can be read") == 2
    assert heard.count("in fail") == 2
    assert VALUE not in heard
    assert "traceback object" not in heard
    assert len(heard) < 4000


def test_each_json_line_is_whole(capfd):
    log.configure(LogSettings(format="json"))
    log_failures()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["it failed", "it failed"]
    assert all(line["exception"].startswith("Traceback (most recent call last)") for line in lines)
