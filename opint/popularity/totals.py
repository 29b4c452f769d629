"""What all datasets of one tier, campaign or primary dataset did together, week by week.

Totals add: those of two disjoint sets of datasets are those of both, so that a cluster counts them in parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from opint.popularity.history import Float32, Float64, History, codes
from opint.popularity.label import Label

KINDS = ("tier", "campaign", "primary")
"""From the widest to the narrowest: where the narrow one says nothing, the wider one is asked."""


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
        """Of the datasets of both."""
        words = tuple(sorted({*self.words, *other.words}))
        place = {word: row for row, word in enumerate(words)}
        sums = np.zeros((3, len(words), self.existing.shape[1]))
        for part in (self, other):
            sums[:, [place[word] for word in part.words]] += (part.existing, part.popular, part.log)
        return Totals(words, *sums)

    def of(self, words: tuple[str, ...]) -> tuple[Float32, Float32, Float32]:
        """``existing``, ``popular`` and ``log`` (n, T) of each of ``words`` (n); 0 for one that is not there."""
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
