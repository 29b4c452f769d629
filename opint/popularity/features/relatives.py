"""What the datasets with the same tier, campaign or primary dataset did: all that is known of a new dataset.

A dataset is left out of the totals of its own relatives. ``name_prior`` is the share of popular weeks that the name
suggests: the primary dataset counts as far as it has a history, then the campaign, then the tier, then all datasets
(each wider group weighs as much as four dataset weeks of the narrower one: shrinkage, W. James and C. Stein, 1961).

Totals add: the totals of two disjoint sets of datasets are those of both together, so that a cluster counts in parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from opint.popularity.features.access_patterns import sums
from opint.popularity.history import History, codes
from opint.popularity.label import Label
from streams.arrays import Float32, Float64

KINDS = ("tier", "campaign", "primary")
"""From the widest to the narrowest; a wider kind helps where a narrower one has little history."""
RELATIVES_WEEKS = 4
"""Window of the features of relatives."""
PRIOR_WEEKS = 4.0
"""Weight of the wider group, in dataset weeks."""


@dataclass(frozen=True, eq=False)
class Totals:
    """Sums (words, T) over the datasets whose name has one of ``words``.

    ``existing`` counts datasets that are known, ``popular`` those popular in the week, ``log`` sums ln(1 + accesses).
    """

    words: tuple[str, ...]
    existing: Float64
    popular: Float64
    log: Float64

    def __add__(self, other: "Totals") -> "Totals":
        """The totals of the datasets of both."""
        words = tuple(sorted({*self.words, *other.words}))
        place = {word: row for row, word in enumerate(words)}
        sums = np.zeros((3, len(words), self.existing.shape[1]))
        for part in (self, other):
            sums[:, [place[word] for word in part.words]] += (part.existing, part.popular, part.log)
        return Totals(words, *sums)

    def of(self, words: tuple[str, ...]) -> tuple[Float32, Float32, Float32]:
        """``existing``, ``popular`` and ``log`` (n, T) for each of ``words`` (n); 0 for an unknown word."""
        place = {word: row for row, word in enumerate(self.words)}
        rows = np.array([place.get(word, len(self.words)) for word in words], dtype=np.intp)
        padded = (np.vstack([sums, np.zeros((1, sums.shape[1]))]) for sums in (self.existing, self.popular, self.log))
        existing, popular, log = (sums[rows].astype(np.float32) for sums in padded)
        return existing, popular, log


def totals(history: History, label: Label, kinds: Sequence[str] = KINDS) -> Mapping[str, Totals]:
    """By kind of trait, for those of ``kinds`` that the history has."""
    popular = label.holds(history.measures[label.measure]) & history.exists
    log = np.where(history.exists, np.log1p(history.measures["naccess"]), 0)
    totals_by_kind = {}
    for kind in kinds:
        if kind in history.traits:
            places, words = codes(history.traits[kind])
            order = np.argsort(places, kind="stable")
            starts = np.searchsorted(places[order], np.arange(len(words)))
            parts = (values[order].astype(np.float64) for values in (history.exists, popular, log))
            totals_by_kind[kind] = Totals(words, *(np.add.reduceat(values, starts, axis=0) for values in parts))
    return totals_by_kind


def relatives(history: History, label: Label, totals: Mapping[str, Totals]) -> dict[str, Float32]:
    """Shares of popular weeks and mean ln(1 + accesses) of the relatives by kind, and ``name_prior``."""
    popular = (label.holds(history.measures[label.measure]) & history.exists).astype(np.float32)
    log = np.where(history.exists, np.log1p(history.measures["naccess"]), np.float32(0))
    exists = history.exists.astype(np.float32)
    columns: dict[str, Float32] = {}
    prior: Float32 = _overall_share(totals, history.shape[1])
    for kind in KINDS:
        if kind not in totals:
            continue
        all_existing, all_popular, all_log = totals[kind].of(history.traits[kind])
        n = np.maximum(sums(all_existing - exists, RELATIVES_WEEKS), np.float32(0))
        k = np.maximum(sums(all_popular - popular, RELATIVES_WEEKS), np.float32(0))
        columns[f"{kind}_popular_share"] = _ratio(k, n)
        columns[f"{kind}_log_mean"] = _ratio(sums(all_log - log, RELATIVES_WEEKS), n)
        columns[f"{kind}_weeks"] = np.log1p(n)
        prior = ((k + PRIOR_WEEKS * prior) / (n + PRIOR_WEEKS)).astype(np.float32, copy=False)
    if columns:
        columns["name_prior"] = np.broadcast_to(prior, history.shape).astype(np.float32)
    return columns


def _overall_share(totals: Mapping[str, Totals], weeks: int) -> Float32:
    """Share (1, T) of popular weeks of all datasets: the sums over the words of any kind are sums over all datasets."""
    if not totals:
        return np.zeros((1, weeks), dtype=np.float32)
    any_kind = next(iter(totals.values()))
    n = sums(any_kind.existing.sum(axis=0, keepdims=True).astype(np.float32), RELATIVES_WEEKS)
    k = sums(any_kind.popular.sum(axis=0, keepdims=True).astype(np.float32), RELATIVES_WEEKS)
    return _ratio(k, n)


def _ratio(part: Float32, whole: Float32) -> Float32:
    """The ratio, 0 where the whole is 0."""
    ratio: Float32 = np.divide(part, np.maximum(whole, np.float32(1)), dtype=np.float32)
    return ratio
