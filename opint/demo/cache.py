"""The demo's cache: a generated trace with paths as CMS has them, suggestions from its past, accesses as they come.

No agent is trained for the demo: the cache of the agent is S3-FIFO, which an agent is before any training.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from conf.settings import Settings
from opint.caches.publish import as_batches
from opint.caches.what_if import curve_points
from opint.placement.storage import store_agent_lines
from opint.store import caches, suggestions, trials
from opint.store.engine import Store
from rl_cache.kernels.history import FEATURES
from rl_cache.kernels.network import zero_network
from rl_cache.laboratory.agent import Agent
from rl_cache.policies.eviction.scored import Knobs
from rl_cache.traces.directories import directory_of
from rl_cache.traces.generate import hep
from rl_cache.traces.trace import DAY_S, LabelColumn, Trace
from rl_cache.traces.workload import WORKLOADS
from rl_cache.trials.prefetching import datasets_to_fetch, try_prefetching
from rl_cache.trials.proposals import try_rules
from rl_cache.trials.suggestions import judge_trials
from streams.kafka import PARTITIONS, KafkaPublisher

CACHE, RSE = "simulated", "T2_Simulated_Disk"
SCALE, SHARE = 0.02, 0.1
"""Of the workload's full size; of the trace's files that the cache holds."""
LEARNED_DAYS, SHOWN_DAYS, COMING_DAYS = 28, 14, 28
"""Days that suggestions are made from and tried on; days up to now that come quickly; days that come as time goes."""
SECONDS_PER_DAY = 20.0
"""How long a day of the past takes."""
_PER_MESSAGE = 200


def demo_trace(seed: int, now_s: float) -> Trace:
    """A trace whose days LEARNED_DAYS + SHOWN_DAYS end now; dataset and directory follow from each file's path."""
    days = LEARNED_DAYS + SHOWN_DAYS + COMING_DAYS
    generated = hep(replace(WORKLOADS["mixed"], scale=SCALE, days=days), np.random.default_rng([seed, 7]))
    assert generated.dataset is not None and generated.tier is not None  # noqa: PT018, S101 - the generator has both
    tiers = [generated.tier.names[code] for code in generated.tier.code]
    primary = [f"Primary{code:05d}" for code in generated.dataset.code]
    paths = [
        f"/store/mc/Simulated24{tier}/{name}/{tier}/v1-v1/000/{number:06d}.root"
        for number, (name, tier) in enumerate(zip(primary, tiers, strict=True))
    ]
    begin_s = (int(now_s) // DAY_S - LEARNED_DAYS - SHOWN_DAYS) * DAY_S
    return replace(
        generated,
        time_s=generated.time_s - generated.first_day * DAY_S + begin_s,
        file_name=np.array(paths, object),
        dataset=_labels([f"/{name}/Simulated24{tier}-v1-v1/{tier}" for name, tier in zip(primary, tiers, strict=True)]),
        tier=None,
        directory=_labels([directory_of(path) for path in paths]),
    )


def suggest(store: Store, trace: Trace, seed: int, now_s: float) -> None:
    """Make suggestions from the days that are learned from, unless some are stored already."""
    with store.read() as tx:
        if suggestions.tried_through_s(tx, CACHE) is not None:
            return
    past = trace.part(0, trace.row_at(trace.time_s[0] + LEARNED_DAYS * DAY_S))
    agent, capacity = Agent(Knobs(), zero_network(len(FEATURES))), int(SHARE * trace.footprint_bytes)
    rules = try_rules(past, agent, capacity)
    rng = np.random.default_rng(seed)
    judged, prefetching = judge_trials(rules.trials, rng), try_prefetching(past, capacity, rng)
    in_force = [number for number, suggestion in enumerate(judged) if not suggestion.withdrawn]
    with store.begin() as tx:
        suggestions.keep(tx, CACHE, [*judged, *(trial.suggestion for trial in prefetching)], now_s)
        trials.save(tx, CACHE, rules.trials.select(in_force), now_s)
    to_fetch = datasets_to_fetch(past, prefetching, capacity)
    store_agent_lines(store, "simulated", CACHE, RSE, judged, to_fetch, now_s)
    points = curve_points(past, agent, capacity, now_s, lambda _step, _share: None)
    with store.begin() as tx:
        caches.save_curves(tx, CACHE, points)


def publish(settings: Settings, trace: Trace, stop: threading.Event, clock: Callable[[], float] = time.time) -> None:
    """Publish the days after those learned from: those of the past quickly, later ones when they are due."""
    publisher = KafkaPublisher(settings.kafka_of(settings.cache))
    begin_s, first = clock(), trace.row_at(trace.time_s[0] + LEARNED_DAYS * DAY_S)
    later = trace.part(first, len(trace))
    start_s = float(later.time_s[0])
    try:
        publisher.ensure_topic(PARTITIONS)
        for batch in as_batches(later, CACHE, _PER_MESSAGE):
            last_s = batch.accesses[-1].time
            due_s = max(begin_s + (last_s - start_s) / DAY_S * SECONDS_PER_DAY, last_s)
            if stop.wait(max(0.0, due_s - clock())):
                return
            publisher.publish(batch, "application/json")
            publisher.flush()
        stop.wait()
    finally:
        publisher.close()


def _labels(names: list[str]) -> LabelColumn:
    distinct, code = np.unique(names, return_inverse=True)
    return LabelColumn(code.astype(np.int32), tuple(distinct.tolist()))
