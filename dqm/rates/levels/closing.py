"""Closing a lumisection of rates that are judged one by one: by the levels before it and the lumisections since.

The walk begins anew at each lumisection, from levels that are stored. So a verdict is a function of these and of the
few lumisections between, in whatever order they came.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from conf.settings import DqmSettings
from dqm.arrays import Float64, Indices, Mask, UInt8
from dqm.core import closing_evidence
from dqm.core.combination import of_elements
from dqm.core.digests import EMPTY
from dqm.core.quality import Evidence, Quality, Reason
from dqm.core.state import Bands, EarlierRates, LumisectionState, SubsystemScores, SubsystemVerdict
from dqm.core.verdicts import QUALITY, Content, History, expected_parts, repeating
from dqm.rates.levels.evidence import evidence
from dqm.rates.levels.level import WIDEST, Track, walk
from dqm.rates.levels.model import LevelModel, Limits, p_of_sums
from dqm.rates.levels.readings import Readings, of_conditions
from dqm.rates.levels.state import STRETCH, Levels
from dqm.rates.result import SUBSYSTEM
from dqm.statistics.multiple_testing import discovery_threshold
from dqm.statistics.variance_stabilised import reached, two_sided
from streams.records import LUMISECTION_SECONDS

EDGE = 2.576
"""Standard deviations of a normal distribution that hold 99 %."""
_MOST_TRACKS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """The ``levels`` before the first lumisection of stretch ``since`` of a run."""

    levels: Levels
    since: int


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Of the n rates of a model in one lumisection.

    ``expected`` counts with ``spread`` beside counting noise; ``pulls`` and ``large`` (n, sums) as in
    :class:`dqm.rates.levels.level.Walk`; ``steady``: conditions did not move; ``known`` (n,): the level is;
    ``came_before`` (n,): published in this run already.
    """

    counts: Float64
    expected: Float64
    spread: Float64
    pulls: Float64
    large: Float64
    steady: bool
    known: Mask
    came_before: Mask


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
) -> Judgement:
    """What the ``current`` lumisection looks like after the ``earlier`` ones of its run, in order."""
    readings, curve = readings_of([*earlier, current], model.menu.names)
    last = len(readings.runs) - 1
    column, run = readings.columns[last], int(readings.runs[last])
    since = readings.numbers // STRETCH >= before.since
    rows = np.flatnonzero(since & np.array([name == column for name in readings.columns], dtype=np.bool_))
    part, own_curve = readings.only(rows), curve[rows]
    # A path of another version is another path, of which this one's level says nothing.
    versions = np.where(part.came[-1], part.versions[-1], 0.0)
    use = part.judged & model.quadratic.known & (part.versions == part.versions[-1])
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
    came_before: Mask = np.asarray(readings.came[:last].any(axis=0), dtype=np.bool_)
    of_level = np.sqrt(np.maximum(wide**2 - model.spread**2 - part.moved[-1] ** 2, 0.0))
    return Judgement(
        readings.counts[last],
        curve[last] * through.factor[-1],
        wide,
        through.pulls[-1],
        through.large[-1],
        bool(part.moved[-1] == 0),
        model.judged & (of_level <= WIDEST),
        came_before,
    )


def close(
    state: LumisectionState,
    history: History,
    model: LevelModel,
    limits: Limits,
    before: Before,
    tracks: Tracks,
    settings: DqmSettings,
    now_s: float,
    because: str,
) -> LumisectionState:
    """The state with verdicts, closed at ``now_s``; closing it again is a revision."""
    parts = expected_parts(state, {SUBSYSTEM: model.menu.catalogue})
    verdicts = {}
    for name, part in parts.items():
        contents = history.get(name, ())
        if name == SUBSYSTEM and part.bands is not None:
            parts[name], verdicts[name] = _judged(state, part, contents, model, limits, before, tracks, settings)
        else:
            reasons = np.full(len(part.present), Reason.NO_MODEL, dtype=np.uint8)
            verdicts[name] = SubsystemVerdict(Quality.NOT_INSPECTED, float("nan"), QUALITY[reasons], reasons)
    return state.closed(parts, verdicts, now_s, because)


