"""Folders of MEs: what is likely to fail together, and what incidents are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from streams.records import Catalogue

_Value = TypeVar("_Value")

_KEPT = 64


class PerCatalogue(Generic[_Value]):
    """Values computed once per catalogue object; catalogues are shared, and comparing them would be slow."""

    def __init__(self, compute: Callable[[Catalogue], _Value]) -> None:
        """Keep ``compute``; at most 64 values are kept, the oldest goes first."""
        self._compute = compute
        self._known: dict[int, tuple[Catalogue, _Value]] = {}

    def __call__(self, catalogue: Catalogue) -> _Value:
        """The catalogue's value."""
        found = self._known.get(id(catalogue))
        if found is not None:
            return found[1]
        value = self._compute(catalogue)
        if len(self._known) >= _KEPT:
            del self._known[next(iter(self._known))]
        # Holding the catalogue keeps its id from being given to another one.
        self._known[id(catalogue)] = catalogue, value
        return value


@dataclass(frozen=True, slots=True, eq=False)
class Folders:
    """``names`` of the folders of a catalogue, sorted, and the folder ``of`` (n,) each ME as a place in them."""

    names: tuple[str, ...]
    of: npt.NDArray[np.intp]

    def simes(self, p_values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Simes' p-value (:mod:`dqm.statistics.simes`) of each folder, NaN where nothing was tested."""
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
