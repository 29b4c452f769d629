"""Files of decided cases and of error messages.

A case is a line of JSON, a task as in :mod:`streams.codecs.workflows.json` with what was decided; a message is a line
of text, or a row of a Parquet table.

``parameters`` are those of AIErrorHandling, ``succeeded`` is left out where it is not known::

    {"/workflow/task": {"time": 1.7e9, "errors": {…}, "parameters": {"action": "acdc", "xrootd": "enabled"},
                        "succeeded": true}}
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from opint.actions.action import TARGETS, ActionsError, DecidedCase, RecoveryAction
from opint.actions.documents import action_of
from opint.actions.message_classes import MAX_LENGTH
from streams.codecs.workflows import WorkflowLimits
from streams.codecs.workflows.json import read_report, write_snapshot
from streams.errors import DecodeError

MAX_LINE_BYTES = 64 * 1024**2
LIMITS = WorkflowLimits(MAX_LINE_BYTES, max_tasks=1, max_errors=100_000, max_texts=10_000)


@dataclass(frozen=True, slots=True)
class UnreadLine:
    """A line without a decided case, and why."""

    place: str
    reason: str


def write_cases(cases: Iterable[DecidedCase], path: Path) -> int:
    """Write the cases, one a line; returns their number. Raises ActionsError if the file cannot be written."""
    count = 0
    try:
        with path.open("wb") as file:
            for case in cases:
                file.write(case_line(case))
                count += 1
    except OSError as error:
        raise ActionsError(f"{path} cannot be written: {error.strerror or error}") from error
    return count


def case_line(case: DecidedCase) -> bytes:
    """The line of a case, its end included."""
    value = write_snapshot(case.failures) | {"parameters": case.action.parameters()}
    if case.succeeded is not None:
        value["succeeded"] = case.succeeded
    return orjson.dumps({case.failures.task: value}, option=orjson.OPT_APPEND_NEWLINE)


def read_cases(path: Path) -> Iterator[DecidedCase | UnreadLine]:
    """The case of each line, or why it has none; raises ActionsError if the file cannot be read."""
    try:
        with path.open("rb") as file:
            number = 0
            while raw := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                place = f"{path}:{number}"
                if len(raw) > MAX_LINE_BYTES:
                    raise ActionsError(f"{place}: the line has more than {MAX_LINE_BYTES} bytes")
                if raw.strip():
                    yield _read_line(raw, place)
    except OSError as error:
        raise ActionsError(f"{path} cannot be read: {error.strerror or error}") from error


def _read_line(raw: bytes, place: str) -> DecidedCase | UnreadLine:
    try:
        value = orjson.loads(raw)
        if not isinstance(value, dict) or len(value) != 1 or not isinstance(next(iter(value.values())), dict):
            return UnreadLine(place, "an object with a single task is needed")
        fields = next(iter(value.values()))
        if fields.get("time") is None:
            return UnreadLine(place, "time is missing; cases are learned in order of time")
        report = read_report(value, LIMITS, 0.0)
        if not report.snapshots:
            return UnreadLine(place, "errors are missing")
        return DecidedCase(report.snapshots[0], _action(fields.get("parameters")), fields.get("succeeded"))
    except orjson.JSONDecodeError as error:
        return UnreadLine(place, f"not JSON: {error}")
    except (DecodeError, ActionsError) as error:
        return UnreadLine(place, str(error))


def _action(parameters: object) -> RecoveryAction:
    if not isinstance(parameters, Mapping):
        raise ActionsError("parameters are missing; they say what was decided")
    fields = {"action": "", **{name: parameters[name] for name in TARGETS if parameters.get(name) is not None}}
    try:
        return action_of(fields | {"excluded_sites": parameters.get("sites") or (), "cores": parameters.get("cores")})
    except ActionsError as error:
        raise ActionsError(f"parameters: {error}".replace("excluded_sites", "sites")) from None


def read_messages(path: Path, column: str) -> Iterator[str]:
    """The messages, in order; empty ones are left out. Raises ActionsError for a file or column that is not there."""
    try:
        yield from _parquet(path, column) if path.suffix == ".parquet" else _lines(path)
    except OSError as error:
        raise ActionsError(f"{path} cannot be read: {error.strerror or error}") from error


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        # What follows in a longer line is a part of the same message, of which nothing more is looked at.
        while line := file.readline(MAX_LENGTH + 2):
            part = line
            while part and not part.endswith("\n"):
                part = file.readline(1_000_000)
            if line.strip():
                yield line.rstrip("\r\n")


def _parquet(path: Path, column: str) -> Iterator[str]:
    import pyarrow as pa  # noqa: PLC0415 - only where there is such a file
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        file = pq.ParquetFile(path)
        if column not in file.schema_arrow.names:
            raise ActionsError(f"{path} has no column {column!r}; it has {', '.join(file.schema_arrow.names)}")
        for batch in file.iter_batches(columns=[column]):
            yield from (str(text) for text in batch[column].to_pylist() if text)
    except pa.ArrowInvalid as error:
        raise ActionsError(f"{path} is no Parquet file: {error}") from error
