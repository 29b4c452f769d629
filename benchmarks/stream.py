"""How fast the daemon is: from the broker to verdicts in the database.

Apache Kafka holds lumisections of 846 monitoring elements (the CMS muon templates where the data folder
has them, else the simulator's own detector). One process consumes them with bare kafka-python, one runs
the whole daemon; they take turns, on the same topic. Latency is measured apart at a steady rate.
Times begin when the first messages are delivered, so start-up and model loading are left out of both.
"""

import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import func, select

from benchmarks.detection import EARLIER_SHARE, stretches
from benchmarks.intervals import bootstrap_mean
from benchmarks.report import Outcome, Result, data_folder, main, progress
from conf.settings import AlertSettings, DatabaseSettings, DqmSettings, LogSettings, Settings
from conf.stream import KafkaSettings, StreamSettings
from dqm.histograms.bundle import load
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from dqm.simulate.conditions import from_oms, generate
from dqm.simulate.detector import Detector, stream
from opint.consumer.stalls import StallDetector
from opint.daemon.logging import configure
from opint.histograms.handler import load_pipeline
from opint.histograms.kind import HistogramKind
from opint.lumisections.handler import LumisectionHandler
from opint.lumisections.ingest import IngestResult, LumisectionIngest
from opint.store.engine import Store
from opint.store.tables import lumisection
from streams import loop
from streams.codecs.content_type import ARROW_CONTENT_TYPE
from streams.dev_kafka import apache_kafka
from streams.kafka import KafkaPublisher
from streams.kafka.consumer import FETCH_BYTES, FETCH_PARTITION_BYTES
from streams.metrics import Metrics
from streams.records import Conditions, HistogramBatch, LumisectionKey
from streams.replay import replay
from streams.source import Message, Partition

JSON = "application/vnd.uhi+json"
STEADY_HISTOGRAMS_PER_S = 5_000.0


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    training: int
    arrow: int
    json: int
    steady_s: float
    rounds: int


FULL = Plan(training=512, arrow=1200, json=160, steady_s=60.0, rounds=3)
QUICK = Plan(training=120, arrow=160, json=160, steady_s=4.0, rounds=1)


@dataclass(frozen=True)
class Detectors:
    """The detector, conditions to train under and later ones to stream."""

    detector: Detector
    training: Sequence[tuple[LumisectionKey, Conditions]]
    streaming: Sequence[tuple[LumisectionKey, Conditions]]
    name: str


def detectors(data: Path, plan: Plan) -> Detectors:
    """The real templates under real conditions if the data folder has them."""
    templates, oms = data / "templates" / "cms_muon_pca_2018.parquet", data / "oms" / "Run2024E-v1.parquet"
    if templates.exists() and oms.exists():
        name = "cms muon templates under real conditions of Run2024E"
        detector, period = Detector.from_templates(templates), list(from_oms(oms, good_only=True))
    else:
        name = "own detector under generated conditions"
        fills = generate(np.random.default_rng(0), fills=10, stable=500)
        detector, period = Detector.built_in(), [fill for fill in fills if fill[1].beams_stable]
    cut = int(EARLIER_SHARE * len(period))
    return Detectors(detector, stretches(period[:cut], plan.training), period[cut:], name)


def batches(of: Detectors, count: int, first: int = 0) -> Iterator[HistogramBatch]:
    """Batches of ``count`` good lumisections."""
    for item in stream(of.detector, of.streaming[first : first + count], (), seed=5):
        yield from item.batches


def consume_bare(kafka: KafkaSettings, messages: int, answer: Connection) -> None:
    """Read so many messages with kafka-python and nothing else; answers with messages/s after the first poll."""
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        kafka.topic,
        bootstrap_servers=kafka.bootstrap_servers,
        group_id=kafka.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_bytes=FETCH_BYTES,
        max_partition_fetch_bytes=FETCH_PARTITION_BYTES,
    )
    with closing(consumer):
        got, first, began = 0, 0, 0.0
        while got < messages:
            polled = consumer.poll(timeout_ms=500, max_records=kafka.max_poll_records)
            got += sum(map(len, polled.values()))
            if polled and not began:
                first, began = got, time.perf_counter()
        answer.send((got - first) / (time.perf_counter() - began))


