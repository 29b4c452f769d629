"""What a lumisection of rates that are judged one by one looks like, by the levels before it and those since.

The walk begins anew at each lumisection, from levels that are stored. So a verdict is a function of these and of the
few lumisections between, in whatever order they came.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dqm.core.state import EarlierRates
from dqm.rates.levels.level import WIDEST, Track, walk
from dqm.rates.levels.model import LevelModel
from dqm.rates.levels.readings import Readings, of_conditions
from dqm.rates.levels.state import STRETCH, Levels
from streams.arrays import Float64, Indices, Mask
from streams.records import LUMISECTION_SECONDS

_MOST_TRACKS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """The ``levels`` before the first lumisection of stretch ``since`` of a run."""

    levels: Levels
    since: int


@dataclass(frozen=True, slots=True, eq=False)
class RateJudgement:
    """Of the n rates of a model in one lumisection.

    ``expected`` counts with ``spread`` beside counting noise; ``pulls`` and ``large`` (n, sums) as in
    :class:`dqm.rates.levels.level.Walk`; ``steady``: conditions did not move; ``has_level`` (n,): the level is known;
    ``published_before`` (n,): published in this run already; ``off`` (n,): for how many lumisections in a row it was
    too far off to be learned.
    """

    counts: Float64
    expected: Float64
    spread: Float64
    pulls: Float64
    large: Float64
    steady: bool
    has_level: Mask
    published_before: Mask
    off: Indices


def readings_of(rates: Sequence[EarlierRates], names: tuple[str, ...]) -> tuple[Readings, Float64]:
    """Readings in the order of ``names``, and the counts (L, n) that the curve makes one expect."""
    shape = len(rates), len(names)
    values = np.full((4, *shape), np.nan)
    for menu in dict.fromkeys(part.names for part in rates):
        source, target = _places(menu, names)
        rows = [at for at, part in enumerate(rates) if part.names == menu]
        bands = [rates[at].bands for at in rows]
        stacked = np.array([[of.observed, of.curve, of.prescale, of.version] for of in bands], dtype=np.float64)
        values[:, np.array(rows)[:, None], target] = stacked[..., source].transpose(1, 0, 2)
    observed, curve, prescales, versions = values
    keys, conditions = [part.key for part in rates], [part.conditions for part in rates]
    readings = of_conditions(
        keys,
        conditions,
        np.nan_to_num(observed) * LUMISECTION_SECONDS,
        np.isfinite(observed),
        np.where(np.isnan(prescales), 1.0, prescales),
        np.nan_to_num(versions),
    )
    return readings, np.nan_to_num(curve) * LUMISECTION_SECONDS


@lru_cache(maxsize=64)
def _places(source: tuple[str, ...], target: tuple[str, ...]) -> tuple[Indices, Indices]:
    """Places of the names that both have, in either."""
    place = {name: at for at, name in enumerate(target)}
    both = np.array([(at, place[name]) for at, name in enumerate(source) if name in place], dtype=np.intp)
    first, second = both.reshape(-1, 2).T
    return first, second


class Tracks:
    """Walks through the lumisections before, kept until the next one comes, so that each takes one step.

    They are functions of what was walked through: one is used only if that is the same, number by number.
    """

    def __init__(self) -> None:
        """Nothing was walked through yet."""
        self._kept: OrderedDict[object, tuple[bytes, Track]] = OrderedDict()

    def before(self, place: object, content: bytes) -> Track | None:
        """The track after ``content`` at a ``place``, None if another one is kept there."""
        entry = self._kept.get(place)
        return entry[1] if entry is not None and entry[0] == content else None

    def keep(self, place: object, content: bytes, track: Track) -> None:
        """Keep it for the next lumisection."""
        self._kept[place] = content, track
        self._kept.move_to_end(place)
        while len(self._kept) > _MOST_TRACKS:
            self._kept.popitem(last=False)


def judgement(
    model: LevelModel, before: Before, earlier: Sequence[EarlierRates], current: EarlierRates, tracks: Tracks
) -> RateJudgement:
    """What the ``current`` lumisection looks like after the ``earlier`` ones of its run, in order."""
    readings, curve = readings_of([*earlier, current], model.menu.names)
    last = len(readings.runs) - 1
    column, run = readings.columns[last], int(readings.runs[last])
    since = readings.numbers // STRETCH >= before.since
    rows = np.flatnonzero(since & np.array([name == column for name in readings.columns], dtype=np.bool_))
    part, own_curve = readings.only(rows), curve[rows]
    # A path of another version is another path, of which this one's level says nothing.
    versions = np.where(part.published[-1], part.versions[-1], 0.0)
    use = part.judged & model.quadratic.is_fitted & (part.versions == part.versions[-1])
    level = before.levels.before(model.quadratic, column, run, versions)
    place = (level.tobytes(), run, column)

    def content(end: int) -> bytes:
        arrays = part.numbers, part.counts, own_curve, use, part.pileup, part.moved
        return b"".join(array[:end].tobytes() for array in arrays)

    track, begin = tracks.before(place, content(len(rows) - 1)), len(rows) - 1
    if track is None:
        track, begin = Track.begin(level), 0
    conditions = part.numbers[begin:], part.pileup[begin:], part.moved[begin:]
    through = walk(track, part.counts[begin:], own_curve[begin:], use[begin:], conditions, model.spread)
    tracks.keep(place, content(len(rows)), through.track)
    wide = through.spread[-1]
    published_before: Mask = np.asarray(readings.published[:last].any(axis=0), dtype=np.bool_)
    of_level = np.sqrt(np.maximum(wide**2 - model.spread**2 - part.moved[-1] ** 2, 0.0))
    return RateJudgement(
        readings.counts[last],
        curve[last] * through.factor[-1],
        wide,
        through.pulls[-1],
        through.large[-1],
        bool(part.moved[-1] == 0),
        model.judged & (of_level <= WIDEST),
        published_before,
        through.track.off,
    )
