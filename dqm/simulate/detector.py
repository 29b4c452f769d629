"""The simulated detector: conditions in, one batch of histograms for each subsystem out.

Pileup, slow drift from fill to fill and ageing move the shapes of a good detector.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from dqm.simulate import templates
from dqm.simulate.built_in import built_in_templates
from dqm.simulate.effects import EFFECTS
from dqm.simulate.faults import Fault, FaultKind, active
from streams.arrays import Float64, Int64
from streams.records import Catalogue, Conditions, Counts, HistogramBatch, LumisectionKey

DRIFTS = 4
WAVES = 6
SIZE = DRIFTS + 2
"""Numbers in a state: pileup, ageing and the drifts, each of about unit variance over some years."""

_PILEUP_MEAN, _PILEUP_SPREAD = 48.0, 12.0
_FILL_MIDDLE, _FILL_SPREAD = 9900.0, 400.0


class DetectorState:
    """A random but smooth function of conditions, fixed by its generator.

    Each drift is a sum of waves over the fill number with periods of 300 to 3000 fills (some months to some years),
    which makes a stationary process of unit variance that can be asked at any fill, in any order.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        """Draw the waves."""
        self._frequency = 2 * np.pi / np.exp(rng.uniform(np.log(300), np.log(3000), (DRIFTS, WAVES)))
        self._phase = rng.uniform(0, 2 * np.pi, (DRIFTS, WAVES))

    def at(self, key: LumisectionKey, conditions: Conditions) -> Float64:
        """The state (SIZE,) at one lumisection; where the fill is unknown the run number stands for it."""
        fill = float(conditions.fill if conditions.fill is not None else key.run)
        pileup = _PILEUP_MEAN if conditions.pileup is None else conditions.pileup
        drifts = np.sqrt(2 / WAVES) * np.cos(self._frequency * fill + self._phase).sum(axis=1)
        ageing = np.clip((fill - _FILL_MIDDLE) / _FILL_SPREAD, -2, 2)
        crowding = np.clip((pileup - _PILEUP_MEAN) / _PILEUP_SPREAD, -3, 3)
        return np.concatenate([[crowding, ageing], drifts])


def loadings(count: int, modes: int, rng: np.random.Generator) -> Float64:
    """(count, modes, SIZE) unit vectors: how much each mode of each ME follows each part of the state."""
    directions = rng.standard_normal((count, modes, SIZE))
    return np.asarray(directions / np.linalg.norm(directions, axis=2, keepdims=True))


DATASET = "/Simulated/Detector-v1/DQM"
NOMINAL = Conditions(pileup=55.0, delivered_lumi=0.44, recorded_lumi=0.42, beams_stable=True)
"""Stands in for conditions that are not known."""

