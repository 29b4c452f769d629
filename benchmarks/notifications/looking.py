"""What pages cost: the preview of a silence over a million occurrences, and the overview with and without sign-in."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from sqlalchemy import insert

from benchmarks.notifications.incidents import new_store
from benchmarks.report import Result, progress
from conf.dashboard import DashboardSettings, SignInSettings
from conf.notifications import Matchers
from conf.settings import Settings
from opint.accounts.roles import Role
from opint.accounts.sign_in import create_token
from opint.dashboard.serve import serve
from opint.notifications import silencing
from opint.store import accounts
from opint.store.accounts import NewAccount
from opint.store.engine import Store
from opint.store.tables import incident, lumisection, occurrence

NOW_S = 1.8e9
WEEK_S = 7 * 86_400.0
ACTIVE = 60


def preview(quick: bool) -> dict[str, Result]:
    """95th percentile of a preview, of matchers of all kinds, on 10,000 incidents of 100 occurrences each."""
    incidents_count, repeats = (500, 10) if quick else (10_000, 40)
    with tempfile.TemporaryDirectory(prefix="nightshift-bench-") as folder:
        store = new_store(Path(folder))
        progress("  filling the store")
        _fill(store, incidents_count)
        seconds, cpu_seconds = [], []
        matches = [
            Matchers(subsystem=("Subsystem3",)),
            Matchers(family=("content", "st*"), severity=("critical",)),
            Matchers(folder=("Subsystem1/Folder*",)),
            Matchers(dataset=("/Simulated/*",), mode=("collisions", "unknown")),
        ]
        for _ in range(repeats):
            for match in matches:
                begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
                with store.read() as tx:
                    there = silencing.preview(tx, match, NOW_S)
                seconds.append(time.perf_counter() - begin_s)
                cpu_seconds.append(time.process_time() - begin_cpu_s)
                assert there.week
        store.close()
    note = (
        f"{100 * incidents_count:,} occurrences of {incidents_count:,} incidents in a week, SQLite; 4 kinds of matchers"
    )
    cpu_note = "processor time alone, which other work on the machine does not lengthen"
    return {
        "silence_preview_p95_s": Result(float(np.percentile(seconds, 95)), "s", n=len(seconds), note=note),
        "silence_preview_cpu_p95_s": Result(float(np.percentile(cpu_seconds, 95)), "s", n=len(seconds), note=cpu_note),
    }


def _fill(store: Store, count: int) -> None:
    rng = np.random.default_rng(3)
    families = ("content", "starved", "missing", "frozen")
    rows = []
    for number in range(count):
        opened_s = NOW_S - WEEK_S * float(rng.random())
        active = number < ACTIVE
        rows.append(
            {
                "fingerprint": f"f{number}",
                "dataset": "/Simulated/Run2026-v1/DQM",
                "subsystem": f"Subsystem{number % 8}",
                "family": families[number % 4],
                "element_group": f"Subsystem{number % 8}/Folder{number % 50}",
                "kind": "dead",
                "title": f"Incident {number}",
                "explanation": "Ten bins are empty.",
                "severity": "critical" if number % 5 == 0 else "warning",
                "state": "open" if active else "resolved",
                "first_run": 380_000,
                "first_ls": 1,
                "last_run": 380_000,
                "last_ls": 1 + number % 1000,
                "lumisections": 100,
                "elements": 2,
                "model_version": "m",
                "opened_s": opened_s,
                "updated_s": opened_s,
                "resolved_s": None if active else NOW_S - 1.0,
                "resolved_by": None if active else "nightshift",
            }
        )
    conditions: dict[str, Any] = {"beams_stable": True, "era": None, "dcs": {}}
    head = {"dataset": "/Simulated/Run2026-v1/DQM", "run": 380_000, "conditions": conditions, "model_version": "m"}
    head |= {"origin": "", "first_seen_s": 0.0, "published_s": 0.0, "updated_s": NOW_S, "closed_s": NOW_S}
    head |= {"closed_because": "complete", "revision": 1}
    with store.begin() as tx:
        tx.execute(insert(incident), rows)
        tx.execute(insert(lumisection), [head | {"ls": ls} for ls in range(1, 1001)])
        for first in range(1, count + 1, 500):
            occurrences = [
                {
                    "incident_id": number,
                    "run": 380_000,
                    "ls": ls,
                    "elements": ["a", "b"],
                    "p_value": 1e-6,
                    "kind": "dead",
                }
                for number in range(first, min(first + 500, count + 1))
                for ls in range(1, 101)
            ]
            tx.execute(insert(occurrence), occurrences)


def overview(quick: bool) -> dict[str, Result]:
    """Requests a second of the front page from one client, with sign-in (an API token) and, as the peer, without."""
    seconds = 1.0 if quick else 10.0
    with tempfile.TemporaryDirectory(prefix="nightshift-bench-") as folder:
        store = new_store(Path(folder))
        _fill(store, 500)
        with store.begin() as tx:
            accounts.create(tx, NewAccount("ada", "Ada", "viewer", "local", "ada", ""), time.time())
        token = create_token(store, "ada", "benchmark", Role.VIEWER, 1.0, time.time())
        bare = _requests_per_second(store, SignInSettings(), {}, seconds)
        signed = _requests_per_second(
            store, SignInSettings(accounts=True), {"Authorization": f"Bearer {token}"}, seconds
        )
        store.close()
    note = "one client, one request after the other; 500 incidents, 60 active"
    rate = Result(
        signed, "requests/s", peer="the same without sign-in", peer_value=bare, ratio=signed / bare, note=note
    )
    return {"overview_signed_in_per_s": rate}


def _requests_per_second(store: Store, sign_in: SignInSettings, headers: dict[str, str], seconds: float) -> float:
    settings = Settings(dashboard=DashboardSettings(port=0, sign_in=sign_in))
    with _served(store, settings) as url, httpx2.Client(base_url=url, headers=headers, trust_env=False) as client:
        for _ in range(5):
            client.get("/").raise_for_status()
        count, begin_s = 0, time.perf_counter()
        while time.perf_counter() - begin_s < seconds:
            assert client.get("/").status_code == 200
            count += 1
        return count / (time.perf_counter() - begin_s)


@contextmanager
def _served(store: Store, settings: Settings) -> Iterator[str]:
    addresses: list[str] = []
    ready, stop = threading.Event(), threading.Event()

    def started(address: str) -> None:
        addresses.append(address)
        ready.set()

    thread = threading.Thread(target=serve, args=(settings, store, time.time, started, stop))
    thread.start()
    assert ready.wait(30)
    try:
        yield addresses[0]
    finally:
        stop.set()
        thread.join()
