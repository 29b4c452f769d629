"""Features on Spark: the kernels of the laptop run on parts of the table, so that every number is the laptop's.

The table is cut by primary dataset into parts, of which each becomes a :class:`History` in some worker. What a feature
has to know of other datasets are totals. Those of primary datasets, of which there are many, are counted in the part
where they lie; those of tiers and campaigns by parts, and added on the driver. Counts are whole, so ln(1 + count) in
float32 are multiples of 2^-24 and their sums in float64 exact: the order of adding does not matter, nor does the
cluster.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from opint.popularity.assemble import Span
from opint.popularity.examples import FeatureTable, gather
from opint.popularity.features import features
from opint.popularity.history import Float64, History
from opint.popularity.label import MEASURES, Label
from opint.popularity.readers import frames
from opint.popularity.spark.asked import Asked
from opint.popularity.totals import KINDS, Totals, totals

if TYPE_CHECKING:
    from pyspark import Broadcast
    from pyspark.sql import DataFrame

ROWS_PER_PART = 100_000
LEAST_PARTS = 2
ROWS_PER_BATCH = 10_000
"""Rows that cross from Python to Java at once."""
OWN, SHARED = ("primary",), ("tier", "campaign")
"""Kinds of traits whose totals lie in one part, and those of which any part may have some."""
EXAMPLE = "dataset string, week int, popular boolean, features array<float>"
SUM = "kind string, word string, week int, existing double, popular double, log double"


@dataclass(frozen=True, slots=True)
class Weekly:
    """A table of weekly accesses in parts.

    No primary dataset lies in two of them; of an anonymous table, which is not ``named``, no dataset does.

    ``parts`` has columns dataset (string), week (date), naccess and, where known, nusers, nsites and size (double).
    How it is cut depends on the number of rows alone, so that models which look at parts are the same everywhere.
    """

    parts: "DataFrame"
    span: Span
    rows: int
    origin: str
    named: bool = True


def shared_totals(table: Weekly, label: Label) -> Mapping[str, Totals]:
    """By kind of trait that parts share, over all datasets; counted by parts."""
    if not table.named:
        return {}
    count = partial(_count, span=table.span, origin=table.origin, label=label)
    added = table.parts.mapInArrow(count, SUM).groupBy("kind", "word", "week").sum("existing", "popular", "log")
    sums = added.toArrow()
    kinds = sums["kind"].to_numpy(zero_copy_only=False)
    return {kind: _summed(sums.filter(pa.array(kinds == kind)), table.span.weeks) for kind in sorted(set(kinds))}


def examples(table: Weekly, spec: Asked, known: Mapping[str, Totals], weeks: Sequence[int]) -> "DataFrame":
    """A row of EXAMPLE for each dataset that is known at the end of each of ``weeks``; ``known`` are shared totals.

    ``popular`` says whether it is ``horizon`` weeks later, and is null where that lies beyond the table.
    """
    shared = table.parts.sparkSession.sparkContext.broadcast(dict(known))
    make = partial(
        _make, span=table.span, origin=table.origin, named=table.named, spec=spec, shared=shared, weeks=tuple(weeks)
    )
    return table.parts.mapInArrow(make, EXAMPLE)


def empty(table: Weekly) -> History:
    """The history of none of its datasets: it has the measures and kinds of traits of all of them."""
    nothing = np.zeros((0, table.span.weeks), dtype=np.float32)
    measures = {name: nothing for name in MEASURES if name in table.parts.columns}
    traits: dict[str, tuple[str, ...]] = dict.fromkeys(KINDS, ()) if table.named else {}
    return History((), table.span.first, measures, np.zeros(0, np.int32), traits, np.zeros(0))


def _count(batches: Iterable[Any], span: Span, origin: str, label: Label) -> Iterator[Any]:
    """Totals of one part, a row for each word and week in which there is anything."""
    part = _history(batches, span, origin, named=True)
    if part is None:
        return
    for kind, sums in totals(part, label, SHARED).items():
        word, week = np.nonzero(sums.existing)
        yield pa.record_batch(
            {
                "kind": pa.array([kind] * len(word)),
                "word": pa.array(sums.words).take(pa.array(word)),
                "week": pa.array(week.astype(np.int32)),
                **{name: pa.array(getattr(sums, name)[word, week]) for name in ("existing", "popular", "log")},
            }
        )


def _make(
    batches: Iterable[Any],
    span: Span,
    origin: str,
    named: bool,
    spec: Asked,
    shared: "Broadcast[dict[str, Totals]]",
    weeks: Sequence[int],
) -> Iterator[Any]:
    """Examples of one part."""
    part = _history(batches, span, origin, named=named)
    if part is None:
        return
    every = {**shared.value, **totals(part, spec.label, OWN)}
    columns = features(part, spec.label, every, spec.conferences)
    for week in weeks:
        yield from _rows(gather(columns, part, [week]), part, spec).to_batches(ROWS_PER_BATCH)


def _history(batches: Iterable[Any], span: Span, origin: str, *, named: bool) -> History | None:
    """The datasets of one part; None if it is empty."""
    rows = [batch for batch in batches if batch.num_rows]
    return frames.part(pa.Table.from_batches(rows), origin, span, named=named) if rows else None


def _rows(table: FeatureTable, part: History, spec: Asked) -> Any:
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


def _summed(rows: Any, weeks: int) -> Totals:
    words = rows["word"].combine_chunks().dictionary_encode()
    order = np.argsort(np.array(words.dictionary.to_pylist(), dtype=object))
    place = np.argsort(order)[words.indices.to_numpy()]
    sums: Float64 = np.zeros((3, len(order), weeks))
    for row, name in enumerate(("existing", "popular", "log")):
        sums[row, place, rows["week"].to_numpy()] = rows[f"sum({name})"].to_numpy()
    return Totals(tuple(words.dictionary.take(pa.array(order)).to_pylist()), *sums)
