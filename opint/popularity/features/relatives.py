"""What the datasets with the same tier, campaign or primary dataset did: all there is to say of a new one.

A dataset is left out of the totals of its own relatives. ``name_prior`` is the share of popular weeks that its name
promises: the primary dataset is believed as far as it has a history, else the campaign, else the tier, else all (each
weighs as much as four dataset weeks of the narrower one: shrinkage, W. James and C. Stein, 1961).
"""

from collections.abc import Mapping

import numpy as np

from opint.popularity.features.windows import sums
from opint.popularity.history import Float32, History
from opint.popularity.label import Label
from opint.popularity.totals import KINDS, Totals

WEEKS = 4
"""Window over which relatives are looked at."""
PRIOR_WEIGHT = 4.0
"""Dataset weeks that the wider group weighs as much as."""


def relatives(history: History, label: Label, totals: Mapping[str, Totals]) -> dict[str, Float32]:
    """Shares of popular weeks and mean ln(1 + accesses) of the relatives by kind, and ``name_prior``."""
    popular = (label.holds(history.measures[label.measure]) & history.exists).astype(np.float32)
    log = np.where(history.exists, np.log1p(history.measures["naccess"]), np.float32(0))
    exists = history.exists.astype(np.float32)
    columns: dict[str, Float32] = {}
    prior: Float32 = _of_all(totals, history.shape[1])
    for kind in KINDS:
        if kind not in totals:
            continue
        all_existing, all_popular, all_log = totals[kind].of(history.traits[kind])
        n = np.maximum(sums(all_existing - exists, WEEKS), np.float32(0))
        k = np.maximum(sums(all_popular - popular, WEEKS), np.float32(0))
        columns[f"{kind}_popular_share"] = _ratio(k, n)
        columns[f"{kind}_log_mean"] = _ratio(sums(all_log - log, WEEKS), n)
        columns[f"{kind}_weeks"] = np.log1p(n)
        prior = ((k + PRIOR_WEIGHT * prior) / (n + PRIOR_WEIGHT)).astype(np.float32, copy=False)
    if columns:
        columns["name_prior"] = np.broadcast_to(prior, history.shape).astype(np.float32)
    return columns


def _of_all(totals: Mapping[str, Totals], weeks: int) -> Float32:
    """Share (1, T) of popular weeks of all datasets: the sums over any kind are those over all."""
    if not totals:
        return np.zeros((1, weeks), dtype=np.float32)
    any_kind = next(iter(totals.values()))
    n = sums(any_kind.existing.sum(axis=0, keepdims=True).astype(np.float32), WEEKS)
    k = sums(any_kind.popular.sum(axis=0, keepdims=True).astype(np.float32), WEEKS)
    return _ratio(k, n)


def _ratio(part: Float32, whole: Float32) -> Float32:
    """0 of nothing is 0."""
    ratio: Float32 = np.divide(part, np.maximum(whole, np.float32(1)), dtype=np.float32)
    return ratio
