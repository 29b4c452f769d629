"""How many entries an ME should have by those of its siblings, the other MEs of its subsystem in the same lumisection.

Each ME is expected to have so many entries (:mod:`dqm.histograms.references.entries`). What luminosity, pileup or the
length of a run do that is not known, all MEs of a subsystem do together, so that the median of ln(entries / expected)
over the siblings tells it. What is left of an ME beside that median is its own. Siblings are the MEs of *other*
folders, so that an ME does not explain itself, nor a folder that fails together; where these are few, all other MEs.

A lack that all share cannot be seen here: it is judged against luminosity, or what is usual.
"""

from dataclasses import dataclass

import numpy as np

from dqm.core.combination import PerCatalogue, folders
from dqm.core.state import Amounts
from dqm.statistics.conformal import ConformalTable
from streams.arrays import Float32, Float64, Indices
from streams.records import Catalogue

LEAST_SIBLINGS = 3
LEAST_LACK, LEAST_EXCESS = 0.1, 0.1
"""Shares of the entries below which nothing is missing, or too much, however sure it is."""
OFF, MOST_OFF = 5.0, 0.2
"""Siblings of which more than this share lie so many spreads apart disagree: who of them is wrong cannot be told."""
_WORTH_A_LOOK = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Departures:
    """Of n MEs in one lumisection, arrays (n,): the entries ``expected`` by the siblings, NaN where they cannot say.

    ``lack`` and ``excess`` are p-values of the observed ones, 1 where they are not far enough from what is expected.
    """

    expected: Float64
    lack: Float32
    excess: Float32


@dataclass(frozen=True, slots=True, eq=False)
class SiblingTables:
    """P-values of how many spreads an ME lies below and above what its siblings lead to expect."""

    lack: ConformalTable
    excess: ConformalTable

    def departures(self, amounts: Amounts, catalogue: Catalogue) -> Departures:
        """What the siblings say of the ``amounts`` of one lumisection."""
        observed, reference = (values.astype(np.float64) for values in (amounts.observed, amounts.expected))
        spread = amounts.spread.astype(np.float64)
        expected = by_siblings(observed[None], reference[None], catalogue)[0]
        with np.errstate(invalid="ignore"):
            few, many = observed < (1.0 - LEAST_LACK) * expected, observed > (1.0 + LEAST_EXCESS) * expected
        lack, excess = np.ones((2, len(observed)), dtype=np.float32)
        if not (few | many).any():
            return Departures(expected, lack, excess)
        deficit = deficits(observed, expected, spread).astype(np.float32)
        for which, table, values, p_values in ((few, self.lack, deficit, lack), (many, self.excess, -deficit, excess)):
            p_values[which] = np.nan_to_num(table.p_values(values[which]), nan=1.0)
        group = _groups(catalogue)
        for row in np.flatnonzero(np.minimum(lack, excess) < _WORTH_A_LOOK):
            is_sibling = (group != group[row]) & np.isfinite(deficit)
            moved = np.expm1(np.log1p(reference) + np.log1p(expected[row]) - np.log1p(reference[row]))
            off = np.abs(deficits(observed[is_sibling], moved[is_sibling], spread[is_sibling])) > OFF
            if off.mean() > MOST_OFF:
                lack[row] = excess[row] = 1.0
        return Departures(expected, lack, excess)


def by_siblings(observed: Float64, expected: Float64, catalogue: Catalogue) -> Float64:
    """Entries (L, n) that siblings lead to expect of ``observed`` (L, n) ones and those ``expected`` otherwise."""
    finite = np.isfinite(observed) & (expected > 0)
    ratio = np.where(finite, np.log1p(observed) - np.log1p(np.where(finite, expected, 0.0)), np.nan)
    group = _groups(catalogue)
    common = np.array([_median_of_others(row, group) for row in ratio]).reshape(ratio.shape)
    from_siblings: Float64 = np.expm1(np.log1p(np.maximum(expected, 0.0)) + common)
    return from_siblings


def _median_of_others(values: Float64, group: Indices) -> Float64:
    """For each of ``values`` (n,) the median of those of other groups; NaN is left out, and where these are few.

    They are sorted once; that of a group's others lies as many places higher as members of the group stand before it.
    """
    ranked = np.flatnonzero(np.isfinite(values))
    ranked = ranked[np.argsort(values[ranked], kind="stable")]
    of = group[ranked]
    sizes = np.bincount(of, minlength=len(group))
    by_group = np.argsort(of, kind="stable")
    own = of[by_group]
    others_before = by_group - (np.arange(len(ranked)) - (np.cumsum(sizes) - sizes)[own])
    siblings = len(ranked) - sizes
    enough = siblings >= LEAST_SIBLINGS
    middle = np.zeros(len(sizes))
    for rank in ((siblings - 1) // 2, siblings // 2):
        place = rank + np.bincount(own, others_before <= rank[own], len(sizes)).astype(np.intp)
        middle[enough] += values[ranked[place[enough]]] / 2
    middle[~enough] = np.nan
    return middle[group]


def deficits(observed: Float64, expected: Float64, spread: Float64) -> Float64:
    """How many spreads ``observed`` entries (L, n) lie below the ``expected`` ones; ``spread`` (n,) is that of ln."""
    with np.errstate(invalid="ignore"):
        deficit: Float64 = np.log1p(expected) - np.log1p(observed)
        return deficit / np.sqrt(spread**2 + 1.0 / (np.maximum(expected, 0.0) + 1.0))


def _numbered(catalogue: Catalogue) -> Indices:
    """The group (n,) of each ME, whose others are its siblings: its folder, or itself where other folders are few."""
    of = folders(catalogue).of
    siblings = len(of) - np.bincount(of)[of]
    return np.unique(np.where(siblings >= LEAST_SIBLINGS, of, len(of) + np.arange(len(of))), return_inverse=True)[1]


_groups = PerCatalogue(_numbered)
