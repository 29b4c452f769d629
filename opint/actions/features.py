"""What predictors see of a snapshot: a sparse row of counts by code, site and status, of classes of messages, of facts.

Columns are named by a kind and what it counts. Counts enter as log(1 + jobs); what is not known is absent.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
COUNT_KINDS = ("code", "site")
"""Kinds of the columns that a plain table of counts has."""
STATUS = {True: "good", False: "bad", None: "unknown"}
"""Names of what is known of a site."""

Column = tuple[str, str]
"""Kind, and what is counted; such as ``("cell", "8021 at T2_IT_Rome, bad")``."""


@dataclass(frozen=True)
class FeatureSpace:
    """The columns that a model knows; others of a snapshot are ignored."""

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, rows: Iterable[Mapping[Column, float]]) -> "FeatureSpace":
        """The columns that occur in enough of the ``rows``."""
        cases = Counter(column for row in rows for column in row)
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

    def of_kinds(self, kinds: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Places of the columns of these kinds."""
        return np.flatnonzero([kind in kinds for kind, _ in self.columns])


def describe(snapshot: WorkflowFailures, classes: MessageClasses) -> dict[Column, float]:
    """All that is counted of a snapshot, by column."""
    jobs: dict[Column, float] = {}
    for error in snapshot.errors:
        for column in _columns(error):
            jobs[column] = jobs.get(column, 0.0) + error.jobs
    for message in snapshot.messages:
        message_class = classes.match(message.text)
        if message_class is not None:
            column = ("message", str(message_class.number))
            jobs[column] = jobs.get(column, 0.0) + message.jobs
    row = {column: math.log1p(count) for column, count in jobs.items()}
    row.update(_facts(snapshot))
    return row


def _columns(error: ErrorCount) -> Iterator[Column]:
    status = STATUS[error.site_good]
    tier, country, *_ = [*error.site.split("_"), ""]
    yield "code", f"{error.code}"
    yield "code", f"{error.code}, {status}"
    yield "site", f"{error.site}"
    yield "site", f"{error.site}, {status}"
    yield "cell", f"{error.code} at {error.site}, {status}"
    yield "family", f"{error.code} at {tier}"
    yield "family", f"{tier}_{country}, {status}"


def _facts(snapshot: WorkflowFailures) -> dict[Column, float]:
    total = snapshot.failed_jobs
    facts = snapshot.facts
    numbers: dict[str, float | None] = {
        "priority": facts.priority,
        "requested memory": facts.requested_memory,
        "attempts": facts.attempts,
        "running time": facts.running_time,
        "lost wall time": facts.lost_wall_time,
    }
    row: dict[Column, float] = {("fact", name): float(number) for name, number in numbers.items() if number is not None}
    if facts.campaign:
        row["campaign", facts.campaign] = 1.0
    if total == 0:
        return row
    by_code, by_site, bad = Counter[int](), Counter[str](), 0
    for error in snapshot.errors:
        by_code[error.code] += error.jobs
        by_site[error.site] += error.jobs
        bad += error.jobs if error.site_good is False else 0
    shapes = {
        "failed jobs": math.log1p(total),
        "codes": float(len(by_code)),
        "sites": float(len(by_site)),
        "entries": float(len(snapshot.errors)),
        "share of the commonest code": max(by_code.values()) / total,
        "share of the worst site": max(by_site.values()) / total,
        "share at bad sites": bad / total,
    }
    main = by_code.most_common(1)[0][0]
    shapes["sites of the commonest code"] = float(len({e.site for e in snapshot.errors if e.code == main}))
    row["main code", str(main)] = 1.0
    return row | {("shape", name): value for name, value in shapes.items()}
