"""Features on Spark: the laptop's kernels run on parts of the table, so that every number is the same.

The table is cut by primary dataset into parts, of which each becomes a :class:`History` in some worker. What a feature
needs to know about other datasets are totals. Totals of primary datasets, of which there are many, are counted in the
part where they lie; totals of tiers and campaigns are counted by part and added on the driver. Counts are whole
numbers, so ln(1 + count) in float32 are multiples of 2^-24 and their sums in float64 exact: the order of adding does
not matter, nor does the cluster.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from opint.popularity.assemble import WeekSpan
from opint.popularity.examples import FeatureTable, gather
from opint.popularity.features import KINDS, Totals, features, totals
from opint.popularity.history import MEASURES, History, Label
from opint.popularity.readers.access_table import read_part
from streams.arrays import Float64

if TYPE_CHECKING:
    from pyspark import Broadcast
    from pyspark.sql import DataFrame

ROWS_PER_PART = 100_000
LEAST_PARTS = 2
ROWS_PER_BATCH = 10_000
"""Rows per batch from Python to Java."""
LOCAL_KINDS, SHARED_KINDS = ("primary",), ("tier", "campaign")
"""Kinds of traits whose totals lie in one part, and kinds that are spread over parts."""
EXAMPLE = "dataset string, week int, popular boolean, features array<float>"
SUM = "kind string, word string, week int, existing double, popular double, log double"


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """What a batch forecasts: a label, the horizon in weeks, and the first days of known ``conferences``."""

    label: Label
    horizon: int = 1
    conferences: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class PartitionedTable:
    """A table of weekly accesses in parts.

    No primary dataset lies in two of them; of an anonymous table, which is not ``named``, no dataset does.

    ``parts`` has columns dataset (string), week (date), naccess and, where known, nusers, nsites and size (double).
    How it is cut depends on the number of rows alone, so that models which look at parts are the same everywhere.
    """

    parts: "DataFrame"
    span: WeekSpan
    rows: int
    origin: str
    named: bool = True


def shared_totals(table: PartitionedTable, label: Label) -> Mapping[str, Totals]:
    """Totals over all datasets by kind of trait, for the kinds that are spread over parts; counted by part."""
    if not table.named:
        return {}
    count = partial(_totals_of_part, span=table.span, origin=table.origin, label=label)
    added = table.parts.mapInArrow(count, SUM).groupBy("kind", "word", "week").sum("existing", "popular", "log")
    sums = added.toArrow()
    kinds = sums["kind"].to_numpy(zero_copy_only=False)
    return {kind: _sum_parts(sums.filter(pa.array(kinds == kind)), table.span.weeks) for kind in sorted(set(kinds))}


def examples(
    table: PartitionedTable, spec: BatchSpec, totals: Mapping[str, Totals], weeks: Sequence[int]
) -> "DataFrame":
    """A row of EXAMPLE for each dataset known at the end of each of ``weeks``; ``totals`` are the shared totals.

    ``popular`` refers to ``horizon`` weeks later and is null beyond the end of the table.
    """
    shared = table.parts.sparkSession.sparkContext.broadcast(dict(totals))
    make = partial(
        _examples_of_part,
        span=table.span,
        origin=table.origin,
        named=table.named,
        spec=spec,
        shared=shared,
        weeks=tuple(weeks),
    )
    return table.parts.mapInArrow(make, EXAMPLE)


def empty_history(table: PartitionedTable) -> History:
    """A history without datasets that has the measures and kinds of traits of the table."""
    nothing = np.zeros((0, table.span.weeks), dtype=np.float32)
    measures = {name: nothing for name in MEASURES if name in table.parts.columns}
    traits: dict[str, tuple[str, ...]] = dict.fromkeys(KINDS, ()) if table.named else {}
    return History((), table.span.first, measures, np.zeros(0, np.int32), traits, np.zeros(0))


def _totals_of_part(batches: Iterable[Any], span: WeekSpan, origin: str, label: Label) -> Iterator[Any]:
    """Totals of one part: one row per word and week with any dataset."""
    part = _part_history(batches, span, origin, named=True)
    if part is None:
        return
    for kind, sums in totals(part, label, SHARED_KINDS).items():
        word, week = np.nonzero(sums.existing)
        yield pa.record_batch(
            {
                "kind": pa.array([kind] * len(word)),
                "word": pa.array(sums.words).take(pa.array(word)),
                "week": pa.array(week.astype(np.int32)),
                **{name: pa.array(getattr(sums, name)[word, week]) for name in ("existing", "popular", "log")},
            }
        )


def _examples_of_part(
    batches: Iterable[Any],
    span: WeekSpan,
    origin: str,
    named: bool,
    spec: BatchSpec,
    shared: "Broadcast[dict[str, Totals]]",
    weeks: Sequence[int],
) -> Iterator[Any]:
    """The examples of one part."""
    part = _part_history(batches, span, origin, named=named)
    if part is None:
        return
    every = {**shared.value, **totals(part, spec.label, LOCAL_KINDS)}
    columns = features(part, spec.label, every, spec.conferences)
    for week in weeks:
        yield from _example_rows(gather(columns, part, [week]), part, spec).to_batches(ROWS_PER_BATCH)


def _part_history(batches: Iterable[Any], span: WeekSpan, origin: str, *, named: bool) -> History | None:
    """The history of one part; None if it is empty."""
    rows = [batch for batch in batches if batch.num_rows]
    return read_part(pa.Table.from_batches(rows), origin, span, named=named) if rows else None


def _example_rows(table: FeatureTable, part: History, spec: BatchSpec) -> Any:
    n, k = table.values.shape
    counts = part.measures[spec.label.measure]
    target = table.week + spec.horizon
    ahead = target < part.shape[1]
    popular = spec.label.holds(counts[table.dataset, np.where(ahead, target, 0)])
    return pa.table(
        {
            "dataset": pa.array(part.names).take(pa.array(table.dataset)),
            "week": pa.array(table.week.astype(np.int32)),
            "popular": pa.array(popular, mask=~ahead),
            "features": pa.ListArray.from_arrays(np.arange(0, n * k + 1, k, dtype=np.int32), table.values.ravel()),
        }
    )


def _sum_parts(rows: Any, weeks: int) -> Totals:
    words = rows["word"].combine_chunks().dictionary_encode()
    order = np.argsort(np.array(words.dictionary.to_pylist(), dtype=object))
    place = np.argsort(order)[words.indices.to_numpy()]
    sums: Float64 = np.zeros((3, len(order), weeks))
    for row, name in enumerate(("existing", "popular", "log")):
        sums[row, place, rows["week"].to_numpy()] = rows[f"sum({name})"].to_numpy()
    return Totals(tuple(words.dictionary.take(pa.array(order)).to_pylist()), *sums)
