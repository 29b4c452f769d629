"""Folders of MEs, and from several p-values to one.

A folder is what is likely to fail together, and what incidents are made of. Scorers of one ME look at the same counts,
MEs of one subsystem at the same collisions: their p-values are not independent. What combines them is calibrated once
more on good lumisections, so that a method decides what is seen, never how often it is wrong. For the scorers of one ME
``python -m benchmarks.dqm --only combination`` finds no difference between methods; what was chosen is safe under the
dependence to be expected (docs/combination.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from dqm.core.quality import Certified, Reason
from dqm.statistics.multiple_testing import cauchy, simes
from streams.arrays import Float32, Float64, Indices, Mask, UInt8
from streams.records import Catalogue

_Value = TypeVar("_Value")

_MOST_VALUES = 64


class PerCatalogue(Generic[_Value]):
    """Values computed once per catalogue object; catalogues are shared, and comparing them would be slow."""

    def __init__(self, compute: Callable[[Catalogue], _Value]) -> None:
        """Keep ``compute``; at most 64 values are cached, and the oldest is dropped first."""
        self._compute = compute
        self._values: dict[int, tuple[Catalogue, _Value]] = {}

    def __call__(self, catalogue: Catalogue) -> _Value:
        """The catalogue's value."""
        entry = self._values.get(id(catalogue))
        if entry is not None:
            return entry[1]
        value = self._compute(catalogue)
        if len(self._values) >= _MOST_VALUES:
            del self._values[next(iter(self._values))]
        # Holding the catalogue keeps its id from being given to another one.
        self._values[id(catalogue)] = catalogue, value
        return value


@dataclass(frozen=True, slots=True, eq=False)
class Folders:
    """``names`` of the folders of a catalogue, sorted, and the folder ``of`` (n,) each ME as a place in them."""

    names: tuple[str, ...]
    of: Indices

    def simes(self, p_values: Float32) -> Float64:
        """Simes' p-value (:mod:`dqm.statistics.multiple_testing`) of each folder, NaN where nothing was tested."""
        result = np.full(len(self.names), np.nan)
        tested = np.flatnonzero(~np.isnan(p_values))
        if not len(tested):
            return result
        order = tested[np.lexsort((p_values[tested], self.of[tested]))]
        folder = self.of[order]
        starts = np.flatnonzero(np.r_[True, folder[1:] != folder[:-1]])
        sizes = np.diff(np.r_[starts, len(folder)])
        ranks = np.arange(len(folder)) - np.repeat(starts, sizes) + 1
        scaled = p_values[order].astype(np.float64) * np.repeat(sizes, sizes) / ranks
        result[folder[starts]] = np.minimum(np.minimum.reduceat(scaled, starts), 1.0)
        return result


def _folders(catalogue: Catalogue) -> Folders:
    names = sorted({me.group for me in catalogue.elements})
    place = {name: number for number, name in enumerate(names)}
    return Folders(tuple(names), np.array([place[me.group] for me in catalogue.elements], dtype=np.intp))


folders = PerCatalogue(_folders)
"""Folders of a catalogue."""


NAMED_SHARE = 0.25
"""A folder is named for a lumisection if it holds at least this share of what speaks against that, or the most."""
_TAKES_PART = 0.1

of_elements = simes
"""The MEs of a subsystem, or of a folder, in one lumisection."""

of_sources = cauchy
"""The MEs of a subsystem one by one, and what looks at it as a whole."""


@dataclass(frozen=True, slots=True, eq=False)
class SubsystemOpinion:
    """What a scorer of whole lumisections says of one subsystem.

    ``p_value`` in (0, 1] is calibrated on whole good lumisections. ``shares`` (n,), in catalogue order and not
    negative, is how much each ME holds of what speaks against the lumisection, in any unit. ``certified`` is the score
    behind it and its uncertainty, where the scorer has one. ``finding`` says in words what is wrong.
    """

    p_value: float
    shares: Float64
    certified: Certified | None = None
    finding: str = "All monitoring elements of the subsystem taken together are unlike good lumisections"


def condemned_elements(opinion: SubsystemOpinion, catalogue: Catalogue) -> Mask:
    """The MEs (n,) that an opinion speaks of: those that count in the folders that hold most."""
    grouped = folders(catalogue)
    chosen = _named_folders(opinion, catalogue)
    folder_shares = np.bincount(grouped.of, opinion.shares, len(grouped.names))
    counts: Mask = opinion.shares >= _TAKES_PART * folder_shares[grouped.of]
    return counts & chosen[grouped.of] & (opinion.shares > 0)


def folder_p(opinions: Sequence[SubsystemOpinion | None], catalogue: Catalogue) -> Float32:
    """P-values (folders, L) of the folders that opinions name, 1 for others and NaN without an opinion.

    :mod:`dqm.core.budget` takes its threshold from these, so that opinions which hit upon another folder each time
    do not count as if they raised an incident.
    """
    columns = [
        np.full(len(folders(catalogue).names), np.nan)
        if opinion is None
        else np.where(_named_folders(opinion, catalogue), opinion.p_value, 1.0)
        for opinion in opinions
    ]
    return np.array(columns, dtype=np.float32).T


def _named_folders(opinion: SubsystemOpinion, catalogue: Catalogue) -> Mask:
    grouped = folders(catalogue)
    folder_shares = np.bincount(grouped.of, opinion.shares, len(grouped.names))
    chosen: Mask = folder_shares >= min(NAMED_SHARE * folder_shares.sum(), folder_shares.max(initial=0.0))
    return chosen & (folder_shares > 0)


NEARLY_ALL = 0.8
"""Share of the judged folders that deviate."""
LEAST_FOLDERS = 3


def moved_together(catalogue: Catalogue, reasons: UInt8) -> UInt8:
    """The ``reasons`` (n,) of a whole run, MOVED_TOGETHER in place of DEVIATES where nearly all folders deviate.

    Then what changed is the run, as after another high voltage or another menu, and there is one incident. Folders that
    deviate beside many that do not have causes of their own.
    """
    deviating = reasons == Reason.DEVIATES
    judged = deviating | np.isin(reasons, (Reason.CONSISTENT, Reason.SUSPECT))
    of_all = _folders_with(catalogue, judged)
    if of_all < LEAST_FOLDERS or _folders_with(catalogue, deviating) < NEARLY_ALL * of_all:
        return reasons
    return np.where(deviating, np.uint8(Reason.MOVED_TOGETHER), reasons)


def _folders_with(catalogue: Catalogue, elements: Mask) -> int:
    return len(np.unique(folders(catalogue).of[elements]))
