"""What predictors see of a snapshot: a sparse row of shares by code, counts by site, classes of messages, and facts.

Columns are named by a kind and what it is about. What is not known is absent. A plain table of counts, as the published
baseline has it, is a part of the row.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from opint.actions.message_classes import MessageClasses
from streams.workflows import ErrorCount, WorkflowFailures

LEAST_CASES = 20
"""Cases in which a column must occur to be kept."""
MAX_COLUMNS = 4000
"""The commonest columns, at most."""
STATUS = {True: "good", False: "bad", None: "unknown"}
"""Names of what is known of a site."""
RANKS = ("first", "second", "third")
"""Codes and sites with most failed jobs, which are described apart."""
COUNT_KINDS = ("code", "site")
"""Kinds of the columns that a plain table of counts has."""
LEARNED_KINDS = {
    "share": "code",
    "sites": "code",
    "concentration": "code",
    **{f"{rank} code": "code" for rank in RANKS},
    "site": "site",
    "message": "message",
    "message share": "message",
    "fact": "fact",
    "campaign": "campaign",
    "shape": "shape",
}
"""Kinds of the columns that trees learn from, each with what it is about for people."""

Column = tuple[str, str]
"""Kind, and what is counted; such as ``("share", "8021")``."""


@dataclass(frozen=True)
class FeatureSpace:
    """The columns that a model knows; others of a snapshot are ignored."""

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, rows: Iterable[Mapping[Column, float]], kinds: Collection[str] | None = None) -> "FeatureSpace":
        """The columns of these kinds, by default all, that occur in enough of the ``rows``."""
        cases = Counter(column for row in rows for column in row if kinds is None or column[0] in kinds)
        common = [column for column, count in cases.most_common(MAX_COLUMNS) if count >= LEAST_CASES]
        return cls(tuple(sorted(common)))

    @cached_property
    def _places(self) -> Mapping[Column, int]:
        return {column: place for place, column in enumerate(self.columns)}

    def matrix(self, rows: Sequence[Mapping[Column, float]]) -> csr_matrix:
        """The rows as a sparse matrix (n, columns) of float32."""
        places, values, ends = [], [], [0]
        for row in rows:
            for column, value in row.items():
                place = self._places.get(column)
                if place is not None:
                    places.append(place)
                    values.append(value)
            ends.append(len(places))
        data = np.array(values, dtype=np.float32), np.array(places, dtype=np.int32), np.array(ends, dtype=np.int32)
        matrix = csr_matrix(data, shape=(len(rows), len(self.columns)))
        matrix.sort_indices()
        return matrix


def describe(snapshot: WorkflowFailures, classes: MessageClasses) -> dict[Column, float]:
    """All that is known of a snapshot, by column."""
    row = _facts(snapshot) | _messages(snapshot, classes)
    if not snapshot.errors:
        return row
    jobs = Counter[Column]()
    for error in snapshot.errors:
        for column in _counted(error):
            jobs[column] += error.jobs
    row.update((column, math.log1p(count)) for column, count in jobs.items())
    return row | _codes_and_sites(snapshot)


def _counted(error: ErrorCount) -> Iterator[Column]:
    status = STATUS[error.site_good]
    yield "code", f"{error.code}"
    yield "code", f"{error.code}, {status}"
    yield "site", f"{error.site}"
    yield "site", f"{error.site}, {status}"
    yield "cell", f"{error.code} at {error.site}, {status}"


def _facts(snapshot: WorkflowFailures) -> dict[Column, float]:
    facts, total = snapshot.facts, snapshot.failed_jobs
    lost = facts.lost_wall_time
    numbers: dict[str, float | None] = {
        "priority": facts.priority,
        "requested memory": facts.requested_memory,
        "attempts": facts.attempts,
        "running time": facts.running_time,
        "lost wall time": lost,
        "lost wall time of a job": lost / total if lost is not None and total else None,
    }
    row: dict[Column, float] = {("fact", name): float(number) for name, number in numbers.items() if number is not None}
    if facts.campaign:
        row["campaign", facts.campaign] = 1.0
    return row


def _messages(snapshot: WorkflowFailures, classes: MessageClasses) -> dict[Column, float]:
    jobs, total = Counter[int](), sum(message.jobs for message in snapshot.messages)
    for message in snapshot.messages:
        message_class = classes.match(message.text)
        if message_class is not None:
            jobs[message_class.number] += message.jobs
    row: dict[Column, float] = {}
    for number, count in jobs.items():
        row["message", f"{number}"] = math.log1p(count)
        row["message share", f"{number}"] = count / total
    return row


def _codes_and_sites(snapshot: WorkflowFailures) -> dict[Column, float]:
    """How the failed jobs of a snapshot with errors spread over codes and sites."""
    total = snapshot.failed_jobs
    by_code, bad = defaultdict[int, Counter[str]](Counter), Counter[int]()
    codes, sites, codes_at = Counter[int](), Counter[str](), Counter[str]()
    bad_sites = {error.site for error in snapshot.errors if error.site_good is False}
    for error in snapshot.errors:
        codes_at[error.site] += error.site not in by_code[error.code]
        by_code[error.code][error.site] += error.jobs
        codes[error.code] += error.jobs
        sites[error.site] += error.jobs
        bad[error.code] += error.jobs if error.site_good is False else 0
    row: dict[Column, float] = {}
    for code, jobs in codes.items():
        row["share", f"{code}"] = jobs / total
        row["sites", f"{code}"] = len(by_code[code])
        row["concentration", f"{code}"] = max(by_code[code].values()) / jobs
    shape: dict[str, float] = {
        "failed jobs": math.log1p(total),
        "codes": len(codes),
        "sites": len(sites),
        "entries": len(snapshot.errors),
        "share at bad sites": bad.total() / total,
        "entropy over codes": _entropy(codes),
        "entropy over sites": _entropy(sites),
    }
    for rank, (code, jobs) in zip(RANKS, codes.most_common(), strict=False):
        row[f"{rank} code", f"{code}"] = 1.0
        shape[f"share of the {rank} code"] = jobs / total
        shape[f"sites of the {rank} code"] = len(by_code[code])
        shape[f"concentration of the {rank} code"] = max(by_code[code].values()) / jobs
        shape[f"entropy over sites of the {rank} code"] = _entropy(by_code[code])
        shape[f"share of the {rank} code at bad sites"] = bad[code] / jobs
    for rank, (site, jobs) in zip(RANKS, sites.most_common(), strict=False):
        shape[f"share of the {rank} site"] = jobs / total
        shape[f"codes at the {rank} site"] = codes_at[site]
        shape[f"{rank} site is bad"] = site in bad_sites
    return row | {("shape", name): float(value) for name, value in shape.items()}


def _entropy(counts: Counter[int] | Counter[str]) -> float:
    share = np.fromiter(counts.values(), dtype=np.float64) / counts.total()
    return float(-(share * np.log(share)).sum())
