"""Random plans of faults, for demonstrations and benchmarks: which kind, where and when."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from dqm.simulate.faults import Fault, FaultKind
from streams.records import Catalogue, LumisectionKey, MonitoringElement

Kind = TypeVar("Kind")


def slots(
    rng: np.random.Generator, kinds: Sequence[Kind], lumisections: int, count: int, length: int
) -> Iterator[tuple[Kind, int, int]]:
    """Kind, first and last place of each of ``count`` faults, ``length`` lumisections long (less where time is short).

    Time is cut into ``count`` slots; a fault starts at a random place of its slot's first half and never reaches into
    the next. Kinds take turns in random order. Each start is drawn when it is asked for.

    Raises:
        ValueError: fewer than two lumisections for each fault.
    """
    if lumisections < 2 * count:
        raise ValueError(f"{count} faults need at least {2 * count} lumisections, got {lumisections}")
    order = [kinds[int(index)] for _ in range(count // len(kinds) + 1) for index in rng.permutation(len(kinds))]
    for number, kind in enumerate(order[:count]):
        first, after = number * lumisections // count, (number + 1) * lumisections // count
        start = first + int(rng.integers((after - first) // 2))
        yield kind, start, min(start + length, after) - 1


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
