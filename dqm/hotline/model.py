"""A trained hotline: how much it costs to explain an event, how surprising that is, and what is unusual."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from conf.errors import NightshiftError
from dqm.hotline.level import Ladder
from dqm.hotline.live import live_seconds
from dqm.hotline.scaling import Scaling
from dqm.hotline.tail import PileupTail
from dqm.hotline.unusual import Unusual, unusual
from dqm.networks.event_vae import EventVae
from streams.records import EventFeatures

Float32 = npt.NDArray[np.float32]

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
    scaling: Scaling
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
class Kept:
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

    kept: tuple[Kept, ...]
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
    kept = tuple(
        Kept(
            int(events.events[at]),
            float(scored.costs[at].sum()),
            float(scored.surprise[at]),
            ladder.once_in_hours(float(scored.surprise[at])),
            tuple(float(one) for one in events.values[at]),
            unusual(model.features, events.values[at], scored.costs[at] - model.mean_costs, model.usual),
        )
        for at in np.flatnonzero(scored.surprise > level)
    )
    return Judged(kept, level, ladder.after(events.key, scored.surprise, scored.live_s, len(kept), per_hour))
