"""Which faults to put where: random plans for demonstrations and benchmarks."""

from collections.abc import Mapping, Sequence

import numpy as np

from dqm.simulate.faults import Fault, FaultKind
from dqm.simulate.slots import slots
from streams.records import Catalogue, LumisectionKey, MonitoringElement

_OF_CHANNELS = frozenset({FaultKind.DEAD, FaultKind.HOT, FaultKind.NOISY, FaultKind.SWAP})
_PEAKS = ("timing", "segment_t0", "residual", "charge", "signal_to_noise")


def suits(kind: FaultKind, me: MonitoringElement) -> bool:
    """Whether a fault of this kind makes sense for an ME.

    Channels die, get hot or are swapped in occupancies; gains change measured quantities; offsets
    change those that have a peak (an exponential looks the same when it is moved). MEs that lie in no
    folder (a detector made from templates) suit all kinds, as their names say nothing.
    """
    folder, _, leaf = me.name.rpartition("/")
    if not folder:
        return True
    if kind in _OF_CHANNELS:
        return leaf.startswith("occupancy")
    if kind is FaultKind.SHIFT:
        return leaf.startswith(_PEAKS)
    return not (kind is FaultKind.GAIN and leaf.startswith("occupancy"))


def fault_on(
    rng: np.random.Generator,
    kind: FaultKind,
    subsystem: str,
    catalogue: Catalogue,
    *,
    severity: float,
    period: tuple[LumisectionKey, LumisectionKey],
) -> Fault:
    """A fault of one component: the MEs of one random folder that suit the kind, from first to last LS."""
    suitable = [me for me in catalogue.elements if suits(kind, me)]
    chosen = suitable[int(rng.integers(len(suitable)))]
    # Where there are no folders the component is the one ME.
    elements = [me.name for me in suitable if me.group == chosen.group] if chosen.group else [chosen.name]
    return Fault(kind, subsystem, severity, *period, elements=tuple(elements), seed=int(rng.integers(2**31)))


def plan_faults(
    rng: np.random.Generator,
    catalogues: Mapping[str, Catalogue],
    keys: Sequence[LumisectionKey],
    *,
    count: int,
    length: int = 30,
    severities: tuple[float, float] = (0.3, 0.8),
    kinds: Sequence[FaultKind] = tuple(FaultKind),
) -> list[Fault]:
    """``count`` faults over ``keys`` in time order, each ``length`` lumisections long (less where time is short).

    ``keys`` is cut into ``count`` slots; a fault starts at a random place of its slot's first half and
    never reaches into the next slot. Kinds take turns in random order, so that all are seen if
    ``count`` allows; severities are uniform, but stuck and missing faults are whole.

    Raises:
        ValueError: fewer than two lumisections for each fault.
    """
    planned = []
    for kind, first, last in slots(rng, kinds, len(keys), count, length):
        period = (keys[first], keys[last])
        subsystem = str(rng.choice(sorted(catalogues)))
        whole = kind in {FaultKind.STUCK, FaultKind.MISSING}
        severity = 1.0 if whole else float(rng.uniform(*severities))
        planned.append(fault_on(rng, kind, subsystem, catalogues[subsystem], severity=severity, period=period))
    return planned
