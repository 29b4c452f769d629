"""A trained hotline: how much it costs to explain an event, how surprising that is, and what is unusual about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from conf.errors import NightshiftError
from dqm.events.level import Ladder
from dqm.events.scaling import EventScaling
from dqm.networks.event_vae import EventVae
from dqm.statistics.conformal import ConformalTable
from streams.arrays import Float32, Float64
from streams.records import LUMISECTION_SECONDS, Conditions, EventFeatures

BANDS = 4


@dataclass(frozen=True, slots=True, eq=False)
class PileupTail:
    """``pileup`` (bands,) rises: the middle of each band, which has the table of the same place."""

    pileup: Float64
    tables: tuple[ConformalTable, ...]

    @classmethod
    def of(cls, scores: Float32, pileup: Float32) -> "PileupTail":
        """From calibration scores (n,) and the pileup (n,) of their lumisections; ValueError for none."""
        order = np.argsort(pileup, kind="stable")
        parts = [part for part in np.array_split(order, BANDS) if len(part)]
        middles = np.array([float(np.median(pileup[part])) for part in parts])
        # Pileup that hardly varies makes bands with one middle; one of them is enough.
        distinct = [0, *(1 + np.flatnonzero(np.diff(middles) > 0))]
        return cls(middles[distinct], tuple(ConformalTable.of(scores[parts[at]]) for at in distinct))

    def surprise(self, scores: Float32, pileup: float | None) -> Float32:
        """-log of the tail probabilities of ``scores`` (n,); at the middle of what is known without a pileup."""
        at = float(np.median(self.pileup)) if pileup is None else pileup
        place = float(np.interp(at, self.pileup, np.arange(len(self.pileup))))
        below = int(place)
        weight = np.float32(place - below)
        first = self._surprise(below, scores)
        if not weight:
            return first
        second = self._surprise(below + 1, scores)
        between: Float32 = (1 - weight) * first + weight * second
        return between

    def _surprise(self, band: int, scores: Float32) -> Float32:
        surprise: Float32 = np.negative(np.log(self.tables[band].p_values(scores)))
        return surprise


@dataclass(frozen=True, slots=True)
class Unusual:
    """One feature of an event.

    Attributes:
        feature: its name, with the unit.
        value: what the event has.
        cost: what the network pays for it beyond the mean event, in nats.
        low: end of the central 95 % of training events.
        high: the other end.
        below: share of training events with a smaller value.
    """

    feature: str
    value: float
    cost: float
    low: float
    high: float
    below: float


def live_seconds(at: Conditions) -> float:
    """Time of the lumisection in which data were recorded, s.

    All of it where luminosity is not known; 0 without any, and while beams are not stable.
    """
    if at.beams_stable is False:
        return 0.0
    if at.delivered_lumi is None or at.recorded_lumi is None:
        return LUMISECTION_SECONDS
    if at.delivered_lumi <= 0:
        return 0.0
    return LUMISECTION_SECONDS * min(max(at.recorded_lumi / at.delivered_lumi, 0.0), 1.0)


PRIOR_S = 600.0
"""Live time that calibration weighs as much as, before anything was seen."""


class FeatureError(NightshiftError):
    """The features of events are not those that the model was trained on."""


@dataclass(frozen=True, eq=False)
class HotlineModel:
    """All that was learned.

    ``usual`` (f, 9) are quantiles of each feature, ``mean_costs`` (f,) those of calibration events;
    ``events_per_s`` is the rate of training events in live time. ``version`` is empty if it was never saved.
    """

    features: tuple[str, ...]
    scaling: EventScaling
    network: EventVae
    tail: PileupTail
    usual: Float32
    mean_costs: Float32
    events_per_s: float
    trained_s: float
    version: str = ""

    def require(self, events: EventFeatures) -> None:
        """Raises FeatureError unless these features are those of training, in the same order."""
        if events.features == self.features:
            return
        differing = sorted(set(events.features) ^ set(self.features)) or ["their order"]
        raise FeatureError(f"features differ from those of the hotline's model: {', '.join(differing[:5])}")

    def costs(self, values: Float32) -> Float32:
        """Of each feature (n, f), for events ``values`` (n, f)."""
        return self.network.costs(self.scaling(values))

    @cached_property
    def start(self) -> Ladder:
        """The ladder of a hotline that has seen nothing yet."""
        return Ladder.expected(self.events_per_s, PRIOR_S)


@dataclass(frozen=True, slots=True)
class SelectedEvent:
    """An event that is kept, and why: ``surprise`` is -log of its calibrated tail probability.

    ``once_in_hours`` says how rare events of its surprise have been of late, in hours of live time.
    """

    event: int
    score: float
    surprise: float
    once_in_hours: float
    values: tuple[float, ...]
    unusual: tuple[Unusual, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Events of one message with the ``costs`` (n, f) and ``surprise`` (n,) of each, and their live time in s."""

    events: EventFeatures
    costs: Float32
    surprise: Float32
    live_s: float


