"""How long the pages of the dashboard take on a store of many incidents.

The store is filled once by bulk inserts: 100,000 incidents with ten occurrences each over twenty model versions, 60 of
them not resolved, 20,000 lumisections of four subsystems. Each page is asked for over HTTP, one request after the
other, as one operator's browser does; the peer is the same page on a store of 100 incidents in the same run, so that
what the ratio shows is the size of the store and not the templates. Each store has a tenth as many failing tasks, all
open and emulated, with what the rules suggest. ``_cpu_s`` is the processor time of client and
server for one request, which other work on the machine does not lengthen.
"""

import http.client
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from benchmarks.intervals import bootstrap_mean
from benchmarks.report import Outcome, Result, main, progress
from conf.dashboard import DashboardSettings
from conf.settings import Settings
from opint.actions.handler import judged_snapshot
from opint.actions.message_classes import MessageClasses
from opint.actions.new_messages import MessageIntake
from opint.actions.predictors import Predictors
from opint.actions.rules import RecoveryRules
from opint.actions.simulation.history import simulate_history
from opint.dashboard.serve import serve
from opint.store import heartbeats, message_classes, workflows
from opint.store.engine import Store
from opint.store.heartbeats import Heartbeat
from opint.store.tables import (
    audit,
    dead_letter,
    feedback,
    incident,
    ls_summary,
    lumisection,
    model_version,
    occurrence,
)

PAGES = {
    "overview": "/",
    "system": "/system",
    "metrics": "/metrics",
    "incidents": "/incidents",
    "incident": "/incidents/77",
    "runs": "/runs",
    "run": "/runs/380000",
    "workflows": "/workflows",
    "workflows_of_code": "/workflows?code=50660",
    "workflow": "/workflows/7",
    "workflow_messages": "/workflows/messages",
}
DATASET = "/Collisions/Run2024E-v1/DQM"
SUBSYSTEMS = ("Calo", "Muon", "Pixel", "Strips")
FAMILIES = ("content", "frozen", "missing", "starved")
OCCURRENCES, PER_RUN, ACTIVE, VERSIONS = 10, 500, 60, 20
START_S = 1_700_000_000.0
BATCH = 10_000
TASKS_TOGETHER = 500


def fill(store: Store, incidents: int, lumisections: int) -> None:
    """Make the tables and put so much in; what is newest is a few seconds old."""
    store.upgrade()
    now_s = time.time()
    _bulk(store, model_version, (_version(number) for number in range(VERSIONS)))
    _bulk(store, lumisection, (_lumisection(number, lumisections, now_s) for number in range(lumisections)))
    _bulk(store, ls_summary, (row for number in range(lumisections) for row in _summaries(number)))
    _bulk(store, incident, (_incident(number, incidents, lumisections) for number in range(1, incidents + 1)))
    _bulk(store, occurrence, (row for n in range(1, incidents + 1) for row in _occurrences(n, incidents, lumisections)))
    _bulk(store, audit, (row for number in range(1, incidents + 1) for row in _history(number, incidents)))
    _bulk(store, feedback, (_feedback(number) for number in range(1, incidents + 1, 50)))
    _bulk(store, dead_letter, (_letter(number, now_s) for number in range(1000)))
    with store.begin() as tx:
        for name in ("histograms", "rates", "events", "accesses"):
            lag = {f"{name}[{partition}]": 0 for partition in range(4)}
            heartbeats.beat(tx, Heartbeat(f"night:1:ab:{name}", now_s - 1e5, now_s, "running", "", 9, 9, lag))


