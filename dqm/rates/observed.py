"""Rates as counts beside the luminosity that made them, in the order of the menu that a model knows.

Their drift is carried from run to run: a run is judged with what the runs before it left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import groupby

import numpy as np

from dqm.core.drift import Residuals, initial_centre, is_sampled, updated_centre
from dqm.rates.curves import Curves
from streams.arrays import Float32, Float64, Indices, Mask
from streams.records import LUMISECTION_SECONDS, Conditions, LumisectionKey, TriggerMenu, TriggerRates

LEAST_PILEUP = 15.0
"""Below it, in ramps and dumps, rates are not those of collisions alone (arXiv:2010.05531 asks for as much)."""
LEAST_LIVE = 0.5
"""A lumisection that was live for a smaller share of its time says little: what fills it is its beginning or end."""


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """L lumisections of the n seeds and paths of a menu, in the order of ``menu.names``.

    ``counts`` (L, n) are events, ``exposure`` (L, n) is recorded luminosity over all prescales before it, in 1/pb, and
    0 for what is off. ``prescale`` (L, n) is one in so many, 0: off. ``published`` (L, n) says which were published.
    ``pileup`` (L,). ``usable`` (L,): conditions are those in which rates can be judged. ``column`` (L,) is the prescale
    index, -1 where there is none.
    """

    counts: Float64
    exposure: Float64
    prescale: Float64
    published: Mask
    pileup: Float64
    usable: Mask
    column: Indices

    def only(self, rows: Mask | Indices) -> "Observed":
        """Some of the lumisections."""
        return Observed(*(getattr(self, entry.name)[rows] for entry in fields(self)))

    @property
    def judged(self) -> Mask:
        """(L, n): rates that were published and switched on, in usable conditions."""
        rows: Mask = self.published & (self.exposure > 0) & self.usable[:, None]
        return rows


def observed(records: Sequence[TriggerRates], menu: TriggerMenu) -> Observed:
    """Bring ``records``, which may have other menus, into the order of ``menu``."""
    n = len(menu.names)
    rates, prescale = np.zeros((len(records), n)), np.zeros((len(records), n))
    published = np.zeros((len(records), n), dtype=np.bool_)
    for at, record in enumerate(records):
        source, target = places(record.menu, menu)
        before = record.l1_prescales[np.array(record.menu.seed_of, dtype=np.intp)]
        rates[at, target] = np.concatenate([record.l1, record.hlt])[source]
        prescale[at, target] = np.concatenate([record.l1_prescales, record.hlt_prescales * before])[source]
        published[at, target] = True
    conditions = [record.conditions for record in records]
    lumi = np.array([condition.recorded_lumi or 0.0 for condition in conditions])
    exposure = np.divide(lumi[:, None], prescale, out=np.zeros_like(prescale), where=prescale > 0)
    pileup = np.array([condition.pileup or 0.0 for condition in conditions])
    usable = np.array([is_usable(condition) for condition in conditions], dtype=np.bool_)
    column = np.array(
        [-1 if condition.prescale_index is None else condition.prescale_index for condition in conditions],
        dtype=np.intp,
    )
    return Observed(rates * LUMISECTION_SECONDS, np.maximum(exposure, 0.0), prescale, published, pileup, usable, column)


def joined(parts: Sequence[Observed]) -> Observed:
    """The lumisections of all ``parts``, one after the other."""
    return Observed(*(np.concatenate([getattr(part, entry.name) for part in parts]) for entry in fields(Observed)))


def unusable_reason(conditions: Conditions) -> str:
    """Why rates cannot be judged; empty if beams are not known to be unstable, and pileup and luminosity suffice."""
    delivered, recorded, pileup = conditions.delivered_lumi, conditions.recorded_lumi, conditions.pileup
    if conditions.beams_stable is False:
        return "no stable beams"
    if pileup is None:
        return "pileup is not told"
    if recorded is None:
        return "recorded_lumi is not told"
    if pileup < LEAST_PILEUP:
        return f"pileup below {LEAST_PILEUP:g}"
    if recorded <= 0:
        return "nothing recorded"
    return "mostly dead time" if delivered and recorded < LEAST_LIVE * delivered else ""


def is_usable(conditions: Conditions) -> bool:
    """Whether rates can be judged; see :func:`unusable_reason`."""
    return not unusable_reason(conditions)


def places(source: TriggerMenu, target: TriggerMenu) -> tuple[Indices, Indices]:
    """Places in ``source`` of names that ``target`` has too, and their places there."""
    if source is target or source == target:
        rows = np.arange(len(target.names))
        return rows, rows
    place = {name: at for at, name in enumerate(target.names)}
    both = [(at, place[name]) for at, name in enumerate(source.names) if name in place]
    pairs = np.array(both, dtype=np.intp).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


NUMBERS = 1
"""Of each seed and path that the centre follows: how far its rate has drifted, as a share of the curve of training."""
FARTHEST = 3.0
"""A rate is taken to have drifted no farther than this."""


def centre_residuals(curves: Curves, observations: Observed, at: int, p_values: Float32) -> Residuals:
    """What one lumisection leaves: ``p_values`` (n,) of each rate, NaN: not judged."""
    lumisection = observations.only(np.array([at], dtype=np.intp))
    away = lumisection.counts / np.maximum(curves.at_training(lumisection.exposure, lumisection.pileup), 1e-9) - 1
    residuals = np.where(np.isfinite(p_values), np.clip(away, -1.0, FARTHEST), np.nan)
    residual: Float32 = residuals.T.astype(np.float32)
    return Residuals.of(residual, np.zeros_like(residual), float(curves.standardised(lumisection.pileup)[0]), p_values)


def carried(curves: Curves, observations: Observed, keys: Sequence[LumisectionKey]) -> Iterator[tuple[slice, Curves]]:
    """The runs of good lumisections in order, each with the curves that those before have moved."""
    shift = initial_centre(len(curves.is_fitted), NUMBERS)
    start = 0
    for _, of_run in groupby(keys, lambda key: key.run):
        rows = slice(start, start + len(list(of_run)))
        yield rows, curves.moved(shift[..., 0])
        sums = Residuals.nothing(len(curves.is_fitted), NUMBERS)
        for at in range(rows.start, rows.stop):
            if is_sampled(keys[at]):
                good = np.where(observations.judged[at] & curves.is_fitted, 1.0, np.nan).astype(np.float32)
                sums += centre_residuals(curves, observations, at, good)
        shift = updated_centre(shift, sums)
        start = rows.stop
