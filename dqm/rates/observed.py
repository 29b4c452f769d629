"""Rates as counts beside the luminosity that made them, in the order of the menu that a model knows."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from streams.records import LUMISECTION_SECONDS, Conditions, TriggerMenu, TriggerRates

Float64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]

LEAST_PILEUP = 15.0
"""Below it, in ramps and dumps, rates are not those of collisions alone (arXiv:2010.05531 asks for as much)."""
LEAST_LIVE = 0.5
"""A lumisection that was live for a smaller share of its time says little: what fills it is its beginning or end."""


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """L lumisections of the n seeds and paths of a menu, in the order of ``menu.names``.

    ``counts`` (L, n) are events, ``exposure`` (L, n) is recorded luminosity over all prescales before it, in 1/pb, and
    0 for what is off. ``prescale`` (L, n) is one in so many, 0: off. ``came`` (L, n): published. ``pileup`` (L,).
    ``usable`` (L,): conditions are those in which rates can be judged. ``column`` (L,) is the prescale index, -1 where
    there is none.
    """

    counts: Float64
    exposure: Float64
    prescale: Float64
    came: Rows
    pileup: Float64
    usable: Rows
    column: npt.NDArray[np.intp]

    def only(self, rows: Rows | npt.NDArray[np.intp]) -> "Observed":
        """Some of the lumisections."""
        return Observed(*(getattr(self, one.name)[rows] for one in fields(self)))

    @property
    def judged(self) -> Rows:
        """(L, n): what came, was switched on, and in usable conditions."""
        rows: Rows = self.came & (self.exposure > 0) & self.usable[:, None]
        return rows


def observed(records: Sequence[TriggerRates], menu: TriggerMenu) -> Observed:
    """Bring ``records``, which may have other menus, into the order of ``menu``."""
    n = len(menu.names)
    rates, prescale = np.zeros((len(records), n)), np.zeros((len(records), n))
    came = np.zeros((len(records), n), dtype=np.bool_)
    for at, record in enumerate(records):
        source, target = places(record.menu, menu)
        before = record.l1_prescales[np.array(record.menu.seed_of, dtype=np.intp)]
        rates[at, target] = np.concatenate([record.l1, record.hlt])[source]
        prescale[at, target] = np.concatenate([record.l1_prescales, record.hlt_prescales * before])[source]
        came[at, target] = True
    conditions = [record.conditions for record in records]
    lumi = np.array([one.recorded_lumi or 0.0 for one in conditions])
    exposure = np.divide(lumi[:, None], prescale, out=np.zeros_like(prescale), where=prescale > 0)
    pileup = np.array([one.pileup or 0.0 for one in conditions])
    usable = np.array([is_usable(one) for one in conditions], dtype=np.bool_)
    column = np.array([-1 if one.prescale_index is None else one.prescale_index for one in conditions], dtype=np.intp)
    return Observed(rates * LUMISECTION_SECONDS, np.maximum(exposure, 0.0), prescale, came, pileup, usable, column)


def joined(parts: Sequence[Observed]) -> Observed:
    """The lumisections of all ``parts``, one after the other."""
    return Observed(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Observed)))


def is_usable(conditions: Conditions) -> bool:
    """Whether rates can be judged: beams not known to be unstable, pileup and luminosity known and sufficient."""
    delivered, recorded, pileup = conditions.delivered_lumi, conditions.recorded_lumi, conditions.pileup
    if conditions.beams_stable is False or pileup is None or recorded is None:
        return False
    live = recorded / delivered if delivered else 1.0
    return pileup >= LEAST_PILEUP and recorded > 0 and live >= LEAST_LIVE


def places(source: TriggerMenu, target: TriggerMenu) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Places in ``source`` of names that ``target`` has too, and their places there."""
    if source is target or source == target:
        rows = np.arange(len(target.names))
        return rows, rows
    place = {name: at for at, name in enumerate(target.names)}
    both = [(at, place[name]) for at, name in enumerate(source.names) if name in place]
    pairs = np.array(both, dtype=np.intp).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
