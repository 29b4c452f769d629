"""Features of a dataset at the end of a week, each a column (n, T) that at week t depends on weeks up to t alone.

That is what "as of" means here: what stands in column t is known when week t is over, which is when the weeks after it
are forecast. A contract test changes the future of every family and finds the past unmoved.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from opint.popularity.features.age import age
from opint.popularity.features.frequency import frequency
from opint.popularity.features.recency import recency
from opint.popularity.features.relatives import relatives
from opint.popularity.features.reuse import reuse
from opint.popularity.features.seasonality import seasonality
from opint.popularity.features.smoothing import smoothing
from opint.popularity.features.trend import trend
from opint.popularity.features.usage import usage
from opint.popularity.history import Float32, History
from opint.popularity.label import Label
from opint.popularity.totals import Totals

__all__ = ["features"]

OWN = (recency, frequency, reuse, trend, smoothing, usage, age)
"""Families that look at the dataset alone."""


def features(
    history: History, label: Label, totals: Mapping[str, Totals], conferences: Sequence[date] = ()
) -> dict[str, Float32]:
    """All columns (n, T) by name; ``totals`` are those of all datasets, of which ``history`` may hold a part."""
    columns: dict[str, Float32] = {}
    for family in OWN:
        columns |= family(history, label)
    return columns | seasonality(history, label, conferences) | relatives(history, label, totals)
