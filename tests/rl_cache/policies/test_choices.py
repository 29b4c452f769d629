"""Which file each policy lets go, on examples that fit on a line."""

import numpy as np
import pytest

from rl_cache.errors import SimulationError
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.admission.random_admission import RandomAdmission
from rl_cache.policies.eviction.arc import Arc
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.eviction.w_tinylfu import WTinyLfu
from rl_cache.policies.reference.belady import BeladySize
from rl_cache.policies.registry import make_policy
from tests.support.cache_traces import popular, trace_of


def hits(name, files, capacity, sizes=None):
    """Whether each request hits."""
    trace = trace_of(files, sizes, times=np.arange(len(files)) * 86_400)
    return simulate(trace, make_policy(name), capacity).hits.tolist()


A, B, C, D = range(4)
EXAMPLES = {
    "lru": ([A, B, A, C, A, B], 2, None, [0, 0, 1, 0, 1, 0]),
    "fifo": ([A, B, A, C, B, A], 2, None, [0, 0, 1, 0, 1, 0]),
    "lfu": ([A, A, B, C, A, B], 2, None, [0, 1, 0, 0, 1, 0]),
    "size-big": ([A, B, C, A, B], 9, [2, 6, 3], [0, 0, 0, 1, 0]),
    "size-small": ([A, B, C, B, A], 9, [2, 6, 3], [0, 0, 0, 1, 0]),
    "belady": ([A, B, C, A, B], 2, None, [0, 0, 0, 1, 0]),
    "sieve": ([A, B, A, C, A, C], 2, None, [0, 0, 1, 0, 1, 1]),
    # Worth per byte: A 2/8, B 1/2, C 1/1: A goes although it was requested most.
    "gdsf": ([A, A, B, C, B, A], 10, [8, 2, 1], [0, 1, 0, 0, 1, 0]),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_by_hand(name):
    files, capacity, sizes, expected = EXAMPLES[name]
    assert hits(name, files, capacity, sizes) == expected


def test_the_two_lfu_differ_in_what_they_remember():
    # A was requested three times before it left; only all-time counts spare it when it returns.
    files = [A, A, B, B, B, C, C, C, A, D, A]
    assert hits("lfu", files, 2)[-1] == 0
    assert hits("lfu-all-time", files, 2)[-1] == 1


def test_gdsf_lets_old_popularity_sink():
    """A file once popular leaves at last, which it never does with LFU."""
    rng = np.random.default_rng(4)
    files = [0] * 50 + rng.integers(1, 12, 3000).tolist() + [0]
    assert hits("gdsf", files, 8)[-1] == 0
    assert hits("lfu", files, 8)[-1] == 1


def test_random_admission_stores_its_share():
    trace = popular(np.random.default_rng(1), requests=20_000, files=5000)
    account = simulate(trace, RandomAdmission(0.25, seed=3), 50_000)
    assert account.written_bytes.sum() / account.miss_bytes.sum() == pytest.approx(0.25, abs=0.02)
    other = simulate(trace, RandomAdmission(0.25, seed=4), 50_000)
    assert other.hits.sum() != account.hits.sum()


@pytest.mark.parametrize("name", ["s3fifo", "sieve", "w-tinylfu", "arc", "lfu"])
def test_a_scan_does_not_wash_out_what_is_popular(name):
    rng = np.random.default_rng(7)
    popular_part = rng.integers(0, 60, 3000).tolist()
    files = popular_part + list(range(60, 560)) + popular_part[:60]
    after = slice(3500, 3560)
    assert sum(hits(name, files, 100)[after]) > 40
    assert sum(hits("lru", files, 100)[after]) < 25


def test_arc_keeps_what_returned_once_although_more_is_read_only_once():
    often = list(range(6))
    rounds = [[*often, *range(first, first + 8)] for first in range(6, 486, 8)]
    files = often + [file for batch in rounds for file in batch]
    assert simulate(trace_of(files), make_policy("lru"), 10).hits.sum() == 6
    assert simulate(trace_of(files), Arc(), 10).hits.sum() == 6 * 60


def test_belady_by_size_misses_fewer_requests_and_writes_less():
    trace = popular(np.random.default_rng(9), requests=10_000)
    by_size, plain = (simulate(trace, policy, 20_000) for policy in (BeladySize(), make_policy("belady")))
    assert by_size.misses.sum() < plain.misses.sum()
    assert by_size.written_bytes.sum() < plain.written_bytes.sum()


@pytest.mark.parametrize(
    "make",
    [
        lambda: RandomAdmission(0),
        lambda: RandomAdmission(1.5),
        lambda: S3Fifo(small_share=1.0),
        lambda: S3Fifo(proof=0),
        lambda: WTinyLfu(window_share=0),
        lambda: BeladySize(sample=0),
    ],
)
def test_senseless_parameters_are_refused(make):
    with pytest.raises(SimulationError, match=r"need|between"):
        make()