def _judged(
    state: LumisectionState,
    part: SubsystemScores,
    contents: Sequence[Content],
    model: LevelModel,
    limits: Limits,
    before: Before,
    tracks: Tracks,
    settings: DqmSettings,
) -> tuple[SubsystemScores, SubsystemVerdict]:
    assert part.bands is not None  # noqa: S101 - asked by the caller
    earlier = [content.rates for content in contents if content.rates is not None]
    of_run = [rates for rates in earlier if rates.key.run == state.key.run]
    current = EarlierRates(state.key, state.conditions, part.catalogue.names, part.bands)
    made = judgement(model, before, of_run, current, tracks)
    rows = np.array([part.catalogue.index[name] for name in model.menu.names], dtype=np.intp)
    candidates = part.present[rows] & (part.reasons[rows] == Reason.CONSISTENT)
    inspected = candidates & made.known & ~np.isnan(made.pulls[:, 0])
    p_sums = np.where(inspected, p_of_sums(made.pulls), np.nan)
    p_alone = np.where(inspected, two_sided(made.pulls[:, 0]), np.nan)
    with np.errstate(invalid="ignore"):
        certain = p_alone <= limits.record
        moved = (p_sums <= limits.moved) | (p_of_sums(made.large) <= limits.large) | certain
        suspect = p_sums <= discovery_threshold(p_sums.astype(np.float32), settings.false_discovery_rate)
    of_model = part.reasons[rows].copy()
    of_model[candidates & ~inspected] = Reason.NO_MODEL
    of_model[inspected & suspect] = Reason.SUSPECT
    if not made.steady:
        # In bands this wide nothing is called good.
        of_model[candidates] = Reason.CONDITIONS_MOVED
    of_model[inspected & moved] = Reason.PATH_MOVED
    unstable = settings.require_stable_beams and state.conditions.beams_stable is False
    absent = np.where(made.came_before, Reason.MISSING, Reason.NOT_IN_MENU)
    of_model = np.where(part.present[rows], of_model, Reason.NO_STABLE_BEAMS if unstable else absent)
    reasons = part.reasons.copy()
    reasons[rows] = of_model
    frozen = _frozen(part, contents, settings, reasons)
    reasons[frozen] = Reason.FROZEN
    closed = _with_results(part, rows, made, np.fmin(p_sums, p_alone), inspected)
    closed = replace(closed, evidence=_evidence(state, closed, rows, made, of_model, settings))
    closed = closing_evidence.add_frozen(closed, frozen, state.model_version, settings.evidence_per_lumisection)
    groups = {part.catalogue.elements[row].group for row in rows[certain & (reasons[rows] == Reason.PATH_MOVED)]}
    p_value = float(of_elements(np.where(closed.present, closed.p_values, np.float32(np.nan))))
    qualities = QUALITY[reasons]
    worst = Quality(int(qualities.max())) if len(qualities) else Quality.NOT_INSPECTED
    return closed, SubsystemVerdict(worst, p_value, qualities, reasons, frozenset(groups))


def _frozen(part: SubsystemScores, contents: Sequence[Content], settings: DqmSettings, reasons: UInt8) -> Mask:
    rows: Mask = part.present & (part.digests != np.uint64(EMPTY)) & (QUALITY[reasons] != Quality.NOT_INSPECTED)
    latest = list(contents)[-(settings.frozen_after - 1) :]
    return repeating(rows, part, latest, settings.frozen_after)


def _with_results(
    part: SubsystemScores, rows: Indices, made: Judgement, p_values: Float64, inspected: Mask
) -> SubsystemScores:
    """The part with p-values, scores and the bands about the followed level."""
    assert part.bands is not None  # noqa: S101 - asked by the caller
    wide_p = np.full(len(part.present), np.nan, dtype=np.float32)
    wide_p[rows] = p_values
    largest = np.where(np.isnan(made.pulls), 0.0, np.abs(made.pulls)).max(axis=1)
    scores = np.full((1, len(part.present)), np.nan, dtype=np.float32)
    scores[0, rows] = np.where(inspected, largest, np.nan)
    bands = part.bands.as_array().copy()
    low, high = (reached(made.expected, made.spread, np.full(len(rows), side * EDGE)) for side in (-1.0, 1.0))
    for place, counts in ((1, made.expected), (2, low), (3, high)):
        bands[place, rows] = np.where(inspected, counts / LUMISECTION_SECONDS, np.nan)
    return replace(part, p_values=wide_p, scores=scores, bands=Bands.from_array(bands))


def _evidence(
    state: LumisectionState,
    part: SubsystemScores,
    rows: Indices,
    made: Judgement,
    reasons: UInt8,
    settings: DqmSettings,
) -> Mapping[str, Evidence]:
    """Evidence on what moved and what is suspect, the least likely first, up to the settings' limit."""
    unlikely = np.flatnonzero(np.isin(reasons, (Reason.PATH_MOVED, Reason.SUSPECT)))
    ordered = unlikely[np.argsort(part.p_values[rows[unlikely]], kind="stable")]
    return {
        part.catalogue.names[rows[at]]: evidence(state, part, int(rows[at]), Reason(int(reasons[at])), made.pulls[at])
        for at in ordered[: settings.evidence_per_lumisection].tolist()
    }