_IDLE_ENTRIES = 4.0
_UNSTABLE_SHARE = 0.01
_RATE_SPREAD = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Templates of one subsystem in catalogue order: matrices by block, vectors over all rows."""

    catalogue: Catalogue
    base: tuple[Float64, ...]
    modes: tuple[Float64, ...]
    loadings: Float64
    entries_per_pb: Float64
    outside: Float64


class Detector:
    """A detector whose good histograms are fixed by its templates and its seed, up to Poisson noise.

    Entries are proportional to recorded luminosity, so dead time counts; shapes follow pileup and fill
    smoothly (:mod:`dqm.simulate.detector`). Without stable beams 1% of the entries are left; a handful of
    entries comes from noise always.
    """

    def __init__(self, elements: Sequence[templates.Template], rng: np.random.Generator) -> None:
        """Prepare the matrices; ``rng`` decides drift and how each ME follows it."""
        self._state = DetectorState(rng)
        names = sorted({template.subsystem for template in elements})
        self._parts = {
            name: _part([template for template in elements if template.subsystem == name], rng) for name in names
        }
        self._without: dict[tuple[str, tuple[int, ...]], Catalogue] = {}

    @classmethod
    def built_in(cls, seed: int = 0) -> "Detector":
        """The detector that ships with the simulator."""
        rng = np.random.default_rng(seed)
        return cls(built_in_templates(rng), rng)

    @classmethod
    def from_templates(cls, path: Path, seed: int = 0) -> "Detector":
        """A detector made of a file of principal components; see :func:`dqm.simulate.templates.read`."""
        return cls(templates.read(path), np.random.default_rng(seed))

    @property
    def catalogues(self) -> Mapping[str, Catalogue]:
        """All MEs, by subsystem."""
        return MappingProxyType({name: part.catalogue for name, part in self._parts.items()})

    def lumisection(
        self, key: LumisectionKey, conditions: Conditions, rng: np.random.Generator, faults: Sequence[Fault] = ()
    ) -> list[HistogramBatch]:
        """Histograms of one lumisection, one batch for each subsystem that has any, by name.

        Faults that are not active at ``key`` do nothing. Counts are int64. Equal arguments (and equal
        state of ``rng``) give equal histograms, whatever was asked for before.
        """
        present = active(faults, key)
        state = self._state.at(key, conditions)
        batches = []
        # Each subsystem has its own stream of chance, so that a fault changes nothing in the others.
        for (name, part), own_rng in zip(self._parts.items(), rng.spawn(len(self._parts)), strict=True):
            here = [fault for fault in present if fault.subsystem == name]
            batch = self._batch(name, part, key=key, conditions=conditions, state=state, rng=own_rng, faults=here)
            if len(batch.catalogue):
                batches.append(batch)
        return batches

    def _batch(
        self,
        name: str,
        part: _Part,
        *,
        key: LumisectionKey,
        conditions: Conditions,
        state: Float64,
        rng: np.random.Generator,
        faults: Sequence[Fault],
    ) -> HistogramBatch:
        means, outside = _expected(part, conditions, state, float(np.exp(_RATE_SPREAD * rng.standard_normal())))
        for fault in faults:
            if fault.kind in EFFECTS:
                _distort(part.catalogue, means, outside, fault)
        counts = [rng.poisson(mean) for mean in means]
        flow = rng.poisson(outside)
        for fault in faults:
            if fault.kind is FaultKind.STUCK:
                self._freeze(part, counts, flow, fault)
        absent = sorted(
            {row for f in faults if f.kind is FaultKind.MISSING for row in f.share_of_targets(part.catalogue)}
        )
        catalogue = part.catalogue
        if absent:
            counts, flow = _without(catalogue, counts, flow, absent)
            catalogue = self._reduced(name, tuple(absent))
        return _packed(key, name, conditions, catalogue=catalogue, counts=counts, flow=flow)

    def _freeze(self, part: _Part, counts: list[Int64], flow: Int64, fault: Fault) -> None:
        """Put the content that a stuck histogram repeats in its place: one draw under nominal conditions."""
        means, outside = _expected(part, NOMINAL, self._state.at(fault.start, NOMINAL), 1.0)
        for row in fault.share_of_targets(part.catalogue):
            own_rng = fault.generator(part.catalogue.names[row])
            for block, into, mean in zip(part.catalogue.blocks, counts, means, strict=True):
                if block.start <= row < block.stop:
                    into[row - block.start] = own_rng.poisson(mean[row - block.start])
            flow[row] = own_rng.poisson(outside[row])

    def _reduced(self, name: str, absent: tuple[int, ...]) -> Catalogue:
        """The catalogue without some rows; the same object every time, as consumers cache by identity."""
        cached = self._without.get((name, absent))
        if cached is None:
            elements = self._parts[name].catalogue.elements
            cached = Catalogue.of([me for row, me in enumerate(elements) if row not in absent])
            self._without[name, absent] = cached
        return cached


def _part(elements: Sequence[templates.Template], rng: np.random.Generator) -> _Part:
    catalogue = Catalogue.of([template.element for template in elements])
    by_name = {template.element.name: template for template in elements}
    ordered = [by_name[name] for name in catalogue.names]
    base = tuple(np.stack([t.base for t in ordered[b.start : b.stop]]) for b in catalogue.blocks)
    modes = tuple(np.stack([t.modes for t in ordered[b.start : b.stop]], axis=1) for b in catalogue.blocks)
    return _Part(
        catalogue,
        base,
        modes,
        loadings(len(ordered), templates.MODES, rng),
        np.array([t.entries_per_pb for t in ordered]),
        np.array([t.outside for t in ordered], dtype=float),
    )


def _expected(part: _Part, conditions: Conditions, state: Float64, rate: float) -> tuple[list[Float64], Float64]:
    """Expected counts by block, and below and above the axes."""
    lumi = conditions.recorded_lumi if conditions.recorded_lumi is not None else NOMINAL.recorded_lumi
    share = _UNSTABLE_SHARE if conditions.beams_stable is False else 1.0
    entries = _IDLE_ENTRIES + part.entries_per_pb * max(lumi or 0.0, 0.0) * share * rate
    latent = part.loadings @ state
    inside = entries * (1 - part.outside.sum(axis=1))
    means = []
    for block, base, modes in zip(part.catalogue.blocks, part.base, part.modes, strict=True):
        rows = slice(block.start, block.stop)
        shape = base + latent[rows, 0, None] * modes[0]
        shape += latent[rows, 1, None] * modes[1]
        np.maximum(shape, 0, out=shape)
        shape *= (inside[rows] / shape.sum(axis=1))[:, None]
        means.append(shape)
    return means, entries[:, None] * part.outside


def _distort(catalogue: Catalogue, means: list[Float64], outside: Float64, fault: Fault) -> None:
    """Apply one fault to the expectation of the MEs that it hits."""
    rows = fault.targets(catalogue)
    for block, matrix in zip(catalogue.blocks, means, strict=True):
        for row in (row for row in rows if block.start <= row < block.stop):
            me = catalogue.elements[row]
            before = matrix[row - block.start].reshape(me.shape)
            after = EFFECTS[fault.kind](before, me.axes, fault.severity, fault.generator(me.name))
            matrix[row - block.start] = after.ravel()
            if fault.kind is FaultKind.LOW_STATISTICS:
                outside[row] *= 1 - fault.severity
            elif fault.kind in {FaultKind.SHIFT, FaultKind.GAIN}:
                # What a move pushes off the axis is filled above it: fills are not lost.
                outside[row, 1] += max(0.0, float(before.sum() - after.sum()))


def _without(
    catalogue: Catalogue,
    counts: Sequence[Int64],
    flow: Int64,
    absent: Sequence[int],
) -> tuple[list[Int64], Int64]:
    keep = np.ones(len(catalogue), dtype=bool)
    keep[list(absent)] = False
    matrices = [matrix[keep[block.start : block.stop]] for block, matrix in zip(catalogue.blocks, counts, strict=True)]
    return [matrix for matrix in matrices if len(matrix)], flow[keep]


def _packed(
    key: LumisectionKey,
    subsystem: str,
    conditions: Conditions,
    *,
    catalogue: Catalogue,
    counts: Sequence[Int64],
    flow: Int64,
) -> HistogramBatch:
    sums = [matrix.sum(axis=1) for matrix in counts]
    entries = (np.concatenate(sums) + flow.sum(axis=1)).astype(float) if sums else np.zeros(0)
    frozen: tuple[Counts, ...] = tuple(counts)
    for matrix in frozen:
        matrix.setflags(write=False)
    return HistogramBatch(key, DATASET, subsystem, conditions, catalogue, frozen, flow.astype(float), entries)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedLumisection:
    """One lumisection: its published histograms and its true faults."""

    key: LumisectionKey
    batches: Sequence[HistogramBatch]
    faults: Sequence[Fault]


def stream(
    detector: Detector,
    conditions: Iterable[tuple[LumisectionKey, Conditions]],
    faults: Sequence[Fault],
    seed: int,
) -> Iterator[SimulatedLumisection]:
    """Simulate lumisections in the order of ``conditions``; each depends on seed, run and LS alone."""
    for key, at in conditions:
        yield SimulatedLumisection(
            key, detector.lumisection(key, at, generator(seed, key), faults), active(faults, key)
        )


def generator(seed: int, key: LumisectionKey) -> np.random.Generator:
    """The randomness of one lumisection."""
    return np.random.default_rng([seed, key.run, key.ls])