class Timed(LumisectionHandler[HistogramBatch]):
    """The daemon with a stopwatch, which runs from the first commit to the last."""

    first = 0
    handled = 0
    began = 0.0
    ended = 0.0
    peak_bytes = 0
    latencies: list[float]

    def handle(self, messages: Sequence[Message]) -> Mapping[Partition, int]:
        """Judge as always, and look at the clock afterwards."""
        stored = super().handle(messages)
        self.handled += len(messages)
        self.ended = time.perf_counter()
        if not self.began:
            self.first, self.began = self.handled, self.ended
        return stored

    def rate(self) -> float:
        """Messages per second behind those of the first batch."""
        return (self.handled - self.first) / max(self.ended - self.began, 1e-9)

    def _count(self, ingest_result: IngestResult) -> None:
        now_s = time.time()
        self.latencies.extend(now_s - at_s for at_s in ingest_result.published_s.values())
        super()._count(ingest_result)


def consume_with_daemon(settings: Settings, messages: int, answer: Connection) -> None:
    """Judge so many messages; answers with messages/s, latencies in s, peak resident bytes and closed lumisections."""
    configure(LogSettings(level="error"))
    store = Store.open(settings.database.url.get_secret_value())
    store.upgrade()
    pipeline = load_pipeline(settings, store)
    kind = HistogramKind()
    source = kind.open_source(settings)
    ingest = LumisectionIngest(store, pipeline, settings, "benchmark", time.time)
    metrics = Metrics(CollectorRegistry())
    decode, stalls = kind.decoder(settings), StallDetector.of(settings, settings.stream.kafka.group, None)
    daemon = Timed(kind.name, source, decode, pipeline, ingest, store, metrics, "benchmark", time.time, 90.0, stalls)
    daemon.latencies = []
    stop = threading.Event()
    thread = threading.Thread(target=_stop_after, args=(daemon, messages, stop))
    thread.start()
    answer.send("ready")
    loop.run(source, daemon, stop, np.random.default_rng(0))
    thread.join()
    with store.read() as tx:
        judged = tx.scalar(select(func.count()).select_from(lumisection).where(lumisection.c.closed_s.is_not(None)))
    answer.send((daemon.rate(), daemon.latencies, daemon.peak_bytes, judged))


def _stop_after(daemon: Timed, messages: int, stop: threading.Event) -> None:
    while daemon.handled < messages:
        time.sleep(0.05)
    daemon.peak_bytes = peak_bytes()
    stop.set()


