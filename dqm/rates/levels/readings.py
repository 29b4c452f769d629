"""Rates of consecutive lumisections as counts, with what they are expected to follow."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from dqm.rates.observed import is_usable
from streams.arrays import Float64, Indices, Mask
from streams.records import LUMISECTION_SECONDS, Conditions, LumisectionKey, TriggerRates

JUMP = 0.03
"""Pileup that differs by more than this share from that of the lumisection before has moved within one of the two: a
ramp, a scan, or a step of levelling. As beams burn it falls by a tenth of that."""


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Of L lumisections in order and n rates.

    ``counts`` (L, n); ``published`` (L, n): whether each was; ``prescales`` (L, n) declared, 1 where unknown, 0:
    switched off. ``versions`` (L, n) of paths, 0: none. ``pileup``, ``luminosity`` (1/pb, recorded) and ``live_s``
    are (L,). ``usable`` (L,): as :func:`dqm.rates.observed.is_usable`; ``moved`` (L,): by what share pileup moved, 0
    where it did not jump. ``columns`` are names of prescale columns; ``runs`` and ``numbers`` (L,) say which
    lumisections these are.
    """

    runs: Indices
    numbers: Indices
    counts: Float64
    published: Mask
    prescales: Float64
    versions: Float64
    pileup: Float64
    luminosity: Float64
    live_s: Float64
    usable: Mask
    moved: Float64
    columns: tuple[str, ...]

    @property
    def judged(self) -> Mask:
        """(L, n): rates that were published and switched on, in usable conditions."""
        rows: Mask = self.published & (self.prescales > 0) & self.usable[:, None]
        return rows

    def only(self, rows: Mask | Indices) -> "Readings":
        """Some of the lumisections."""
        numbers = np.arange(len(self.runs))[rows]
        arrays = {entry.name: getattr(self, entry.name)[rows] for entry in fields(self) if entry.name != "columns"}
        return Readings(**arrays, columns=tuple(self.columns[row] for row in numbers))


def column_of(conditions: Conditions) -> str:
    """How the prescale column is called: by its name, which lasts from menu to menu; by its number if it has none."""
    if conditions.prescale_name is not None:
        return conditions.prescale_name
    return "" if conditions.prescale_index is None else str(conditions.prescale_index)


def read(records: Sequence[TriggerRates], names: Sequence[str]) -> Readings:
    """Records in order, in the order of ``names`` of a menu; what is not among them is left out."""
    n = len(names)
    place = {name: at for at, name in enumerate(names)}
    counts, prescales = np.zeros((len(records), n)), np.ones((len(records), n))
    published, versions = np.zeros((len(records), n), dtype=np.bool_), np.zeros((len(records), n))
    targets: dict[int, tuple[Indices, Indices]] = {}
    for at, record in enumerate(records):
        menu = record.menu
        if id(menu) not in targets:
            both = [(row, place[name]) for row, name in enumerate(menu.names) if name in place]
            pairs = np.array(both, dtype=np.intp).reshape(-1, 2)
            targets[id(menu)] = pairs[:, 0], pairs[:, 1]
        source, target = targets[id(menu)]
        counts[at, target] = np.concatenate([record.l1, record.hlt])[source] * LUMISECTION_SECONDS
        prescales[at, target] = overall_prescales(record)[source]
        published[at, target] = True
        if menu.versions:
            versions[at, target] = np.array(menu.versions, dtype=np.float64)[source]
    keys, conditions = [record.key for record in records], [record.conditions for record in records]
    return of_conditions(keys, conditions, counts, published, prescales, versions)


def overall_prescales(record: TriggerRates) -> Float64:
    """Prescales of seeds and paths, of a path with that of its seed; 1 where nothing is told."""
    before = record.l1_prescales[np.array(record.menu.seed_of, dtype=np.intp)]
    prescales: Float64 = np.concatenate([record.l1_prescales, record.hlt_prescales * before])
    return np.where(np.isnan(prescales), 1.0, prescales)


def of_conditions(
    keys: Sequence[LumisectionKey],
    conditions: Sequence[Conditions],
    counts: Float64,
    published: Mask,
    prescales: Float64,
    versions: Float64,
) -> Readings:
    """Readings under ``conditions``, of lumisections in order."""
    pileup = np.array([condition.pileup or 0.0 for condition in conditions])
    luminosity = np.array([condition.recorded_lumi or 0.0 for condition in conditions])
    delivered = np.array([condition.delivered_lumi or condition.recorded_lumi or 0.0 for condition in conditions])
    live = np.divide(luminosity, delivered, out=np.zeros_like(luminosity), where=delivered > 0)
    usable = np.array([is_usable(condition) for condition in conditions], dtype=np.bool_)
    runs = np.array([key.run for key in keys], dtype=np.intp)
    numbers = np.array([key.ls for key in keys], dtype=np.intp)
    return Readings(
        runs,
        numbers,
        counts,
        published,
        prescales,
        versions,
        pileup,
        luminosity,
        np.clip(live, 0.0, 1.0) * LUMISECTION_SECONDS,
        usable,
        jumps(runs, numbers, pileup),
        tuple(column_of(condition) for condition in conditions),
    )


def jumps(runs: Indices, numbers: Indices, pileup: Float64) -> Float64:
    """The logarithm of pileup (L,) over that of the lumisection right before, without sign; 0 where it did not jump."""
    result = np.zeros(len(runs))
    follows = (runs[1:] == runs[:-1]) & (numbers[1:] == numbers[:-1] + 1)
    moved = np.abs(np.log(np.maximum(pileup[1:], 0.1) / np.maximum(pileup[:-1], 0.1)))
    result[1:] = np.where(follows & (moved > JUMP), moved, 0.0)
    return result
