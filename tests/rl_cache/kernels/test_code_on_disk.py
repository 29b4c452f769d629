"""Compiled code that many processes have put on disk: each policy runs its own, whoever loads it beside what."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cache import peer
from rl_cache.traces.read import read_oracle_general
from tests.support.cache_traces import popular, write_oracle_general

ROOT = Path(__file__).parents[3]
ALIKE = {"lru": "LRU", "fifo": "FIFO"}
"""Pairs built by the same closures over states of the same types, as libCacheSim calls them."""
REPLAY = """
import json, sys
from pathlib import Path
from rl_cache.policies.registry import make_policy
from rl_cache.laboratory.simulator import simulate
from rl_cache.traces.read import read

trace = read(Path(sys.argv[1]))
accounts = {name: simulate(trace, make_policy(name), trace.footprint_bytes // 10) for name in sys.argv[2:]}
print(json.dumps({name: int(account.misses.sum()) for name, account in accounts.items()}))
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    trace = popular(np.random.default_rng(2), requests=5000, files=1000, largest=50)
    return write_oracle_general(trace, tmp_path_factory.mktemp("trace") / "x.oracleGeneral.bin")


@pytest.fixture(scope="module")
def misses(path, tmp_path_factory):
    """Misses by policy in a new process; all processes share one folder of compiled code."""
    environment = {"NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("compiled")), "PYTHONPATH": str(ROOT)}

    def replayed(*policies):
        command = [sys.executable, "-W", "error", "-c", REPLAY, str(path), *policies]
        return json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)

    return replayed


def test_policies_that_were_compiled_apart_do_not_mix(path, misses):
    with ThreadPoolExecutor(2) as threads:
        alone = {name: counts[name] for name, counts in zip(ALIKE, threads.map(misses, ALIKE), strict=True)}
        together = list(threads.map(lambda order: misses(*order), (ALIKE, reversed(ALIKE))))
    assert together == [alone, alone]
    assert len(set(alone.values())) == len(ALIKE)
    if peer.installed():
        trace = read_oracle_general(path)
        for name, called in ALIKE.items():
            theirs = peer.replay(path, called, trace.footprint_bytes // 10)
            assert alone[name] == round(theirs.request_miss_ratio * len(trace))
