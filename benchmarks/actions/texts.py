"""Real error messages, and which emulated cause each could come from, by its words.

The assignment was fixed before any model had been trained with it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.dqm.table import files
from opint.actions.simulation.causes import CAUSES

WORDS: Mapping[str, tuple[str, ...]] = {
    "memory": ("bad_alloc", "sigkill", "memory"),
    "long-jobs": ("job timeout", "expired", "idle timeout"),
    "bad-replica": ("corruption test", "checksum", "mismatch"),
    "lost-file": ("no such file", "globbed to no input", "any source replicas", "does not exist", "invalid_path"),
    "sporadic-crash": ("segmentation fault", "core dump", "sigbus", "sigabrt", "sigiot", "probably athena crashed"),
    "storage": (
        *("permission denied", "quota", "space", "pools are full", "auth", "credential", "closedchannel", "busy"),
        *("turl", "unavailable", "third-party-copy", "internal error", "overwrite", "commands denied", "lstore"),
    ),
    "site-outage": (
        *("unable to connect", "timed out", "refused", "no route", "could not connect", "end-of-file"),
        *("not known", "broken pipe", "failed to connect", "reset by peer"),
    ),
    "transient": ("cancel", "was gone", "missing from", "user generated output", "aborted", "killed"),
    "reproducible-fault": ("error", "exception", "fatal", "non-zero return", "graph", "no events to process"),
}
"""The first cause with a word that occurs in the message, in lower case; ``transient`` for none."""


def fts_messages(data: Path) -> list[str]:
    """Real messages of failed transfers."""
    (path,) = files(data, "operator/fts_messages.parquet")
    return list(pq.read_table(path)["message"].to_pylist())


def pilot_errors(data: Path) -> tuple[list[str], list[str]]:
    """Real errors of jobs, in order of time, and their times."""
    (path,) = files(data, "operator/pilot_errors.parquet")
    table = pq.read_table(path).sort_by("starttime")
    return list(table["exeerrordiag"].to_pylist()), list(table["starttime"].to_pylist())


def texts_by_cause(data: Path) -> Mapping[str, Sequence[str]]:
    """All real messages, by cause."""
    by_cause: dict[str, list[str]] = {name: [] for name in CAUSES}
    for text in [*fts_messages(data), *pilot_errors(data)[0]]:
        lowered = text.lower()
        cause = next((name for name, words in WORDS.items() if any(word in lowered for word in words)), "transient")
        by_cause[cause].append(text)
    return by_cause
