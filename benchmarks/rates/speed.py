"""How many lumisections of 40 seeds and 600 paths the daemon takes in a second, from the message to the stored verdict.

Messages in Arrow are decoded, scored, closed and stored in SQLite in batches as a broker delivers them. What is left
out is the broker alone.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from prometheus_client import CollectorRegistry

from benchmarks.report import Progress, Result
from conf.settings import Settings
from dqm.rates.pipeline import RatePipeline
from dqm.rates.train import train
from dqm.simulate.conditions import generate
from dqm.simulate.rates import Trigger, stream
from opint.store.engine import Store
from opint.triggers.handler import rate_handler
from opint.triggers.kind import RateKind
from streams.codecs.content_type import ARROW_CONTENT_TYPE
from streams.codecs.rates import encode_arrow
from streams.metrics import Metrics
from streams.source import Message, Partition
from streams.testing import ScriptedSource

JUDGED, QUICK_JUDGED = 2000, 50
ROUNDS = 5
PLACE = Partition("benchmark", "trigger.rates", 0)


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Lumisections in a second of one core, the median of five rounds, each into a database of its own."""
    del data
    settings, trigger = Settings(), Trigger.built_in(seeds[0])
    conditions = [
        item for item in generate(np.random.default_rng(seeds[0]), fills=2, stable=600) if item[1].beams_stable
    ]
    count = QUICK_JUDGED if quick else JUDGED
    seconds = []
    with TemporaryDirectory() as folder:
        progress("training")
        learned = (item.rates for item in stream(trigger, conditions, (), 1))
        rng = np.random.default_rng(1)
        bundle = train(learned, Path(folder) / "rates", settings.rates, rng, lambda *_: None)
        pipeline = RatePipeline(bundle, settings.rates, settings.dqm, settings.alerts)
        pipeline.warm_up()
        messages = _messages(encode_arrow(item.rates) for item in stream(trigger, conditions[-count:], (), 2))
        for number in range(1 if quick else ROUNDS):
            store = Store.open(f"sqlite:///{folder}/round{number}.db")
            store.upgrade()
            seconds.append(_seconds(settings, store, pipeline, messages))
            store.close()
    rates = len(messages) / np.array(seconds)
    note = "decoded, scored, closed and stored in SQLite; low and high are the slowest and the fastest round"
    low, high = float(rates.min()), float(rates.max())
    value = float(np.median(rates))
    return {"lumisections_per_s": Result(value, "1/s", low, high, len(messages) * len(seconds), note=note)}


def _messages(values: Iterable[bytes]) -> list[Message]:
    headers = {"content-type": ARROW_CONTENT_TYPE}
    return [Message(PLACE, offset, value, headers, 1.0, f"offset {offset}") for offset, value in enumerate(values)]


def _seconds(settings: Settings, store: Store, pipeline: RatePipeline, messages: Sequence[Message]) -> float:
    """Time in which a daemon handles the messages."""
    metrics = Metrics(CollectorRegistry())
    daemon = rate_handler(
        settings, store, pipeline, RateKind().decoder(settings), ScriptedSource(), metrics, "benchmark"
    )
    daemon.claim([PLACE])
    start, most = time.perf_counter(), settings.stream.kafka.max_poll_records
    for first in range(0, len(messages), most):
        daemon.handle(messages[first : first + most])
    return time.perf_counter() - start