@dataclass(frozen=True, slots=True)
class Judged:
    """Events of one message: those kept, the level that decided, and the ladder after them."""

    kept_events: tuple[SelectedEvent, ...]
    level: float
    ladder: Ladder


def score(model: HotlineModel, events: EventFeatures) -> Scored:
    """What the model says of events, whatever came before them; raises FeatureError."""
    model.require(events)
    live_s = live_seconds(events.conditions)
    # Where nothing was recorded there is no rate that could be held.
    values = events.values if live_s > 0 else events.values[:0]
    costs = model.costs(values)
    return Scored(events, costs, model.tail.surprise(costs.sum(axis=1), events.conditions.pileup), live_s)


def judge(model: HotlineModel, ladder: Ladder, scored: Scored, per_hour: float) -> Judged:
    """Keep the events above the level of ``ladder``, then count them all."""
    level, events = ladder.level(per_hour), scored.events
    kept_events = tuple(
        SelectedEvent(
            int(events.events[at]),
            float(scored.costs[at].sum()),
            float(scored.surprise[at]),
            ladder.once_in_hours(float(scored.surprise[at])),
            tuple(float(value) for value in events.values[at]),
            unusual(model.features, events.values[at], scored.costs[at] - model.mean_costs, model.usual),
        )
        for at in np.flatnonzero(scored.surprise > level)
    )
    return Judged(
        kept_events, level, ladder.after(events.key, scored.surprise, scored.live_s, len(kept_events), per_hour)
    )


MOST = 4
QUANTILES = np.array([0.0, 0.005, 0.025, 0.16, 0.5, 0.84, 0.975, 0.995, 1.0])
"""Of the training events, kept of each feature."""
CENTRAL_95 = [2, 6]
"""Places in QUANTILES of the ends of a feature's usual range."""


def unusual(features: Sequence[str], values: Float32, costs: Float32, usual: Float32) -> tuple[Unusual, ...]:
    """The features of an event with ``values`` (f,) that cost most, at most four, the dearest first.

    ``costs`` (f,) are those of the event less the mean ones, ``usual`` (f, 9) the features' :data:`QUANTILES`. A
    feature that costs no more than it usually does is not named.
    """
    order = [int(at) for at in np.argsort(-costs, kind="stable")[:MOST] if costs[at] > 0]
    return tuple(
        Unusual(
            features[at],
            float(values[at]),
            float(costs[at]),
            float(usual[at, CENTRAL_95[0]]),
            float(usual[at, CENTRAL_95[1]]),
            _below(float(values[at]), usual[at]),
        )
        for at in order
    )


def _below(value: float, quantiles: Float32) -> float:
    """Share of training events with a smaller value; of equal quantiles the first counts, for many values are whole."""
    different, first = np.unique(quantiles, return_index=True)
    return float(np.interp(value, different, QUANTILES[first]))
