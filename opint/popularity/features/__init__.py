"""Features of a dataset at the end of a week: arrays (n, T) whose column t depends on weeks up to t alone.

Column t is known when week t is over, which is when later weeks are forecast. A contract test changes the future of
every family and checks that the past stays the same.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from opint.popularity.features.access_patterns import frequency, recency, reuse, smoothing, trend
from opint.popularity.features.context import age, seasonality, usage
from opint.popularity.features.relatives import Totals, relatives
from opint.popularity.history import History
from opint.popularity.label import Label
from streams.arrays import Float32

__all__ = ["features"]

OWN_FAMILIES = (recency, frequency, reuse, trend, smoothing, usage, age)
"""Families that use the dataset's own history alone."""


def features(
    history: History, label: Label, totals: Mapping[str, Totals], conferences: Sequence[date] = ()
) -> dict[str, Float32]:
    """All features (n, T) by name; ``totals`` cover all datasets, ``history`` may be a part of them."""
    columns: dict[str, Float32] = {}
    for family in OWN_FAMILIES:
        columns |= family(history, label)
    return columns | seasonality(history, label, conferences) | relatives(history, label, totals)