def fill_workflows(store: Store, tasks: int) -> None:
    """Put in failing tasks as the daemon does; they were reported in the last hours."""
    emulated = simulate_history(np.random.default_rng(1), tasks, 60)
    now_s = time.time()
    intake, predictors, number = MessageIntake(MessageClasses()), Predictors(RecoveryRules()), count()
    while cases := list(islice(emulated, TASKS_TOGETHER)):
        snapshots = [replace(each.case.failures, time=now_s - next(number)) for each in cases]
        suggested = predictors.suggest(snapshots)
        judged = [
            judged_snapshot(each, intake, None, suggestion)
            for each, suggestion in zip(snapshots, suggested, strict=True)
        ]
        with store.begin() as tx:
            workflows.keep(tx, judged, {}, now_s)
    with store.begin() as tx:
        message_classes.count(tx, intake.tallies, now_s)


def _bulk(store: Store, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    while batch := list(islice(rows, BATCH)):
        with store.begin() as tx:
            tx.execute(insert(table), batch)


def _place(number: int) -> dict[str, Any]:
    return {"run": 380_000 + number // PER_RUN, "ls": 1 + number % PER_RUN}


def _version(number: int) -> dict[str, Any]:
    return {
        "version": f"{number:064x}",
        "name": "histograms",
        "path": "models/histograms",
        "manifest": {},
        "first_used_s": START_S + number,
    }


def _lumisection(number: int, lumisections: int, now_s: float) -> dict[str, Any]:
    at_s = now_s - 23.31 * (lumisections - number)
    return {
        "dataset": DATASET,
        **_place(number),
        "conditions": {"fill": 9000, "pileup": 50.0, "beams_stable": True, "dcs": {}},
        "model_version": f"{VERSIONS - 1:064x}",
        "origin": "c t[0]",
        "first_seen_s": at_s,
        "published_s": at_s,
        "updated_s": at_s + 1,
        "closed_s": at_s + 1,
        "closed_because": "complete",
        "revision": 1,
    }


def _summaries(number: int) -> Iterator[dict[str, Any]]:
    counts = {"good": 200, "warning": number % 7 == 0, "bad": 0, "not_inspected": 0}
    for name in SUBSYSTEMS:
        yield {"dataset": DATASET, "subsystem": name, **_place(number), "quality": 1, "p_value": 0.3, **counts}


def _first(number: int, incidents: int, lumisections: int) -> int:
    return number * (lumisections - OCCURRENCES) // (incidents + 1)


def _incident(number: int, incidents: int, lumisections: int) -> dict[str, Any]:
    first = _first(number, incidents, lumisections)
    begin, end = _place(first), _place(first + OCCURRENCES - 1)
    active = number > incidents - ACTIVE
    return {
        "id": number,
        "fingerprint": f"{number:064x}",
        "dataset": DATASET,
        "subsystem": SUBSYSTEMS[number % 4],
        "family": FAMILIES[number % 4],
        "element_group": f"{SUBSYSTEMS[number % 4]}/Part{number % 97}",
        "kind": "dead",
        "title": f"{SUBSYSTEMS[number % 4]}/Part{number % 97}: dead channels in 3 of 12 histograms",
        "explanation": "Compare the histograms with their references and look at the bins named worst.",
        "severity": "critical" if number % 3 == 0 else "warning",
        "state": ("open" if number % 2 else "acknowledged") if active else "resolved",
        "first_run": begin["run"],
        "first_ls": begin["ls"],
        "last_run": end["run"],
        "last_ls": end["ls"],
        "lumisections": OCCURRENCES,
        "elements": 3,
        "model_version": f"{number * VERSIONS // (incidents + 1):064x}",
        "opened_s": START_S + number,
        "updated_s": START_S + number + 500,
        "acknowledged_s": None,
        "acknowledged_by": None,
        "resolved_s": None if active else START_S + number + 500,
        "resolved_by": None if active else "nightshift",
    }


def _occurrences(number: int, incidents: int, lumisections: int) -> Iterator[dict[str, Any]]:
    first = _first(number, incidents, lumisections)
    for step in range(OCCURRENCES):
        elements = [f"{SUBSYSTEMS[number % 4]}/Part{number % 97}/occupancy{n}" for n in range(3)]
        yield {"incident_id": number, **_place(first + step), "elements": elements, "p_value": 1e-6, "kind": "dead"}


def _history(number: int, incidents: int) -> Iterator[dict[str, Any]]:
    for action, after_s in (("opened", 0.0), ("cleared", 500.0))[: 1 if number > incidents - ACTIVE else 2]:
        at_s = START_S + number + after_s
        yield {"incident_id": number, "at_s": at_s, "actor": "nightshift", "action": action, "detail": ""}


def _feedback(number: int) -> dict[str, Any]:
    return {"incident_id": number, "verdict": "true" if number % 3 else "false-alarm", "actor": "ana", "at_s": START_S}


def _letter(number: int, now_s: float) -> dict[str, Any]:
    return {
        "cluster": "c",
        "topic": "t",
        "partition": 0,
        "message_offset": number,
        "reason": "bad-json",
        "field": "message",
        "detail": "",
        "origin": f"t[0] offset {number}",
        "headers": {},
        "message_key": None,
        "raw": b"{",
        "raw_size": 1,
        "received_s": now_s - number,
        "replayed_s": None,
    }


@contextmanager
def dashboard(store: Store) -> Iterator[str]:
    """Serve the store inside the block; gives ``HOST:PORT``."""
    settings = Settings(dashboard=DashboardSettings(port=0))
    ready, stop, results = threading.Event(), threading.Event(), list[str]()

    def on_address(address: str) -> None:
        results.append(address.removeprefix("http://"))
        ready.set()

    thread = threading.Thread(target=serve, args=(settings, store, time.time, on_address, stop))
    thread.start()
    try:
        if not ready.wait(30):
            raise TimeoutError("the dashboard did not start within 30 s")
        yield results[0]
    finally:
        stop.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from each request to the last byte of its answer, and processor seconds, by request."""

    wall: list[float]
    cpu: list[float]


def ask(address: str, path: str, requests: int) -> Times:
    """Times of requests for one page; the first, which loads the template, is left out."""
    wall, cpu = [], []
    connection = http.client.HTTPConnection(address, timeout=60)
    for _ in range(requests + 1):
        began, began_cpu = time.perf_counter(), time.process_time()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - began_cpu)
        assert answer.status == 200, f"{path}: {answer.status}"
    connection.close()
    return Times(wall[1:], cpu[1:])


def measure(quick: bool) -> Outcome:
    """p95 of every page on a large store, beside that on a small one."""
    incidents, lumisections, requests = (2_000, 1_000, 5) if quick else (100_000, 20_000, 60)
    times: dict[str, dict[str, Times]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, number in (("large", incidents), ("small", 100)):
            progress(f"filling a store with {number} incidents")
            store = Store.open(f"sqlite:///{Path(folder) / name}.db")
            fill(store, number, lumisections if name == "large" else 200)
            fill_workflows(store, number // 10)
            with dashboard(store) as address:
                progress(f"asking for the pages of the {name} store")
                times[name] = {page: ask(address, path, requests) for page, path in PAGES.items()}
            store.close()
    results = {}
    for page in PAGES:
        large, small = times["large"][page], times["small"][page]
        results[f"{page}_p95_s"] = _p95(large.wall, small.wall)
        low, high = bootstrap_mean(large.cpu, np.random.default_rng(0))
        results[f"{page}_cpu_s"] = Result(float(np.mean(large.cpu)), "s", low, high, len(large.cpu))
    return Outcome(
        results, f"SQLite, {incidents} incidents, {incidents * OCCURRENCES} occurrences, {incidents // 10} tasks"
    )


def _p95(large: list[float], small: list[float]) -> Result:
    value, peer = float(np.quantile(large, 0.95)), float(np.quantile(small, 0.95))
    draws = np.quantile(np.random.default_rng(0).choice(large, (1000, len(large))), 0.95, axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return Result(
        value, "s", float(low), float(high), len(large), "the page of a store of 100 incidents", peer, value / peer
    )


if __name__ == "__main__":
    sys.exit(main("pages", measure))
