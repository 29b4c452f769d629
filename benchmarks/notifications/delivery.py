"""Time from an incident's commit to the answer of the receiver, what is lost under kills, and the calls of a storm."""

import contextlib
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.notifications.incidents import new_store, raise_incidents
from benchmarks.notifications.receiver import Receiver, incidents_in, receiving
from benchmarks.notifications.senders import Alertmanager, Killable, alertmanager, alertmanager_program, dispatcher
from benchmarks.report import Result, progress

PER_SECOND = 50
PEER = "Alertmanager 0.25, the same alerts posted once"
UNBOUND = {"most_per_minute": 100_000, "digest_every_s": 0.0}
"""A receiver that is a program, and takes all there is."""


def latency(quick: bool) -> dict[str, Result]:
    """Seconds from commit to answer at 50 incidents a second, each in a transaction of its own."""
    count = 100 if quick else 3000
    with _setting() as (folder, receiver):
        store = new_store(folder)
        where = f"sqlite:///{folder / 'nightshift.db'}"
        with dispatcher(folder, where, receiver.url, UNBOUND, {"group_wait_s": 0.0}):
            raise_incidents(store, ["warm-up"])
            _until(receiver.first_answers)
            committed: dict[int, float] = {}
            for number in _paced(count, PER_SECOND):
                (incident,), at_s = raise_incidents(store, [str(number)])
                committed[incident] = at_s
            _until(lambda: committed.keys() <= receiver.first_answers().keys())
            answers = receiver.first_answers()
        store.close()
        seconds = np.array([answers[number] - at_s for number, at_s in committed.items()])
    peer = _peer_latency(count)
    return {f"notified_p{part}_s": _percentile(seconds, part, peer) for part in (50, 99)}


def _peer_latency(count: int) -> np.ndarray | None:
    if alertmanager_program() is None:
        return None
    with _setting() as (folder, receiver), alertmanager(folder, receiver.url, 0.0, each_alone=True) as peer:
        posted: dict[int, float] = {}
        for number in _paced(count, PER_SECOND):
            peer.post([number])
            posted[number] = time.time()
        _until(lambda: posted.keys() <= receiver.first_answers().keys())
        answers = receiver.first_answers()
    return np.array([answers[number] - at_s for number, at_s in posted.items()])


def _percentile(seconds: np.ndarray, part: int, peer: np.ndarray | None) -> Result:
    value, low, high = _block_interval(seconds, part)
    peer_value = None if peer is None else float(np.percentile(peer, part))
    return Result(
        value,
        "s",
        low,
        high,
        len(seconds),
        peer=None if peer_value is None else PEER,
        peer_value=peer_value,
        ratio=None if peer_value is None else value / peer_value,
        note=f"{PER_SECOND} incidents/s on SQLite; intervals by blocks of one second",
    )


