"""Features of single-lepton events, lumisection by lumisection, with truth.

Each event is of one process. The Standard Model part is a mixture of W, multijet (QCD), Z and top-pair events; the rare
kinds are those of O. Cerri et al., JHEP 05 (2019) 036: a light A that decays to four leptons, a leptoquark to b and
tau, a neutral scalar to two taus, a charged one to tau and neutrino. The numbers give shapes of the right order; they
are no cross-sections and no detector simulation.

Features hang together as they do in nature: missing pT is the neutrino and the resolution, which grows with pileup and
jets; the transverse mass follows from it and the lepton; masses exist where there is a pair. The detector drifts
(:class:`Drift`): slowly over fills, and by a jump with every fill.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from dqm.events.model import live_seconds
from streams.arrays import Float32
from streams.records import Conditions, EventFeatures, LumisectionKey


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
        mixed_pairs: chance of a pair of the other flavour beside it.
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
    mixed_pairs: float


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
NAMES = tuple(process.name for process in PROCESSES)


def by_event(kinds: npt.NDArray[np.int8]) -> dict[str, Float32]:
    """Each number of :class:`Process` for events (n,) of these places in ``PROCESSES``."""
    columns: dict[str, Any] = {
        entry.name: np.array([getattr(process, entry.name) for process in PROCESSES], dtype=np.float32)
        for entry in fields(Process)
        if entry.name != "name"
    }
    return {name: column[kinds] for name, column in columns.items()}


Kinds = npt.NDArray[np.int8]

FEATURES = (
    "ht_gev",
    "met_gev",
    "met_along_lepton_gev",
    "met_across_lepton_gev",
    "mt_gev",
    "lepton_pt_gev",
    "lepton_eta",
    "lepton_is_muon",
    "charged_isolation",
    "neutral_isolation",
    "photon_isolation",
    "jets",
    "b_jets",
    "jets_mass_gev",
    "leading_jet_pt_gev",
    "muons",
    "muons_pt_gev",
    "muons_mass_gev",
    "electrons",
    "electrons_pt_gev",
    "electrons_mass_gev",
)
THRESHOLD_GEV = 23.0
JET_GEV = 30.0
TYPICAL_PILEUP = 40.0


@dataclass(frozen=True, slots=True)
class Drift:
    """What the detector has become: 1 is as designed.

    ``scale`` of jet energies, ``resolution`` of missing pT, ``noise`` of isolation, ``fakes`` of second leptons and
    ``multijet`` share of QCD events.
    """

    scale: float = 1.0
    resolution: float = 1.0
    noise: float = 1.0
    fakes: float = 1.0
    multijet: float = 1.0


_SLOW = np.array([0.010, 0.05, 0.08, 0.15, 0.10])
_JUMP = np.array([0.004, 0.02, 0.03, 0.08, 0.05])


def drift(seed: int, fill: int) -> Drift:
    """Of one fill: two slow waves of 20 to 100 fills and a jump of its own, as logarithms; depends on these alone."""
    waves = np.random.default_rng([seed, 0])
    period, phase = waves.uniform(20, 100, (2, 5)), waves.uniform(0, 2 * np.pi, (2, 5))
    slow = np.sin(2 * np.pi * fill / period + phase).mean(axis=0) * np.sqrt(2) * _SLOW
    jump = np.random.default_rng([seed, 1, fill]).standard_normal(5) * _JUMP
    return Drift(*(float(factor) for factor in np.exp(slow + jump)))


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedEvents:
    """What is published, and the place in ``PROCESSES`` of each event's process (n,)."""

    features: EventFeatures
    kinds: Kinds


def stream(
    conditions: Iterable[tuple[LumisectionKey, Conditions]],
    rate_hz: float,
    rare_share: float,
    seed: int,
    dataset: str = "/SingleLepton/Simulated-v1/RAW",
) -> Iterator[SimulatedEvents]:
    """Events of each lumisection, none where no data are recorded; they depend on seed, run and LS alone.

    ``rate_hz`` of events is that of live time at a pileup of 40, to which it is proportional; a share ``rare_share`` of
    them is of the rare kinds, in equal parts.
    """
    for key, at in conditions:
        rng = np.random.default_rng([seed, 2, key.run, key.ls])
        detector = drift(seed, at.fill or 0)
        pileup = at.pileup or 0.0
        count = int(rng.poisson(rate_hz * live_seconds(at) * pileup / TYPICAL_PILEUP))
        kinds = _kinds(count, rare_share, detector, rng)
        numbers = key.ls * 1_000_000 + np.arange(len(kinds), dtype=np.int64)
        yield SimulatedEvents(
            EventFeatures(key, dataset, at, FEATURES, numbers, simulate(kinds, pileup, detector, rng)), kinds
        )


