"""The trigger: conditions in, the rates of all seeds and paths out; emulated, over conditions that may be real.

The rate of a seed follows pileup in its own way, and those of its paths nearly as the seed's. From lumisection to
lumisection all that is behind a seed moves together, a path a little by itself; from fill to fill both drift. Counts
are Poisson counts of 23.31 s. Prescales change between lumisections, as they do in the experiment.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dqm.simulate.conditions import luminosity
from dqm.simulate.detector import generator
from dqm.simulate.rate_faults import RateFault, RateFaultKind, active
from dqm.simulate.rate_menu import COLUMNS, Parts, Recipe, built_in_recipe, draw, published
from streams.arrays import Float64
from streams.records import LUMISECTION_SECONDS, Conditions, LumisectionKey, TriggerMenu, TriggerRates

DATASET = "/Simulated/Trigger-v1/RATES"
NOMINAL_PILEUP = 55.0

_WAVES = 4
_SEED_DRIFT, _PATH_DRIFT = 0.012, 0.006
_FILL_STEP = 0.3
_LUMINOSITY_NOISE = 0.003
_UNSTABLE_SHARE = 0.3
_IDLE_HZ = 0.002


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedRates:
    """One lumisection: what is published, and the faults that are really there."""

    key: LumisectionKey
    rates: TriggerRates
    faults: Sequence[RateFault]


class Trigger:
    """A trigger whose rates are fixed by its seed, up to chance that is handed in.

    Drift is a sum of waves over the fill number with periods of 100 to 1000 fills, and a step of each fill of about a
    third of what a seed moves from lumisection to lumisection. Without stable beams less than a third of the rates is
    left. Without a prescale column nothing runs.
    """

    def __init__(self, recipe: Recipe, rng: np.random.Generator) -> None:
        """Draw seeds, paths and drifts."""
        self._parts: Parts = draw(recipe, rng)
        n = len(self._parts.rate)
        self._frequency = 2 * np.pi / np.exp(rng.uniform(np.log(100), np.log(1000), (n, _WAVES)))
        self._phase = rng.uniform(0, 2 * np.pi, (n, _WAVES))
        self._chance = int(rng.integers(2**31))
        self._without: dict[tuple[str, ...], TriggerMenu] = {}

    @classmethod
    def built_in(cls, seed: int = 0) -> "Trigger":
        """A menu of realistic size: 40 seeds and 600 paths."""
        rng = np.random.default_rng([seed, 40])
        return cls(built_in_recipe(rng), rng)

    @classmethod
    def published(cls, seed: int = 0) -> "Trigger":
        """A menu of the size that the publication used: 4 seeds and 24 paths."""
        return cls(published(), np.random.default_rng([seed, 4]))

    @property
    def menu(self) -> TriggerMenu:
        """All seeds and paths."""
        return self._parts.menu

    def prescales(self, column: int | None) -> Float64:
        """Declared prescales (n,) of a column in the order of ``menu.names``; all are off where there is none."""
        if column is None:
            return np.zeros(len(self._parts.rate))
        prescales: Float64 = self._parts.prescales[column % COLUMNS]
        return prescales

    @property
    def columns(self) -> int:
        """How many prescale columns there are."""
        return COLUMNS

    def usual(self, column: int | None) -> Float64:
        """Rates (n,) in Hz behind a column at the nominal pileup, in the order of ``menu.names``."""
        return self._expected(_NOMINAL, self.prescales(column))

    def lumisection(
        self, key: LumisectionKey, conditions: Conditions, rng: np.random.Generator, faults: Sequence[RateFault] = ()
    ) -> TriggerRates:
        """Rates of one lumisection; faults that are not active at ``key`` do nothing.

        A stuck fault does nothing either, as it takes lumisections to repeat: :func:`stream` knows them. Equal
        arguments (and equal state of ``rng``) give equal rates, whatever was asked for before.
        """
        present = active(faults, key)
        declared = self.prescales(conditions.prescale_index)
        in_use = self._in_use(declared, present)
        expected = self._expected(conditions, in_use) * np.exp(self._moves(key, conditions, rng))
        counts = rng.poisson(expected * self._factors(present) * LUMISECTION_SECONDS).astype(np.float64)
        seeds = len(self.menu.l1)
        rates = counts / LUMISECTION_SECONDS
        whole = TriggerRates(
            key, DATASET, conditions, self.menu, rates[:seeds], rates[seeds:], declared[:seeds], declared[seeds:]
        )
        absent = {name for fault in present if fault.kind is RateFaultKind.MISSING for name in fault.elements}
        return self._reduced(whole, tuple(sorted(absent))) if absent else whole

    def _expected(self, conditions: Conditions, prescales: Float64) -> Float64:
        """Mean rates (n,) in Hz behind the prescales (n,) of each by itself, as counted."""
        parts, pileup = self._parts, conditions.pileup or 0.0
        paths = np.arange(len(parts.rate)) >= len(self.menu.l1)
        one_in = prescales * np.where(paths, prescales[parts.seed_of], 1.0)
        u = max(pileup, 0.5) / NOMINAL_PILEUP
        follows = u * (1 - parts.bend + parts.bend * u ** (parts.power - 1)) * u**parts.tilt
        # Of the colliding bunches, and of the time in which the experiment was live.
        used = max(conditions.recorded_lumi or 0.0, 0.0) / luminosity(max(pileup, 0.5))
        share = _UNSTABLE_SHARE if conditions.beams_stable is False else 1.0
        rate = parts.rate * follows * used * share + _IDLE_HZ
        return np.divide(rate, one_in, out=np.zeros_like(rate), where=one_in > 0)

    def _moves(self, key: LumisectionKey, conditions: Conditions, rng: np.random.Generator) -> Float64:
        """Logarithms (n,) of what chance and time make of the rates."""
        parts, seeds = self._parts, len(self.menu.l1)
        fill = conditions.fill if conditions.fill is not None else key.run
        waves = np.sqrt(2 / _WAVES) * np.cos(self._frequency * fill + self._phase).sum(axis=1)
        step = _FILL_STEP * np.random.default_rng([self._chance, fill]).standard_normal(seeds)
        common = rng.standard_normal(seeds) + step
        own = rng.standard_normal(len(parts.rate))
        drift = _SEED_DRIFT * waves[:seeds][parts.seed_of]
        drift[seeds:] += _PATH_DRIFT * waves[seeds:]
        moves: Float64 = drift + parts.loading * common[parts.seed_of] + parts.own * own
        return moves + _LUMINOSITY_NOISE * rng.standard_normal()

    def _in_use(self, declared: Float64, faults: Sequence[RateFault]) -> Float64:
        """Prescales (n,) that are really in use."""
        in_use = declared.copy()
        for fault in faults:
            if fault.kind is RateFaultKind.COLUMN:
                in_use = self.prescales(fault.column).copy()
            elif fault.kind is RateFaultKind.PRESCALE:
                in_use[self._rows(fault)] /= fault.factor
        return in_use

    def _factors(self, faults: Sequence[RateFault]) -> Float64:
        """What the faults multiply the rates (n,) by."""
        factors = np.ones(len(self._parts.rate))
        for fault in faults:
            if fault.kind is RateFaultKind.ALL:
                factors *= fault.factor
            elif fault.kind in {RateFaultKind.PATH, RateFaultKind.SEED, RateFaultKind.SEED_PATHS}:
                factors[self._rows(fault)] *= fault.factor
        return factors

    def _rows(self, fault: RateFault) -> list[int]:
        """The places of the menu that the fault hits; what the menu does not have is not hit."""
        if not fault.seed_name:
            return [row for row, name in enumerate(self.menu.names) if name in fault.elements]
        seed = self.menu.l1.index(fault.seed_name) if fault.seed_name in self.menu.l1 else -1
        first = 0 if fault.kind is RateFaultKind.SEED else len(self.menu.l1)
        return [row for row in np.flatnonzero(self._parts.seed_of == seed).tolist() if row >= first]

    def _reduced(self, whole: TriggerRates, absent: tuple[str, ...]) -> TriggerRates:
        """The rates without some paths; the menu is the same object every time, as consumers cache by identity.

        A seed that is absent takes its paths with it: a menu has no paths without their seed.
        """
        gone = {seed for seed in self.menu.l1 if f"{seed}/{seed}" in absent}
        seeds = [at for at, seed in enumerate(self.menu.l1) if seed not in gone]
        names = self.menu.names[len(self.menu.l1) :]
        paths = [at for at, name in enumerate(names) if name not in absent and self.menu.seed_of[at] in seeds]
        if absent not in self._without:
            self._without[absent] = TriggerMenu(
                tuple(self.menu.l1[at] for at in seeds),
                tuple(self.menu.hlt[at] for at in paths),
                tuple(seeds.index(self.menu.seed_of[at]) for at in paths),
                tuple(self.menu.versions[at] for at in (*seeds, *(len(self.menu.l1) + at for at in paths))),
            )
        return replace(
            whole,
            menu=self._without[absent],
            l1=whole.l1[seeds],
            hlt=whole.hlt[paths],
            l1_prescales=whole.l1_prescales[seeds],
            hlt_prescales=whole.hlt_prescales[paths],
        )


_NOMINAL = Conditions(pileup=NOMINAL_PILEUP, recorded_lumi=luminosity(NOMINAL_PILEUP), beams_stable=True)


def stream(
    trigger: Trigger,
    conditions: Iterable[tuple[LumisectionKey, Conditions]],
    faults: Sequence[RateFault],
    seed: int,
) -> Iterator[SimulatedRates]:
    """Simulate lumisections in the order of ``conditions``.

    Each depends on seed, run and LS alone, but for rates that are stuck: these repeat the first one of their fault.
    """
    repeated: dict[RateFault, TriggerRates] = {}
    for key, at in conditions:
        rates = trigger.lumisection(key, at, generator(seed, key), faults)
        for fault in active(faults, key):
            if fault.kind is RateFaultKind.STUCK:
                rates = _repeating(rates, repeated.setdefault(fault, rates), fault)
        yield SimulatedRates(key, rates, active(faults, key))


def _repeating(rates: TriggerRates, before: TriggerRates, fault: RateFault) -> TriggerRates:
    """The rates with those that the fault hits, or all, as they were ``before``."""
    names, earlier = rates.menu.names, dict(zip(before.menu.names, [*before.l1, *before.hlt], strict=True))
    now = zip(names, [*rates.l1, *rates.hlt], strict=True)
    whole = not fault.elements
    frozen_rates = np.array(
        [earlier.get(name, rate) if whole or name in fault.elements else rate for name, rate in now]
    )
    return replace(rates, l1=frozen_rates[: len(rates.l1)], hlt=frozen_rates[len(rates.l1) :])
