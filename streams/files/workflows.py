"""Files of failing workflows: one JSON object with a task for each name, or one such object on each line."""

from collections.abc import Iterator
from pathlib import Path

from streams.codecs.checks import check_file
from streams.codecs.workflows import WorkflowLimits
from streams.codecs.workflows.json import decode
from streams.errors import DecodeError
from streams.files.assemble import placed
from streams.workflows import FailureReport


def read(path: Path, limits: WorkflowLimits) -> Iterator[FailureReport | DecodeError]:
    """Reports in the file, a DecodeError in the place of each that is unusable.

    What comes without a time is as old as the file. One line is held in memory at a time, except of an object that goes
    over several lines.
    """
    try:
        check_file(path)
        modified_s = path.stat().st_mtime
        with path.open("rb") as file:
            first = file.readline(limits.max_message_bytes + 1)
            if not first.rstrip().endswith(b"}"):
                # An object that goes over several lines: the file as a whole.
                yield from _reports([first + file.read(limits.max_message_bytes)], path, limits, modified_s)
                return
            file.seek(0)
            lines = iter(lambda: file.readline(limits.max_message_bytes + 1), b"")
            yield from _reports(lines, path, limits, modified_s)
    except DecodeError as error:
        yield error
    except OSError as error:
        yield DecodeError("unreadable-file", path.name, error.strerror or str(error))


def _reports(
    lines: Iterator[bytes] | list[bytes], path: Path, limits: WorkflowLimits, modified_s: float
) -> Iterator[FailureReport | DecodeError]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield decode(line, limits, modified_s)
        except DecodeError as error:
            yield placed(error, f"{path.name}: line {number}")
            if len(line) > limits.max_message_bytes:
                # Where the next line begins is not known.
                return
