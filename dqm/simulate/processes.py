"""The processes that a single-lepton trigger keeps, as a few numbers each.

The Standard Model part is a mixture of W, multijet (QCD), Z and top-pair events; the rare kinds are those of O. Cerri
et al., JHEP 05 (2019) 036: a light A that decays to four leptons, a leptoquark to b and tau, a neutral scalar to two
taus, a charged one to tau and neutrino. The numbers give shapes of the right order; they are no cross-sections and no
detector simulation.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from dqm.arrays import Float32


@dataclass(frozen=True, slots=True)
class Process:
    """What tells one process from the others.

    Attributes:
        name: how truth calls it.
        share: of the Standard Model events; 0 for what is rare.
        lepton_gev: mean of the lepton's pT above the threshold.
        isolation: mean energy around the lepton, relative to its pT.
        neutrino_gev: median of the true missing pT; its logarithm spreads by ``neutrino_spread``.
        jets: mean number of jets.
        b_share: chance of a jet to be a b jet.
        pairs: chance of a second lepton of the same flavour.
        pair_gev: mass of that pair, which spreads by ``pair_spread`` (relative).
        others: chance of a pair of the other flavour beside it.
    """

    name: str
    share: float
    lepton_gev: float
    isolation: float
    neutrino_gev: float
    neutrino_spread: float
    jets: float
    b_share: float
    pairs: float
    pair_gev: float
    pair_spread: float
    others: float


STANDARD = (
    Process("w", 0.59, 16.0, 0.02, 32.0, 0.35, 0.7, 0.02, 0.002, 40.0, 0.50, 0.0005),
    Process("qcd", 0.34, 8.0, 0.25, 8.0, 0.60, 2.0, 0.08, 0.010, 15.0, 0.60, 0.0020),
    Process("z", 0.067, 16.0, 0.02, 6.0, 0.50, 0.8, 0.02, 0.550, 91.0, 0.03, 0.0010),
    Process("tt", 0.003, 30.0, 0.03, 45.0, 0.60, 4.0, 0.40, 0.080, 80.0, 0.50, 0.0600),
)
RARE = (
    Process("a-to-4l", 0.0, 14.0, 0.03, 7.0, 0.50, 1.0, 0.02, 0.700, 20.0, 0.50, 0.6000),
    Process("lq-to-btau", 0.0, 18.0, 0.03, 30.0, 0.50, 2.5, 0.40, 0.060, 30.0, 0.50, 0.0300),
    Process("h0-to-tautau", 0.0, 10.0, 0.03, 20.0, 0.50, 0.9, 0.02, 0.150, 28.0, 0.40, 0.1000),
    Process("h+-to-taunu", 0.0, 10.0, 0.03, 42.0, 0.45, 0.7, 0.02, 0.002, 40.0, 0.50, 0.0005),
)
PROCESSES = (*STANDARD, *RARE)
NAMES = tuple(one.name for one in PROCESSES)


def by_event(kinds: npt.NDArray[np.int8]) -> dict[str, Float32]:
    """Each number of :class:`Process` for events (n,) of these places in ``PROCESSES``."""
    columns: dict[str, Any] = {
        entry.name: np.array([getattr(process, entry.name) for process in PROCESSES], dtype=np.float32)
        for entry in fields(Process)
        if entry.name != "name"
    }
    return {name: column[kinds] for name, column in columns.items()}