def peak_bytes() -> int:
    """Peaks of the resident memory of this process and of those that it has started, added up.

    What getrusage calls the peak begins with the memory of the process that a process was forked from.
    """
    started = [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
    status = [Path("/proc", pid, "status").read_text() for pid in ("self", *started)]
    return sum(1024 * int(item.partition("VmHWM:")[2].split()[0]) for item in status)


def in_process(target: Callable[..., None], *arguments: Any) -> tuple[Any, Connection]:
    """Start a function in a fresh process; it and the end of the pipe that its answers come from."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(*arguments, theirs))
    process.start()
    return process, ours


class Bench:
    """One broker, one model, and the measurements that use them."""

    def __init__(self, folder: Path, plan: Plan, data: Path, servers: str) -> None:
        """Train the model that all measurements share."""
        self.folder, self.plan, self.servers = folder, plan, servers
        self.of = detectors(data, plan)
        good = stream(self.of.detector, self.of.training, (), seed=4)
        train(
            (batch for item in good for batch in item.batches),
            folder / "models" / "histograms",
            DqmSettings(),
            np.random.default_rng(1),
            lambda step, share: progress(f"training: {step} {share:.0%}"),
        )
        self.elements = sum(map(len, self.of.detector.catalogues.values()))
        self.runs = 0

    def settings(self, topic: str) -> Settings:
        """Settings with a new consumer group and a new database."""
        self.runs += 1
        kafka = KafkaSettings(bootstrap_servers=self.servers, topic=topic, group=f"g{self.runs}")
        return Settings(
            stream=StreamSettings(kafka=kafka),
            database=DatabaseSettings(url=SecretStr(f"sqlite:///{self.folder}/{self.runs}.db")),
            dqm=DqmSettings(models=self.folder / "models"),
        )

    def publish(self, topic: str, content_type: str, count: int, pace: float | None) -> int:
        """Publish ``count`` lumisections, at ``pace`` lumisections/s; how many messages that were."""
        publisher = KafkaPublisher(KafkaSettings(bootstrap_servers=self.servers, topic=topic))
        with closing(publisher):
            publisher.ensure_topic(4)
            replay(batches(self.of, count), publisher, content_type, pace, threading.Event())
        return count * len(self.of.detector.catalogues)

    def throughput(self, content_type: str, count: int) -> tuple[list[float], list[float], int]:
        """Histograms/s of the daemon and of bare consumption, by round, and the daemon's peak resident bytes."""
        topic = f"t{self.runs}"
        messages = self.publish(topic, content_type, count, None)
        ours, bare, peak = [], [], 0
        for number in range(self.plan.rounds):
            progress(f"{content_type}: round {number + 1} of {self.plan.rounds}")
            process, pipe = in_process(consume_bare, self.settings(topic).stream.kafka, messages)
            bare.append(pipe.recv() * count * self.elements / messages)
            process.join()
            process, pipe = in_process(consume_with_daemon, self.settings(topic), messages)
            assert pipe.recv() == "ready"
            rate, _, resident, judged = pipe.recv()
            process.join()
            assert judged == count, f"{judged} of {count} lumisections were judged"
            ours.append(rate * count * self.elements / messages)
            peak = max(peak, resident)
        return ours, bare, peak

    def latency(self) -> list[float]:
        """Seconds from publishing the newest part of each lumisection to its stored verdict, at a steady rate."""
        topic = "steady"
        pace = STEADY_HISTOGRAMS_PER_S / self.elements
        count = max(2, int(self.plan.steady_s * pace))
        KafkaPublisher(KafkaSettings(bootstrap_servers=self.servers, topic=topic)).ensure_topic(4)
        process, pipe = in_process(consume_with_daemon, self.settings(topic), count * len(self.of.detector.catalogues))
        assert pipe.recv() == "ready"
        progress(f"steady: {pace:.1f} lumisections/s for {count / pace:.0f} s")
        self.publish(topic, ARROW_CONTENT_TYPE, count, pace)
        _, latencies, _, judged = pipe.recv()
        process.join()
        assert judged == count
        return list(latencies)

    def scoring(self) -> list[float]:
        """µs per histogram of scoring alone, by micro-batch of 16 lumisections."""
        settings = DqmSettings(models=self.folder / "models")
        pipeline = Pipeline(load(self.folder / "models" / "histograms"), settings, AlertSettings())
        pipeline.warm_up()
        results = []
        for first in range(0, 16 * max(3, self.plan.rounds), 16):
            batch = list(batches(self.of, 16, first))
            began = time.perf_counter()
            pipeline.score(batch)
            results.append(1e6 * (time.perf_counter() - began) / (16 * self.elements))
        return results[1:]


def measure(quick: bool) -> Outcome:
    """All results, and what they were measured on."""
    plan = QUICK if quick else FULL
    with tempfile.TemporaryDirectory() as name, apache_kafka(Path(name) / "kafka") as broker:
        bench = Bench(Path(name), plan, data_folder(os.environ), broker.bootstrap_servers)
        arrow, arrow_bare, peak = bench.throughput(ARROW_CONTENT_TYPE, plan.arrow)
        json, json_bare, _ = bench.throughput(JSON, plan.json)
        latencies, scoring = bench.latency(), bench.scoring()
    results = {
        "arrow_histograms_per_s": beside_bare(arrow, arrow_bare),
        "json_histograms_per_s": beside_bare(json, json_bare),
        "publish_to_verdict_p50_s": quantile(latencies, 0.50),
        "publish_to_verdict_p99_s": quantile(latencies, 0.99),
        "daemon_rss_bytes": Result(float(peak), "bytes", note="peaks of its two processes, models included"),
        "scoring_us_per_histogram": mean(scoring, "us"),
    }
    return Outcome(results, f"{bench.of.name}: {bench.elements} monitoring elements a lumisection")


def mean(values: Sequence[float], unit: str) -> Result:
    """The mean and its interval over rounds."""
    low, high = bootstrap_mean(values, np.random.default_rng(0))
    return Result(float(np.mean(values)), unit, low, high, len(values))


def beside_bare(ours: Sequence[float], bare: Sequence[float]) -> Result:
    """The daemon's rate beside that of bare consumption of the same messages."""
    result = mean(ours, "histograms/s")
    peer = float(np.mean(bare))
    return replace(result, peer="bare kafka-python consumption", peer_value=peer, ratio=result.value / peer)


def quantile(values: Sequence[float], share: float) -> Result:
    """A quantile over lumisections, with its bootstrap interval."""
    rng = np.random.default_rng(0)
    draws = np.quantile(rng.choice(values, (1000, len(values))), share, axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return Result(float(np.quantile(values, share)), "s", float(low), float(high), len(values))


if __name__ == "__main__":
    sys.exit(main("stream", measure))
