"""Labels as files: good-run JSON, CSV, and JSON as the Run Registry gives it."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from opint.labels.label import MOST_NUMBER, WHOLE_RUN, Flag, Label, LabelError, Labels

MOST_BYTES = 256 * 2**20
"""Greatest file that is read."""

_RUN, _LS, _FLAG = ("run", "run_number"), ("ls", "lumisection", "ls_number"), ("flag", "label", "status")
_FIRST, _LAST = ("first", "start"), ("last", "end")
_ALL = "global"
"""What the Run Registry calls the flag of all of the detector."""
_UNLABELLED = frozenset({"", "standby", "excluded", "notset", "empty", "null"})
"""Flags of the Run Registry that call nothing good or bad."""


def read_labels(path: Path) -> Labels:
    """Labels of a file, whatever its form; raises LabelError with the place of what cannot be read.

    A CSV has columns run, ls (or first and last; none: whole runs), flag (good or bad), and if you like subsystem and
    cause. Good-run JSON, ``{"355374": [[59, 84]]}``, calls these ranges good and the rest of a listed run bad; runs
    that it does not list have no label. Run Registry JSON is a list of objects with run_number, start and end, and by
    subsystem ``{"status": "GOOD", "comment": ""}`` or the status alone. STANDBY, EXCLUDED and NOTSET are no label.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise LabelError(f"{path.name} has more than {MOST_BYTES // 2**20} MiB")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise LabelError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise LabelError(f"{path.name} is not UTF-8 text: byte {error.start}") from None
    try:
        labels = Labels(_of_json(text) if text.lstrip()[:1] in ("{", "[") else _of_csv(text))
    except LabelError as error:
        raise LabelError(f"{path.name}: {error}") from None
    if not len(labels):
        raise LabelError(f"{path.name} labels nothing good or bad")
    return labels


def _of_json(text: str) -> Iterator[Label]:
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise LabelError(f"line {error.lineno} is not JSON: {error.msg}") from None
    if isinstance(content, dict):
        for run, good in content.items():
            yield from _of_certificate(_number(run, "the key of a run"), good)
        return
    for place, row in enumerate(content):
        if not isinstance(row, dict):
            raise LabelError(f"item {place} is no object")
        yield from _of_registry(row, f"item {place}")


def _of_certificate(run: int, good: object) -> Iterator[Label]:
    if not isinstance(good, list) or not all(isinstance(part, list) and len(part) == 2 for part in good):
        raise LabelError(f"run {run} has no list of [first, last]")
    after = 1
    for first, last in sorted([_number(end, f"run {run}") for end in part] for part in good):
        yield Label(run, first, last, Flag.GOOD)
        if first > after:
            yield Label(run, after, first - 1, Flag.BAD, cause="not in the certificate")
        after = max(after, last + 1)
    yield Label(run, after, MOST_NUMBER, Flag.BAD, cause="not in the certificate")


def _of_registry(row: Mapping[str, object], place: str) -> Iterator[Label]:
    run, first, last = _place(row, place)
    for name, value in row.items():
        if name in (*_RUN, *_LS, *_FIRST, *_LAST):
            continue
        status, cause = value, ""
        if isinstance(value, dict):
            status, cause = value.get("status", ""), str(value.get("cause") or value.get("comment") or "")
        # Other fields of a run (its class, its start) hold no status.
        if isinstance(status, str) and status.lower() in {*Flag, *_UNLABELLED}:
            flag = _flag(status, f"{place}, {name}")
            if flag is not None:
                yield Label(run, first, last, flag, "" if name == _ALL else name, cause)


def _of_csv(text: str) -> Iterator[Label]:
    lines = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip().lower() for name in lines.fieldnames or ()]
        lines.fieldnames = names
        for needed in (_RUN, _FLAG):
            if not set(needed) & set(names):
                raise LabelError(f"no column {needed[0]}; the first line names run, ls, flag, subsystem and cause")
        for row in lines:
            place = f"line {lines.line_num}"
            run, first, last = _place(row, place)
            flag = _flag(_value(row, _FLAG) or "", place)
            if flag is not None:
                yield Label(run, first, last, flag, row.get("subsystem") or "", row.get("cause") or "")
    except csv.Error as error:
        raise LabelError(f"line {lines.line_num}: {error}") from None


def _place(row: Mapping[str, object], place: str) -> tuple[int, int, int]:
    """Run, first and last lumisection of a row."""
    run = _number(_value(row, _RUN), f"{place}, run")
    ls, first, last = (_value(row, names) for names in (_LS, _FIRST, _LAST))
    if first not in (None, "") and last not in (None, ""):
        return run, _number(first, f"{place}, first"), _number(last, f"{place}, last")
    if ls in (None, ""):
        return run, *WHOLE_RUN
    number = _number(ls, f"{place}, ls")
    return run, number, number


def _value(row: Mapping[str, object], names: tuple[str, ...]) -> object:
    return next((row[name] for name in names if name in row), None)


def _number(value: object, place: str) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal() and len(text) <= 16):
        raise LabelError(f"{place} is {str(value)[:40]!r}; a whole number was expected")
    return int(text)


def _flag(value: object, place: str) -> Flag | None:
    status = str(value).strip().lower()
    if status in _UNLABELLED:
        return None
    if status not in set(Flag):
        raise LabelError(f"{place}: the flag is {str(value)[:40]!r}; write good or bad")
    return Flag(status)


def as_csv(labels: Labels) -> str:
    """A CSV that ``read_labels`` reads back; whole runs have no lumisections."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "first", "last", "flag", "subsystem", "cause"])
    for label in labels:
        extent = ["", ""] if (label.first, label.last) == WHOLE_RUN else [label.first, label.last]
        writer.writerow([label.run, *extent, label.flag, label.subsystem, label.cause])
    return text.getvalue()


def as_good_runs(labels: Labels) -> str:
    """Good-run JSON of what is good of all of the detector; raises LabelError for whole runs, which have no ranges."""
    certified: dict[int, list[list[int]]] = defaultdict(list)
    for label in labels:
        if label.flag is Flag.GOOD and not label.subsystem:
            if (label.first, label.last) == WHOLE_RUN:
                raise LabelError(f"run {label.run} is good as a whole; good-run JSON wants its lumisections")
            certified[label.run].append([label.first, label.last])
    return json.dumps(certified)


def as_registry_json(labels: Labels) -> str:
    """JSON in the form of the Run Registry; labels of all of the detector stand under ``global``, as there."""
    rows = []
    for label in labels:
        extent = {} if (label.first, label.last) == WHOLE_RUN else {"start": label.first, "end": label.last}
        status = {"status": label.flag.upper(), "comment": label.cause}
        rows.append({"run_number": label.run, **extent, label.subsystem or _ALL: status})
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode()