def _block_interval(seconds: np.ndarray, part: int) -> tuple[float, float, float]:
    """A percentile with its interval by blocks of a second: waits of neighbours are alike."""
    blocks = np.array_split(seconds, max(1, len(seconds) // PER_SECOND))
    rng = np.random.default_rng(1)
    drawn = [
        np.percentile(np.concatenate([blocks[i] for i in rng.integers(0, len(blocks), len(blocks))]), part)
        for _ in range(200)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(np.percentile(seconds, part)), float(low), float(high)


def kills(quick: bool) -> dict[str, Result]:
    """What is lost, and what comes twice under another key, when the sender is killed again and again."""
    count, every_s, rate = (300, 1.5, 100) if quick else (10_000, 3.0, 200)
    with _setting() as (folder, receiver):
        store = new_store(folder)
        where = f"sqlite:///{folder / 'nightshift.db'}"
        with dispatcher(folder, where, receiver.url, UNBOUND | {"timeout_s": 0.5}, {"group_wait_s": 0.0}) as process:
            raised: list[int] = []
            times = _under_kills(process, every_s, count, rate, lambda n: raised.extend(raise_incidents(store, n)[0]))
            _until(lambda: set(raised) <= receiver.first_answers().keys(), 120.0)
        store.close()
        lost = len(set(raised) - receiver.first_answers().keys())
        keys = _keys(receiver)
    doubled = sum(len(of_incident) > 1 for of_incident in keys.values())
    peer_lost = _peer_kills(count, every_s, rate)
    note = f"{times} kills of the dispatcher; the peer's is killed as often and is posted each alert once"
    return {
        "lost": Result(
            lost, "incidents", n=count, peer=None if peer_lost is None else PEER, peer_value=peer_lost, note=note
        ),
        "duplicated_without_same_key": Result(doubled, "incidents", n=count),
    }


def _peer_kills(count: int, every_s: float, rate: int) -> int | None:
    if alertmanager_program() is None:
        return None
    with _setting() as (folder, receiver), alertmanager(folder, receiver.url, 0.0, each_alone=True) as peer:
        posted: list[int] = []

        def post(names: list[str]) -> None:
            numbers = [int(name) for name in names]
            _post(peer, numbers)
            posted.extend(numbers)

        _under_kills(peer.killable, every_s, count, rate, post)
        # Nothing more comes once a while has passed without.
        arrived = -1
        while arrived < (arrived := len(receiver.arrivals)):
            time.sleep(3.0)
        return len(set(posted) - receiver.first_answers().keys())


def _post(peer: Alertmanager, numbers: list[int]) -> None:
    """Post until it is accepted, as a client does that is told so."""
    while True:
        try:
            return peer.post(numbers)
        except OSError:
            time.sleep(0.05)


def _under_kills(process: Killable, every_s: float, count: int, rate: int, feed: Callable[[list[str]], None]) -> int:
    """Feed ``count`` names in tens, ``rate`` a second, and kill the process every ``every_s``; how often."""
    next_s, times = time.monotonic() + every_s, 0
    for start in _paced(count // 10, rate / 10):
        feed([str(10 * start + i) for i in range(10)])
        if time.monotonic() >= next_s:
            process.kill()
            process.start()
            next_s, times = time.monotonic() + every_s, times + 1
    return times


def _keys(receiver: Receiver) -> dict[int, set[str]]:
    """By incident, the keys of the messages that call for it."""
    keys: dict[int, set[str]] = {}
    for _, key, body in receiver.arrivals:
        for number in incidents_in(body):
            keys.setdefault(number, set()).add(key)
    return keys


def storm(quick: bool) -> dict[str, Result]:
    """How many messages 120 incidents make that open within 10 s (quick: 2 s), with the default settings."""
    rate = 60 if quick else 12
    with _setting() as (folder, receiver):
        store = new_store(folder)
        where = f"sqlite:///{folder / 'nightshift.db'}"
        with dispatcher(folder, where, receiver.url, {}, {}):
            raised = [raise_incidents(store, [str(n)])[0][0] for n in _paced(120, rate)]
            progress("  waiting for the last digest")
            _until(lambda: set(raised) <= receiver.first_answers().keys(), 120.0)
        store.close()
        messages = len(receiver.arrivals)
    peer = _peer_storm(rate)
    note = "120 incidents, default settings; the peer groups by alertname with the same waits, 5 and 60 s"
    peer_name = None if peer is None else PEER
    return {"storm_notifications": Result(messages, "messages", n=120, peer=peer_name, peer_value=peer, note=note)}


def _peer_storm(rate: int) -> int | None:
    if alertmanager_program() is None:
        return None
    with _setting() as (folder, receiver), alertmanager(folder, receiver.url, 5.0, each_alone=False) as peer:
        for number in _paced(120, rate):
            peer.post([number])
        everything = set(range(120))
        _until(lambda: everything <= receiver.first_answers().keys(), 120.0)
        return len(receiver.arrivals)


@contextlib.contextmanager
def _setting() -> Iterator[tuple[Path, Receiver]]:
    with tempfile.TemporaryDirectory(prefix="nightshift-bench-") as folder, receiving() as receiver:
        yield Path(folder), receiver


def _paced(count: int, per_second: float) -> Iterator[int]:
    """Numbers from 0, at this pace on average."""
    begin_s = time.monotonic()
    for number in itertools.islice(itertools.count(), count):
        wait_s = begin_s + number / per_second - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        yield number


def _until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    end_s = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError(f"what was waited for has not come in {seconds:g} s")
        time.sleep(0.05)
