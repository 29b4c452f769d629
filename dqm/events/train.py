"""Training the hotline: a network from the first lumisections, its calibration from the later ones."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from conf.settings import HotlineSettings
from dqm.core.bundle_files import TrainingError
from dqm.events.bundle import save
from dqm.events.model import QUANTILES, HotlineModel, PileupTail, live_seconds
from dqm.events.scaling import EventScaling
from streams.arrays import Float32
from streams.records import EventFeatures

LEARN_SHARE = 0.4
"""Of the lumisections, the first: the network learns from these, a fifth of them say when to stop."""
LEARN_MOST = 200_000
"""Events that the network learns from, drawn at random."""
LEAST_EVENTS = 5_000


def train(
    events: Iterable[EventFeatures],
    folder: Path,
    settings: HotlineSettings,
    rng: np.random.Generator,
    progress: Callable[[int], None],
    trained_s: float,
) -> HotlineModel:
    """Learn from lumisections in time order and save to ``folder``; ``progress`` hears how many have been read.

    Most of what happens is not known to be ordinary: anomalies are expected to be too rare to be learned. Raises
    TrainingError for too few events or features that change on the way.
    """
    recorded = []
    for count, batch in enumerate(events, start=1):
        if len(batch.events) > settings.max_events or len(batch.features) > settings.max_features:
            raise TrainingError(
                f"run {batch.key.run} LS {batch.key.ls}: more events or features than hotline.max_... allow"
            )
        if live_seconds(batch.conditions) > 0 and batch.conditions.pileup is not None and len(batch.events):
            recorded.append(batch)
        progress(count)
    return save(fit(recorded, rng, trained_s), folder)


def fit(recorded: list[EventFeatures], rng: np.random.Generator, trained_s: float) -> HotlineModel:
    """Learn from lumisections with events and a pileup, in time order; raises TrainingError."""
    if sum(len(batch.events) for batch in recorded) < LEAST_EVENTS:
        raise TrainingError(f"the hotline needs at least {LEAST_EVENTS} events to learn from")
    features = recorded[0].features
    other = next((batch for batch in recorded if batch.features != features), None)
    if other is not None:
        raise TrainingError(f"run {other.key.run} LS {other.key.ls} has other features than the first lumisection")
    from dqm.networks.training import event_vae  # noqa: PLC0415 - TensorFlow takes seconds to import

    cut = max(1, round(LEARN_SHARE * len(recorded)))
    stop = max(1, round(0.8 * cut))
    scaled = _sample(recorded[:stop], rng)
    scaling = EventScaling.of(scaled)
    held_out = _sample(recorded[stop:cut] or recorded[:stop], rng)
    trained = event_vae.train(scaling(scaled), scaling(held_out), scaling.floor, rng)
    late = recorded[cut:] or recorded
    costs = [trained.costs(scaling(batch.values)) for batch in late]
    pileup = np.concatenate([np.full(len(batch.events), batch.conditions.pileup, dtype=np.float32) for batch in late])
    scores = np.concatenate([cost.sum(axis=1) for cost in costs])
    live_s = sum(live_seconds(batch.conditions) for batch in late)
    return HotlineModel(
        features=features,
        scaling=scaling,
        network=trained,
        tail=PileupTail.of(scores, pileup),
        usual=np.quantile(scaled, QUANTILES, axis=0).T.astype(np.float32),
        mean_costs=(sum(cost.sum(axis=0, dtype=np.float64) for cost in costs) / len(scores)).astype(np.float32),
        events_per_s=len(scores) / live_s,
        trained_s=trained_s,
    )


def _sample(recorded: list[EventFeatures], rng: np.random.Generator) -> Float32:
    values = np.concatenate([batch.values for batch in recorded])
    if len(values) <= LEARN_MOST:
        return values
    return values[rng.choice(len(values), LEARN_MOST, replace=False)]
