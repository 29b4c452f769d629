"""Which faults of trigger rates to put where: random plans for demonstrations and benchmarks."""

from collections.abc import Sequence

import numpy as np

from dqm.simulate.plan import slots
from dqm.simulate.rate_faults import RateFault, RateFaultKind
from dqm.simulate.rates import Trigger
from streams.records import Conditions, LumisectionKey

FACTORS = (0.3, 0.6)
"""Range of what a path's or seed's rate drops to."""
ALL_FACTORS = (0.7, 0.9)
"""The same for all rates."""
_PRESCALES = (0.1, 0.5, 2.0, 10.0)


def fault_on(
    rng: np.random.Generator,
    kind: RateFaultKind,
    trigger: Trigger,
    column: int | None,
    period: tuple[LumisectionKey, LumisectionKey],
    least_hz: float = 1.0,
    factors: tuple[float, float] | None = None,
) -> RateFault:
    """A random fault of this kind while prescale ``column`` is declared.

    It hits what is switched on and, if it hits single paths, those that have about ``least_hz`` on average.
    ``factors`` is the range of what rates drop to, by default that of the kind; as often they rise by the inverse.
    """
    menu, seeds = trigger.menu, len(trigger.menu.l1)
    prescales, usual = trigger.prescales(column), trigger.usual(column)
    on = (prescales > 0) & (usual >= least_hz)
    paths = [name for name, runs in zip(menu.names[seeds:], on[seeds:], strict=True) if runs]
    eligible = np.flatnonzero(np.bincount(np.array(menu.seed_of)[on[seeds:]], minlength=seeds) >= 3)
    factor = float(rng.uniform(*(factors or (ALL_FACTORS if kind is RateFaultKind.ALL else FACTORS))))
    if rng.random() < 0.5:
        factor = 1 / factor
    path = (str(rng.choice(paths)),)
    if kind in {RateFaultKind.SEED, RateFaultKind.SEED_PATHS}:
        return RateFault(kind, *period, factor=factor, seed_name=menu.l1[int(rng.choice(eligible))])
    if kind is RateFaultKind.COLUMN:
        return RateFault(kind, *period, column=_other_column(rng, trigger, column))
    if kind is RateFaultKind.PRESCALE:
        return RateFault(kind, *period, factor=float(rng.choice(_PRESCALES)), elements=path)
    if kind is RateFaultKind.PATH:
        return RateFault(kind, *period, factor=factor, elements=path)
    if kind is RateFaultKind.MISSING:
        return RateFault(kind, *period, elements=path)
    return RateFault(kind, *period, factor=factor if kind is RateFaultKind.ALL else 1.0)


def plan_faults(
    rng: np.random.Generator,
    trigger: Trigger,
    lumisections: Sequence[tuple[LumisectionKey, Conditions]],
    *,
    count: int,
    length: int = 20,
    kinds: Sequence[RateFaultKind] = tuple(RateFaultKind),
) -> list[RateFault]:
    """``count`` faults over good ``lumisections`` in time order, each ``length`` long (less where time is short).

    Time is cut into ``count`` slots; a fault starts in the first half of its slot and never reaches into the next.
    Kinds take turns in random order.

    Raises:
        ValueError: fewer than two lumisections for each fault.
    """
    planned = []
    for kind, first, last in slots(rng, kinds, len(lumisections), count, length):
        period = lumisections[first][0], lumisections[last][0]
        planned.append(fault_on(rng, kind, trigger, lumisections[first][1].prescale_index, period))
    return planned


def _other_column(rng: np.random.Generator, trigger: Trigger, column: int | None) -> int:
    """A column near the declared one in which something differs."""
    near = [other for other in range(max((column or 0) - 8, 0), (column or 0) + 9) if other < trigger.columns]
    differing = [other for other in near if (trigger.prescales(other) != trigger.prescales(column)).any()]
    return int(rng.choice(differing)) if differing else 0
