"""Files of error messages: text with a message on each line, or a column of a Parquet table."""

from collections.abc import Iterator
from pathlib import Path

from opint.actions.errors import ActionsError
from opint.actions.message_classes import MAX_LENGTH


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
            rest = line
            while rest and not rest.endswith("\n"):
                rest = file.readline(1_000_000)
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
