"""The scored policy: S3-FIFO while nobody steers it, and never any wiser than the past."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")

from hypothesis import given, settings
from hypothesis import strategies as st

from rl_cache.errors import SimulationError
from rl_cache.kernels.history import FEATURES
from rl_cache.kernels.network import Network, evaluator, predict
from rl_cache.laboratory.simulator import Simulation, simulate
from rl_cache.policies.eviction.lru import Lru
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.eviction.scored import Knobs, ScoredS3Fifo
from rl_cache.policies.eviction.shadowed import cached_files
from rl_cache.traces.trace import LabelColumn, Trace
from tests.support.cache_traces import popular

CAPACITY = 20_000
STEERED = Knobs(share=0.7, margin=0.1, recency=-1.0, frequency=0.3, siblings_cached=0.2)


def labelled(trace: Trace, rng: np.random.Generator) -> Trace:
    """The trace with datasets, and with tasks of three users; some requests are outside of tasks."""
    code = rng.integers(0, 7, trace.n_files).astype(np.int32)
    task = (np.arange(len(trace)) // 400 * 4 + rng.integers(0, 4, len(trace))).astype(np.int32)
    names = tuple(str(number) if number % 4 else "" for number in range(task.max() + 1))
    return replace(
        trace,
        dataset=LabelColumn(code, tuple("abcdefg")),
        tier=LabelColumn(code % 2, ("x", "y")),
        task=LabelColumn(task, names),
        user=LabelColumn(task % 3, tuple("uvw")),
    )


@pytest.fixture(scope="module")
def trace() -> Trace:
    rng = np.random.default_rng(5)
    return labelled(popular(rng), rng)


def some_network(seed: int = 0) -> Network:
    rng = np.random.default_rng(seed)
    return Network(rng.normal(size=(5, len(FEATURES))), rng.normal(size=5), rng.normal(size=5), rng.normal(size=1))


@given(st.integers(0, 2**32), st.integers(2000, 60_000))
@settings(max_examples=10)
def test_untouched_it_misses_no_more_than_s3fifo(seed: int, capacity: int) -> None:
    trace = popular(np.random.default_rng(seed))
    own, plain = Simulation(trace, ScoredS3Fifo(), capacity), Simulation(trace, S3Fifo(), capacity)
    own.advance()
    plain.advance()
    assert set(np.flatnonzero(plain.state.where <= 1)) <= set(cached_files(own.state.cache))
    assert own.account.miss_bytes.sum() <= plain.account.miss_bytes.sum()


@pytest.mark.parametrize("knobs", [STEERED, Knobs(share=1.0)])
def test_the_books_balance(trace: Trace, knobs: Knobs) -> None:
    cache = Simulation(trace, ScoredS3Fifo(knobs, some_network()), CAPACITY)
    for row in range(100, len(trace) + 100, 100):
        cache.advance(row)
        account, state = cache.account, cache.state
        assert account.written_bytes.sum() - account.deleted_bytes.sum() == cache.occupied_bytes <= CAPACITY
        files = cached_files(state.cache)
        assert trace.file_size[files].sum() == cache.occupied_bytes == state.cache.bytes[:2].sum()
        assert trace.dataset is not None
        cached = np.bincount(trace.dataset.code[files], minlength=7)
        assert np.array_equal(cached, state.history.datasets[:, 3])


def test_the_future_is_not_known(trace: Trace) -> None:
    """Neither what is requested later nor by whom changes anything before."""
    rows, rng = len(trace) // 2, np.random.default_rng(8)

    def later(values: np.ndarray) -> np.ndarray:
        return np.concatenate((values[:rows], rng.permutation(values[rows:])))

    assert trace.task is not None
    assert trace.user is not None
    task, user = (replace(column, code=later(column.code)) for column in (trace.task, trace.user))
    accounts = []
    for variant in (trace, replace(trace, file=later(trace.file), task=task, user=user)):
        cache = Simulation(variant, ScoredS3Fifo(STEERED, some_network()), CAPACITY)
        cache.advance(rows)
        history = cache.state.history
        tables = (history.files, history.datasets, history.runs.runs, history.runs.datasets, history.runs.files)
        accounts.append((cache.account.hit_bytes.sum(), [table.tolist() for table in tables]))
    assert accounts[0] == accounts[1]


def test_the_oldest_of_a_sample_is_nearly_lru(trace: Trace) -> None:
    by_age = simulate(trace, ScoredS3Fifo(Knobs(share=1.0, margin=-100.0, reuse=0.0, recency=-1.0)), CAPACITY)
    assert by_age.byte_miss_ratio == pytest.approx(simulate(trace, Lru(), CAPACITY).byte_miss_ratio, abs=0.03)


def test_a_margin_writes_less(trace: Trace) -> None:
    written_bytes = [
        simulate(trace, ScoredS3Fifo(Knobs(share=1.0, margin=margin, recency=-1.0)), CAPACITY).written_bytes.sum()
        for margin in (-100.0, 1.8, 100.0)
    ]
    assert written_bytes[0] >= written_bytes[1] >= written_bytes[2]
    assert written_bytes[0] > 2 * written_bytes[2]


def test_features_are_of_the_order_of_one(trace: Trace) -> None:
    from rl_cache.agents.samples import sample_cache

    samples = sample_cache(trace, ScoredS3Fifo(), CAPACITY, 2000, np.random.default_rng(0))
    assert np.isfinite(samples.features).all()
    assert np.abs(samples.features).max() < 20
    assert np.abs(samples.features.mean(axis=0)).max() < 3


def test_waits_are_those_of_the_trace(trace: Trace) -> None:
    """Recomputed the slow way."""
    from rl_cache.agents.samples import _wait_s

    rng = np.random.default_rng(1)
    files, rows = rng.integers(0, trace.n_files, 50), rng.integers(0, len(trace), 50)
    for file, row, wait in zip(files, rows, _wait_s(trace, files, rows), strict=True):
        later = np.flatnonzero(trace.file[row + 1 :] == file)
        expected = trace.time_s[row + 1 + later[0]] - trace.time_s[row] if len(later) else np.inf
        assert wait == expected


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_the_network_answers_as_its_formula(seed: int) -> None:
    network, values = some_network(seed), np.random.default_rng(seed).normal(size=len(FEATURES))
    expected = network.output @ np.maximum(0.0, network.hidden @ values + network.bias) + network.offset[0]
    assert predict(evaluator(network), values) == pytest.approx(expected, abs=1e-4)  # evaluated in single precision


@pytest.mark.parametrize("wrong", [{"share": 1.5}, {"share": -0.1}, {"margin": float("nan")}])
def test_knobs_refuse_nonsense(wrong: dict[str, float]) -> None:
    with pytest.raises(SimulationError, match="knobs"):
        Knobs(**wrong)


def test_knobs_survive_their_array() -> None:
    assert Knobs.from_array(STEERED.array()) == STEERED
