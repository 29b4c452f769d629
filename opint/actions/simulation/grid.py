"""The grid of the emulation over time: sites with their faults, and campaigns with theirs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DAY = 86_400.0
WEEK = 7 * DAY
_SIZES = {"T0": 4.0, "T1": 5.0, "T2": 2.0, "T3": 0.4}
"""Relative number of jobs at a site, by the tier that its name begins with."""
_FAULTS_A_YEAR = {"outage": 6.0, "storage": 4.0}
_FAULT_DAYS = {"outage": 2.5, "storage": 4.0}
_SHOWN_BAD = {"outage": 0.8, "storage": 0.4}
"""How often a site with the fault is listed as bad."""
_BAD_WITHOUT_FAULT = 0.03
_CAMPAIGNS = 12
"""Campaigns that run at a time; each runs for a quarter of a year on average."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """A production campaign; ``faults`` and ``memory`` multiply the share of workflows with these causes.

    ``requested_memory`` is in MB; ``memory`` is the class that its jobs need where they have too little.
    """

    name: str
    start: float
    end: float
    faults: float
    memory_problems: float
    requested_memory: float
    memory: str


class Grid:
    """Sites with sizes that add up to 1, and their faults, day by day."""

    def __init__(self, sites: Sequence[str], span_s: float, rng: np.random.Generator) -> None:
        """Draw sizes and all faults in the first ``span_s`` seconds."""
        self._rng, self._days = rng, int(span_s / DAY) + 1
        sizes = np.array([_SIZES.get(site[:2], 0.2) for site in sites]) * rng.lognormal(0.0, 1.0, len(sites))
        self.sizes: npt.NDArray[np.float64] = sizes / sizes.sum()
        self._cumulative = np.cumsum(self.sizes)
        mistaken = rng.random((self._days // 7 + 1, len(sites))) < _BAD_WITHOUT_FAULT
        self._bad = np.repeat(mistaken, 7, axis=0)[: self._days]
        self._faulty = {name: self._draw_faults(name, span_s) for name in _FAULTS_A_YEAR}

    def draw_sites(self, count: int) -> list[int]:
        """At most ``count`` different sites, the large ones more often."""
        drawn = np.searchsorted(self._cumulative, self._rng.random(count))
        return sorted({min(int(site), len(self.sizes) - 1) for site in drawn})

    def faulty_sites(self, fault: str, time: float) -> list[int]:
        """Sites that have the ``fault`` on the day of ``time``."""
        return [int(site) for site in np.flatnonzero(self._faulty[fault][int(time / DAY)])]

    def bad_sites(self, time: float) -> set[int]:
        """Sites that are listed as bad on the day of ``time``."""
        return {int(site) for site in np.flatnonzero(self._bad[int(time / DAY)])}

    def _draw_faults(self, name: str, span_s: float) -> npt.NDArray[np.bool_]:
        """Whether each site (columns) has the fault on each day (rows); some are listed as bad meanwhile."""
        rng, faulty = self._rng, np.zeros_like(self._bad)
        for _ in range(rng.poisson(_FAULTS_A_YEAR[name] * len(self.sizes) * span_s / (365 * DAY))):
            site, first = int(rng.integers(len(self.sizes))), int(rng.integers(self._days))
            days = slice(first, first + 1 + int(rng.exponential(_FAULT_DAYS[name])))
            faulty[days, site] = True
            if rng.random() < _SHOWN_BAD[name]:
                self._bad[days, site] = True
        return faulty


def draw_campaigns(span_s: float, memory_needed: dict[str, float], rng: np.random.Generator) -> list[Campaign]:
    """Campaigns that begin and end, so that about a dozen run at any time."""
    length = 13 * WEEK
    count = max(_CAMPAIGNS, round(_CAMPAIGNS * (span_s + length) / length))
    starts = np.linspace(-length, span_s, count, endpoint=False)
    classes, weights = list(memory_needed), np.array(list(memory_needed.values()))
    campaigns = []
    for number, start in enumerate(starts):
        memory = classes[int(rng.choice(len(classes), p=weights / weights.sum()))]
        typical = {"2-9k": (2000, 4000), "10-16k": (4000, 8000), "18-20k": (8000, 15_900)}[memory]
        campaigns.append(
            Campaign(
                f"Emulated{number:03}",
                float(start),
                float(start + length * rng.uniform(0.6, 1.4)),
                float(rng.lognormal(-0.18, 0.6)),
                float(rng.lognormal(-0.08, 0.4)),
                float(typical[int(rng.random() < 0.5)]),
                memory,
            )
        )
    return campaigns
