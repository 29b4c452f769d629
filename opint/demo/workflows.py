"""The demo's failing workflows: emulated ones that failed in the past day, and more as time goes.

No model is trained for the demo, so that the rules of the recovery table suggest.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np

from conf.settings import Settings
from opint.actions.simulation.history import simulate_history
from streams.kafka import PARTITIONS, KafkaPublisher
from streams.workflows import FailureReport, WorkflowFailures

FAILED, COMING = 120, 960
"""Workflows that have failed when the demo starts, and that fail later."""
WEEKS = 1
"""Weeks of the emulation over which all of them are spread, so that those of the start fill most of a day."""
SECONDS_PER_WORKFLOW = 15.0


def emulated(seed: int, now_s: float) -> list[WorkflowFailures]:
    """Snapshots in order of time; the first :data:`FAILED` are those of the day that ends now."""
    history = simulate_history(np.random.default_rng([seed, 8]), FAILED + COMING, WEEKS)
    snapshots = [simulated.case.failures for simulated in history]
    shift_s = now_s - snapshots[FAILED - 1].time
    return [_shifted(snapshot, shift_s) for snapshot in snapshots]


def publish(settings: Settings, seed: int, stop: threading.Event, clock: Callable[[], float] = time.time) -> None:
    """Publish the workflows of the start in one report, and each later one in a report of its own."""
    publisher = KafkaPublisher(settings.kafka_of(settings.actions))
    snapshots = iter(emulated(seed, clock()))
    try:
        publisher.ensure_topic(PARTITIONS)
        report = FailureReport(tuple(islice(snapshots, FAILED)))
        while report.snapshots:
            publisher.publish(report, "application/json")
            publisher.flush()
            if stop.wait(SECONDS_PER_WORKFLOW):
                return
            report = FailureReport(tuple(replace(snapshot, time=clock()) for snapshot in islice(snapshots, 1)))
        stop.wait()
    finally:
        publisher.close()


def _shifted(snapshot: WorkflowFailures, shift_s: float) -> WorkflowFailures:
    facts = snapshot.facts
    deadline = None if facts.deadline is None else facts.deadline + shift_s
    return replace(snapshot, time=snapshot.time + shift_s, facts=replace(facts, deadline=deadline))
