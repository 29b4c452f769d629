"""A rule is suggested from a trace, tried on accesses from a broker, and withdrawn when what is read changes."""

import uuid

import numpy as np
import pytest

pytest.importorskip("numba")

from opint.store import heartbeats, suggestions, trials
from opint.store.engine import Store
from rl_cache.kernels.history import FEATURES
from rl_cache.kernels.network import zero_network
from rl_cache.laboratory.agent import Agent
from rl_cache.policies.eviction.scored import Knobs
from rl_cache.traces.read import read
from rl_cache.traces.trace import DAY_S
from rl_cache.trials.shadow import advance
from rl_cache.trials.suggestions import judge_trials
from tests.e2e.watching import nightshift, progress, settings_for, wait_until

DAYS, PER_DAY, SIZE = 12, 400, 10
CAPACITY = 60 * SIZE
MESSAGES = DAYS * PER_DAY // 100


def rows(first_day, files, tier):
    """One request a line, evenly over the days."""
    n = len(files)
    return [f"{first_day * DAY_S + k * DAYS * DAY_S // n},/{tier(f)}/{f},{SIZE},{tier(f)}" for k, f in enumerate(files)]


@pytest.fixture
def traces(tmp_path):
    """Half of the reads are never repeated, for two spans of days; then only other files of that tier are read."""
    rng, n = np.random.default_rng(0), DAYS * PER_DAY
    polluted = [np.where(rng.random(n) < 0.5, rng.integers(0, 100, n), 100 + k * n + np.arange(n)) for k in range(2)]
    paths = []
    for number, files in enumerate([*polluted, rng.integers(50_000, 50_050, n)]):
        paths.append(tmp_path / f"{number}.csv")
        lines = rows(number * DAYS, files, lambda file: "good" if file < 100 else "once")
        paths[-1].write_text("\n".join(["time,file,size,tier", *lines]) + "\n")
    return paths


@pytest.mark.slow
def test_a_suggestion_lives_and_is_withdrawn(embedded_broker, tmp_path, daemons_with, traces):
    before, during, after = traces
    url = f"sqlite:///{tmp_path / 'n.db'}"
    store = Store.open(url)
    store.upgrade()
    kafka = {"embedded": True, "cluster_id": embedded_broker.cluster_id}
    values = settings_for(embedded_broker.bootstrap_servers, "unused", url, tmp_path, **kafka)
    values["cache"] = {"topic": f"accesses.{uuid.uuid4().hex}", "group": "g", "store_every_s": 0.3, "max_accesses": 100}
    daemons = daemons_with(values)

    def run(*words):
        return nightshift("cache", *words, "--cache", "rome", settings=daemons.settings)

    agent = tmp_path / "agent.npz"
    Agent(Knobs(share=1.0, recency=-1.0, frequency=1.0), zero_network(len(FEATURES))).save(agent)
    run("suggest", before, "--agent", agent, "--size", CAPACITY)
    withdrawn, begun = rules_with_status(store, "withdrawn"), resumed(store)
    assert ("refuse", "once") in rules_with_status(store, "active")

    first = daemons.start("cache", "watch")
    assert f"published {DAYS * PER_DAY} accesses" in run("publish", during, "--as", "arrow")
    wait_until(lambda: progress(store) > 0, 60, "something is stored")
    daemons.kill(first)
    assert signs(store) == ["running"], "it has not stopped on purpose, and the page will call it silent"
    assert ("refuse", "once") in rules_with_status(store, "active")

    run("publish", after, "--as", "json")
    second = daemons.start("cache", "watch")
    wait_until(lambda: progress(store) == 2 * MESSAGES, 60, "all accesses are tried")
    assert daemons.stop(second) == 0
    assert signs(store) == ["running", "stopped"]
    assert "withdrawn" in run("suggestions")
    rules = rules_with_status(store, "withdrawn")
    assert ("refuse", "once") in rules
    assert "suggestion withdrawn" in daemons.logs()
    assert "Traceback" not in daemons.logs()
    # What two processes found, one of them killed, is what one quiet simulation finds.
    quiet = judge_trials(advance(advance(begun, read(during)), read(after)), np.random.default_rng(0), -1)
    assert rules == {(suggestion.kind, suggestion.target) for suggestion in quiet if suggestion.withdrawn} | withdrawn


def rules_with_status(store, how):
    """Rules that stand so."""
    with store.read() as tx:
        return {(row.kind, row.target) for row in suggestions.of_cache(tx, "rome") if row.status == how}


def signs(store):
    """States of the watchers that have reported."""
    with store.read() as tx:
        return sorted(sign.state for sign in heartbeats.newest(tx) if sign.daemon.endswith(":accesses"))


def resumed(store):
    with store.begin() as tx:
        return trials.load(tx, "rome")
