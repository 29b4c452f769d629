"""Commands run in the process of the tests."""

import pytest
from typer.testing import CliRunner

from conf.errors import NightshiftError
from opint.cli import app

WIDE = {"COLUMNS": "220"}
"""A terminal in which no table is folded."""


def nightshift(*arguments):
    """Run a command that must succeed; what it prints, errors included."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False, env=WIDE)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments):
    """Run a command that must fail; the one line that it says."""
    with pytest.raises(NightshiftError) as caught:
        CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    text = str(caught.value)
    assert "\n" not in text
    return text


def printed(*arguments):
    """Run a command that must succeed; its standard output, which a pipe would get."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False, env=WIDE)
    assert result.exit_code == 0, result.output
    return result.stdout
