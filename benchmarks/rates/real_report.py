"""What is counted of verdicts on real rates, and the results of that."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.intervals import poisson
from benchmarks.rates.poisson_bound import Counts, limit_for, power
from benchmarks.report import Result
from benchmarks.watching import Incident
from conf.settings import DqmSettings, RateSettings

Float64 = npt.NDArray[np.float64]
DQM, RATES = DqmSettings(), RateSettings()

FAULTS: Mapping[str, tuple[float, int]] = {
    "x0_7_in_10_ls": (0.7, 10),
    "x0_7_in_3_ls": (0.7, 3),
    "x0_5_in_3_ls": (0.5, 3),
    "x2_in_3_ls": (2.0, 3),
}
"""By name, the factor, and the lumisections within which an incident must be raised."""
SIGMAS = (3.0, 4.0, 5.0)
OURS = (3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 8.0)
"""Limits on pulls at which the curve of found against false is drawn."""
REAL_CHANGES: Mapping[tuple[int, int, int], str] = {
    (379337, 1, 400): "both physics rates are 9 times those of the same column in the run before, with 8 % dead time",
    (379338, 40, 400): "both physics rates become 6 times as high at LS 47, with 11 % dead time",
    (379367, 1, 5): "the first three lumisections have other rates than their column has, twice as high for zero bias",
}
"""Run, first and last lumisection in which an incident is no false one, and what can be read off the counts."""


def is_real_change(run: int, ls: int) -> bool:
    """Whether an incident that is raised there is no false one."""
    return any(run == changed and first <= ls <= last for changed, first, last in REAL_CHANGES)


@dataclass(slots=True)
class Figures:
    """Counts of one pair of eras; ``runs`` holds hits and trials by kind and run.

    ``counts`` are those expected of what was watched, and ``halved`` those of three lumisections in which a rate was
    halved.
    """

    name: str
    counts: Counts
    shifts: float = 0.0
    incidents: list[Incident] = field(default_factory=list)
    inside: dict[int, tuple[int, int]] = field(default_factory=dict)
    usable: int = 0
    judged: int = 0
    moved: int = 0
    runs: dict[str, dict[int, list[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: [0, 0]))
    )
    false_at: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    halved: list[float] = field(default_factory=list)

    def count(self, kind: str, run: int, hit: bool) -> None:
        """One trial more."""
        entry = self.runs[kind][run]
        entry[0] += hit
        entry[1] += 1

    @property
    def false(self) -> list[Incident]:
        """Incidents but for real changes of rates."""
        return [incident for incident in self.incidents if not is_real_change(incident.raised.run, incident.raised.ls)]


def report(measured: Sequence[Figures], rng: np.random.Generator) -> dict[str, Result]:
    """Results over all pairs of eras, and of each."""
    later = [figures for figures in measured if "rest" not in figures.name]
    results = {
        "real_rate_coverage": _coverage_of(later, rng, "of the 99 % band, on eras that were not learned from"),
        "real_rate_coverage_own_era": _coverage_of(measured, rng, "of the 99 % band, all pairs"),
        "real_rate_false_incidents_per_shift": _false_incidents(measured),
        "real_rate_faults_found": _share(measured, "x0_7_in_10_ls", rng),
        **{f"real_rate_found_{kind}": _share(measured, kind, rng) for kind in FAULTS if kind != "x0_7_in_10_ls"},
        **_bounds(measured, rng),
        "real_rate_one_ls_recorded": _share(measured, "recorded", rng),
        "real_rate_one_ls_called": _share(measured, "called", rng),
        "real_rate_judged": _judged_share(measured),
    }
    for sigma in SIGMAS:
        for kind in FAULTS:
            results[f"real_rate_{kind}_beside_quadratic_{sigma:g}_sigma"] = _compared_at(measured, kind, sigma)
    for figures in measured:
        short = figures.name.replace(" ", "_")
        results[f"real_rate_false_incidents_{short}"] = _false_incidents([figures])
        for kind in (*FAULTS, "recorded"):
            results[f"real_rate_found_{kind}_{short}"] = _share([figures], kind, rng)
    return results


def _coverage_of(measured: Sequence[Figures], rng: np.random.Generator, note: str) -> Result:
    counts = np.array([entry for figures in measured for entry in figures.inside.values()], dtype=np.float64)
    low, high = _by_runs(counts, rng)
    return Result(
        float(counts[:, 0].sum() / max(counts[:, 1].sum(), 1)), "share", low, high, int(counts[:, 1].sum()), note=note
    )


def _by_runs(counts: Float64, rng: np.random.Generator) -> tuple[float, float]:
    """95 % interval of a share of ``counts`` (runs, 2) of hits and trials, runs drawn again."""
    draws = counts[rng.integers(len(counts), size=(2000, len(counts)))].sum(axis=1)
    shares = draws[:, 0] / np.maximum(draws[:, 1], 1)
    return float(np.percentile(shares, 2.5)), float(np.percentile(shares, 97.5))


def _share(measured: Sequence[Figures], kind: str, rng: np.random.Generator) -> Result:
    counts = np.array([entry for figures in measured for entry in figures.runs[kind].values()], dtype=np.float64)
    if not len(counts):
        return Result(float("nan"), "share", n=0)
    low, high = _by_runs(counts, rng)
    hits, of = counts.sum(axis=0)
    return Result(float(hits / of), "share", low, high, int(of))


def _false_incidents(measured: Sequence[Figures]) -> Result:
    false = [incident for figures in measured for incident in figures.false]
    shifts = sum(figures.shifts for figures in measured)
    real = sum(len(figures.incidents) - len(figures.false) for figures in measured)
    low, high = poisson(len(false))
    where = "; ".join(
        f"{incident.labels.family} {incident.labels.group} run {incident.raised.run} LS {incident.raised.ls}"
        for incident in false
    )
    note = (
        f"in {shifts:.1f} shifts of {DQM.shift_hours:g} h; {real} incidents of real changes left out; {where or 'none'}"
    )
    return Result(
        len(false) / shifts,
        "1/shift",
        low / shifts,
        high / shifts,
        len(false),
        "declared",
        RATES.false_incidents_per_shift,
        note=note,
    )


def _bounds(measured: Sequence[Figures], rng: np.random.Generator) -> dict[str, Result]:
    """What an ideal likelihood ratio finds of rates that halve, with as many false incidents as ours."""
    false = sum(len(figures.false) for figures in measured)
    limit = limit_for(false, [figures.counts for figures in measured], rng)
    note = f"Poisson, expectation and factor known, three lumisections, {false} false incidents; log ratio {limit:.1f}"
    halved = {f"_{figures.name.replace(' ', '_')}": figures.halved for figures in measured}
    halved = {"": [expected for of in halved.values() for expected in of]} | halved
    return {
        f"real_rate_x0_5_in_3_ls_poisson_bound{name}": Result(
            power(np.array(expected), limit), "share", n=len(expected), note=note
        )
        for name, expected in halved.items()
    }


def _judged_share(measured: Sequence[Figures]) -> Result:
    usable = sum(figures.usable for figures in measured)
    moved = sum(figures.moved for figures in measured)
    note = f"of rates in usable lumisections; {moved} rates in lumisections in which conditions moved are left out"
    return Result(sum(figures.judged for figures in measured) / max(usable, 1), "share", n=usable, note=note)


def _compared_at(measured: Sequence[Figures], kind: str, sigma: float) -> Result:
    """What is seen, where quadratics judge, at the limit with no more false incidents than theirs at ``sigma``."""
    false = sum(figures.false_at[f"peer {sigma:g}"] for figures in measured)
    hits = {limit: _hits(measured, f"{kind} ours {limit:g}") for limit in OURS}
    ours = {limit: sum(figures.false_at[f"ours {limit:g}"] for figures in measured) for limit in OURS}
    limit = min((limit for limit in OURS if ours[limit] <= false), default=OURS[-1])
    value, peer = hits[limit], _hits(measured, f"{kind} peer {sigma:g}")
    shifts = sum(figures.shifts for figures in measured)
    note = (
        f"where quadratics judge; ours at {limit:g} standard deviations with {ours[limit] / shifts:.2f} false "
        f"incidents a shift, quadratics with {false / shifts:.2f}"
    )
    return Result(
        value,
        "share",
        peer=f"quadratics at {sigma:g}",
        peer_value=peer,
        ratio=value / peer if peer else None,
        note=note,
    )


def _hits(measured: Sequence[Figures], kind: str) -> float:
    counts = np.array([entry for figures in measured for entry in figures.runs[kind].values()]).reshape(-1, 2)
    hits, of = counts.sum(axis=0)
    return float(hits / max(of, 1))
