"""Sums of a run: exact, free of order, and nothing but what may be trusted or held."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dqm.core.drift import EVERY, HELD_BACK, PILEUP_STEPS, TRUSTED, RunSums, cells_of, is_sampled, run_sums
from streams.records import Axis, Catalogue, LumisectionKey, MonitoringElement

CATALOGUE = Catalogue.of([MonitoringElement(f"me{n}", (Axis(bins, 0.0, 1.0),)) for n, bins in enumerate((4, 4, 6))])


def sums_of(seed):
    rng = np.random.default_rng(seed)
    counts = [rng.integers(0, 10**9, (2, 4)).astype(np.float32), rng.integers(0, 9, (1, 6)).astype(np.int64)]
    return run_sums(counts, rng.choice([0.5, 0.01, np.nan], 3).astype(np.float32), float(rng.uniform(-3, 3)))


def same(item, other):
    return all(
        np.array_equal(getattr(item, name), getattr(other, name)) for name in ("counts", "leaning", "histograms")
    )


@given(st.lists(st.integers(0, 2**32 - 1), max_size=8), st.randoms())
def test_sums_do_not_depend_on_order(seeds, random):
    parts = [sums_of(seed) for seed in seeds]
    shuffled = random.sample(parts, len(parts))
    nothing = RunSums.nothing(CATALOGUE)
    assert same(sum(parts, nothing), sum(shuffled, nothing))


def test_histograms_go_where_their_p_values_say():
    counts = [np.array([[1, 2, 3, 4], [5, 6, 7, 8]], dtype=np.float32), np.full((1, 6), 9, dtype=np.float32)]
    sums = run_sums(counts, np.array([0.5, 0.01, np.nan], dtype=np.float32), 1.5)
    assert sums.counts[TRUSTED].tolist() == [1, 2, 3, 4, *[0] * 10]
    assert sums.counts[HELD_BACK].tolist() == [0] * 4 + [5, 6, 7, 8] + [0] * 6
    assert sums.histograms.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert sums.leaning[:, :2].tolist() == [[15 * PILEUP_STEPS, 0], [0, 39 * PILEUP_STEPS]]


def test_some_elements_alone():
    whole = sums_of(3)
    parts = [whole.only(np.arange(3) == row, CATALOGUE) for row in range(3)]
    assert same(sum(parts, RunSums.nothing(CATALOGUE)), whole)
    assert not parts[2].counts[:, :8].any()
    assert cells_of(CATALOGUE) == 14


def test_one_lumisection_in_a_few_is_sampled_and_every_whole_run():
    assert is_sampled(LumisectionKey(1, 0))
    assert sum(is_sampled(LumisectionKey(1, ls)) for ls in range(1, 10 * EVERY + 1)) == 10