def _kinds(count: int, rare_share: float, detector: Drift, rng: np.random.Generator) -> Kinds:
    shares = np.array([process.share for process in STANDARD])
    shares[1] *= detector.multijet
    shares *= (1.0 - rare_share) / shares.sum()
    shares = np.concatenate([shares, np.full(len(RARE), rare_share / len(RARE))])
    return np.repeat(np.arange(len(PROCESSES), dtype=np.int8), rng.multinomial(count, shares))


def simulate(kinds: Kinds, pileup: float, detector: Drift, rng: np.random.Generator) -> Float32:
    """Features (n, 21) of events of these ``kinds`` (n,), in the order of ``FEATURES``."""
    n, of = len(kinds), by_event(kinds)

    def exponential() -> Float32:
        return rng.standard_exponential(n, dtype=np.float32)

    def normal() -> Float32:
        return rng.standard_normal(n, dtype=np.float32)

    lepton = THRESHOLD_GEV + of["lepton_gev"] * exponential() ** 1.1
    eta = np.clip(1.1 * normal(), -2.4, 2.4)
    muon = rng.random(n, dtype=np.float32) < 0.55
    around = pileup / TYPICAL_PILEUP * detector.noise
    charged = of["isolation"] * exponential() * (rng.random(n, dtype=np.float32) < 0.6)
    neutral = 0.5 * of["isolation"] * exponential() + 0.02 * around * exponential()
    photon = 0.5 * of["isolation"] * exponential() + 0.015 * around * exponential()

    jets = np.minimum(rng.poisson(of["jets"] + 0.003 * pileup), 15)
    b_jets = rng.binomial(jets, of["b_share"])
    has_jets = jets > 0
    leading = np.where(has_jets, JET_GEV + (12 + 8 * np.sqrt(jets)) * exponential() ** 1.15 * detector.scale, 0)
    further_jets = np.maximum(jets - 1, 0)
    further_gev = further_jets * JET_GEV + np.minimum(leading - JET_GEV, 25) * further_jets * rng.random(
        n, dtype=np.float32
    )
    mass = np.where(jets > 1, np.sqrt(np.maximum(leading * further_gev, 0)) * np.exp(0.3 * normal()), 0)

    neutrino = of["neutrino_gev"] * np.exp(of["neutrino_spread"] * normal())
    # The neutrino of a W flies away from the lepton, that of a multijet event along it.
    angle = np.pi + normal() * (0.5 + 0.5 * has_jets)
    spread = detector.resolution * np.sqrt(25 + 1.2 * pileup + 0.2 * (leading + further_gev))
    along = neutrino * np.cos(angle) + spread * normal()
    across = neutrino * np.sin(angle) + spread * normal()
    met = np.hypot(along, across)
    mt = np.sqrt(np.maximum(2 * lepton * (met - along), 0))

    fakes = 1 + 0.02 * (detector.fakes - 1) / np.maximum(of["pairs"], 0.02)
    same = rng.random(n, dtype=np.float32) < of["pairs"] * fakes
    different = rng.random(n, dtype=np.float32) < of["mixed_pairs"] * detector.fakes
    pair_mass = of["pair_gev"] * np.exp(of["pair_spread"] * normal())
    other_mass = of["pair_gev"] * np.exp(of["pair_spread"] * normal())
    pair_pt = lepton * (0.6 + 0.8 * exponential())
    other_pt = 8 + 10 * exponential()
    first = 1 + same
    second = different * (1 + (rng.random(n, dtype=np.float32) < 0.5))
    own = first, np.where(same, pair_pt, lepton), np.where(same, pair_mass, 0)
    subleading = second, np.where(different, other_pt, 0), np.where(second > 1, other_mass, 0)
    muons = [np.where(muon, a, b) for a, b in zip(own, subleading, strict=True)]
    electrons = [np.where(muon, b, a) for a, b in zip(own, subleading, strict=True)]

    columns = [leading + further_gev, met, along, across, mt, lepton, eta, muon, charged, neutral, photon]
    columns += [jets, b_jets, mass, leading, *muons, *electrons]
    return np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)
