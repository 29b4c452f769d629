"""A store with kept events of a simulated stream, and the hours in which they were kept."""

import numpy as np

from dqm.events.level import Ladder
from dqm.events.model import CENTRAL_95, QUANTILES, SelectedEvent, unusual
from dqm.simulate.events import FEATURES, NAMES, Drift, simulate
from opint.store import hotline, models
from opint.store.heartbeats import Heartbeat, beat
from opint.store.hotline import EventCount
from streams.records import Conditions, EventFeatures, LumisectionKey

RUN = 386000
MODEL = "f" * 64
DATASET = "/SingleLepton/Simulated-v1/RAW"
START_S = 1_725_000_000.0
HOURS = 70
RARE = ("a-to-4l", "lq-to-btau", "h0-to-tautau", "h+-to-taunu")


def now_s():
    """Just after the last hour."""
    return START_S + HOURS * 3600.0


def one_more(store, number, at_s, dataset=DATASET):
    """Keep one more event."""
    rng = np.random.default_rng([5, number])
    usual = np.quantile(_events("w", 4000, rng), QUANTILES, axis=0).T.astype(np.float32)
    result = _events(RARE[number % len(RARE)], 300, rng)
    spread = usual[:, 6] - usual[:, 2] + 0.5
    away = np.square((result - usual[:, 4]) / spread).astype(np.float32) - 0.3
    strangest = int(np.argmax(away.sum(axis=1)))
    values, costs = result[strangest], away[strangest]
    hours = float(0.34 * (1 + rng.pareto(1.0)))
    key = LumisectionKey(RUN, number + 1)
    at = Conditions(10144, "Run2024I", pileup=45.0, delivered_lumi=0.42, recorded_lumi=0.40, beams_stable=True)
    events = EventFeatures(key, dataset, at, FEATURES, np.array([7_000_000 + number]), values[None])
    selected = SelectedEvent(
        7_000_000 + number,
        float(costs.sum()),
        9.0 + float(np.log(hours)),
        hours,
        tuple(values.tolist()),
        unusual(FEATURES, values, costs, usual),
    )
    with store.begin() as tx:
        hotline.keep(
            tx, events, [selected], dict(zip(FEATURES, usual[:, CENTRAL_95].tolist(), strict=True)), MODEL, at_s
        )


def fill(store, number=24):
    """Make the tables and put everything in; two events have been looked at."""
    store.upgrade()
    for at in range(number):
        one_more(store, at, START_S + (at + 1) / number * HOURS * 3600.0)
    rng = np.random.default_rng(7)
    with store.begin() as tx:
        for hour in range(HOURS):
            counted = EventCount(3600.0, 36_000, int(rng.poisson(3)))
            hotline.count(tx, DATASET, MODEL, [counted], START_S + 3600.0 * hour)
        hotline.ladder(tx, DATASET, MODEL, Ladder.expected(10.0, 12 * 3600.0), now_s())
        models.record(tx, MODEL, "hotline", "models/hotline", {}, START_S)
        beat(tx, Heartbeat("cr01:4711:events", START_S, now_s() - 3.0, "running"))
        hotline.mark(tx, number, "interesting", "Ada", "two muon pairs of one mass", now_s() - 600)
        hotline.mark(tx, number - 1, "detector", "Ben", "", now_s() - 300)


def _events(process, count, rng):
    kinds = np.full(count, NAMES.index(process), dtype=np.int8)
    return simulate(kinds, 45.0, Drift(), rng)
