"""What every command shares: its options, its settings, its way to stop."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conf.errors import SettingsError
from conf.loader import load
from conf.settings import DatabaseSettings, Settings

if TYPE_CHECKING:
    from opint.store.engine import Store


class LogFormat(StrEnum):
    """How log lines are written."""

    CONSOLE = "console"
    JSON = "json"


class Wire(StrEnum):
    """How messages are written."""

    ARROW = "arrow"
    JSON = "json"

    @property
    def content_type(self) -> str:
        """The message header that says so."""
        from streams.codecs.content_type import ARROW_CONTENT_TYPE, JSON_CONTENT_TYPE

        return ARROW_CONTENT_TYPE if self is Wire.ARROW else JSON_CONTENT_TYPE


DEMO_SETTINGS = Path("var/demo/nightshift.yaml")
"""The settings that `nightshift demo` writes for the commands beside it."""

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="NIGHTSHIFT_CONFIG",
        help="Settings file (YAML). Every key is explained in conf/default.yaml.",
        show_default="built-in defaults",
    ),
]
Log = Annotated[LogFormat | None, typer.Option("--log-format", help="Log lines for people or for a collector.")]


def existing(files: list[Path]) -> list[Path]:
    """The files given, before any work is done on the first of them; raises SettingsError for one that is not there."""
    for file in files:
        if file.is_dir():
            raise SettingsError(f"{file} is a folder; name the files in it")
        if not file.exists():
            raise SettingsError(f"{file}: no such file")
    return files


Runs = Annotated[
    str, typer.Option("--runs", metavar="FIRST-LAST", help="Only these runs, both included.", show_default="all")
]

Pace = Annotated[
    float | None,
    typer.Option(min=0.001, help="Lumisections per second (0.0429 is real time).", show_default="as fast as possible"),
]
AsWire = Annotated[Wire, typer.Option("--as", help="Arrow IPC (fast) or JSON (readable).")]

ConditionsFile = Annotated[
    Path | None,
    typer.Option(
        "--conditions", help="Parquet file of real lumisections (OMS columns).", show_default="generated fills"
    ),
]
GoodOnly = Annotated[bool, typer.Option("--good-only", help="Only stable beams with data recorded.")]
Skip = Annotated[int, typer.Option("--skip", min=0, help="Number of lumisections to skip at the beginning.")]
AtMost = Annotated[
    int | None,
    typer.Option(
        "--lumisections", min=1, help="At most this many lumisections.", show_default="as many as there are conditions"
    ),
]
TruthFile = Annotated[Path | None, typer.Option("--truth", help="File for the faults, one JSON object a line.")]
OutFile = Annotated[
    Path | None, typer.Option("--out", help="File for a recording, for `nightshift replay` or `score`.")
]
Publish = Annotated[bool, typer.Option("--publish", help="Publish to the topic instead.")]

Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most this many rows, newest first.")]


MOST_NUMBER = 2**53
"""Greatest run or number of a row: within what both databases hold."""


def stored_text(text: str) -> str:
    """Text that may stand in the database; raises typer.BadParameter for bytes that are not UTF-8."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise typer.BadParameter(f"{text!a} is not UTF-8 text")
    return text


def runs_of(text: str) -> range:
    """The runs that the option ``--runs`` names; all for an empty one. Raises SettingsError."""
    if not text:
        return range(2**63 - 1)
    first, _, last = text.partition("-")
    digits = first.isdecimal() and last.isdecimal() and max(len(first), len(last)) <= 16
    if not (digits and int(first) <= int(last) <= MOST_NUMBER):
        raise SettingsError(f"--runs is {text!r}; write FIRST-LAST, such as 297050-299999")
    return range(int(first), int(last) + 1)


def bundle_name(text: str) -> str:
    """The name of a bundle: one folder below dqm.models. Raises SettingsError for anything else."""
    if Path(text).name != text:
        raise SettingsError(f"the bundle's name is {text!r}; write the name of one folder, without slashes")
    return text


def start(config: Path | None, log_format: LogFormat | None) -> Settings:
    """Load the settings and set up logging as they, or the option, say."""
    from opint.daemon import logging

    settings = load(config, os.environ)
    chosen = settings.log if log_format is None else settings.log.model_copy(update={"format": log_format.value})
    settings = settings.model_copy(update={"log": chosen})
    logging.configure(settings.log)
    return settings


def open_store(settings: Settings) -> "Store":
    """The store that the settings name, after its version has been checked."""
    from opint.store.engine import Store, StoreError

    store = Store.open(settings.database.url.get_secret_value())
    try:
        store.check_version()
    except StoreError as error:
        if DEMO_SETTINGS.exists() and settings.database == DatabaseSettings():
            hint = f"; for that of `make run`: export NIGHTSHIFT_CONFIG={DEMO_SETTINGS}"
            raise SettingsError(f"{error}{hint}") from None
        raise
    return store


def write_file(path: Path, content: bytes) -> None:
    """Write a file that the user named; raises SettingsError where that is not possible."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from None
