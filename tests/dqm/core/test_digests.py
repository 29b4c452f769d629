"""Content digests."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dqm.core.digests import EMPTY, digests

shapes = st.tuples(st.integers(1, 4), st.integers(1, 9))
whole = shapes.flatmap(lambda shape: hnp.arrays(np.int64, shape, elements=st.integers(0, 2**24)))


def flow_and_entries(counts):
    return np.zeros((len(counts), 2)), counts.sum(axis=1).astype(np.float64)


@given(whole)
def test_equal_contents_have_equal_digests_in_both_types(counts):
    flow, entries = flow_and_entries(counts)
    np.testing.assert_array_equal(digests(counts, flow, entries), digests(counts.astype(np.float32), flow, entries))


@given(whole, st.data())
def test_any_change_changes_the_digest(counts, data):
    flow, entries = flow_and_entries(counts)
    before = digests(counts, flow, entries)
    row = data.draw(st.integers(0, counts.shape[0] - 1))
    changed = counts.copy()
    changed[row, data.draw(st.integers(0, counts.shape[1] - 1))] += data.draw(st.integers(1, 2**20))
    after = digests(changed, flow, entries)
    assert (before != after).tolist() == [at == row for at in range(len(counts))]


@given(whole)
def test_rows_do_not_depend_on_each_other(counts):
    flow, entries = flow_and_entries(counts)
    together = digests(counts, flow, entries)
    for row in range(len(counts)):
        item = slice(row, row + 1)
        assert digests(counts[item], flow[item], entries[item])[0] == together[row]


def test_flow_and_entries_belong_to_the_content():
    counts = np.array([[1, 2, 3]])
    plain = digests(counts, np.zeros((1, 2)), np.array([6.0]))[0]
    assert digests(counts, np.array([[1.0, 0.0]]), np.array([6.0]))[0] != plain
    assert digests(counts, np.array([[0.0, 1.0]]), np.array([6.0]))[0] != plain
    assert digests(counts, np.zeros((1, 2)), np.array([7.0]))[0] != plain


def test_emptiness_is_known_for_any_number_of_bins_and_either_type():
    for dtype in (np.float32, np.int64):
        for bins in (1, 2, 100):
            assert digests(np.zeros((1, bins), dtype=dtype), np.zeros((1, 2)), np.zeros(1))[0] == EMPTY
    assert digests(np.full((1, 3), -0.0, dtype=np.float32), np.zeros((1, 2)), -np.zeros(1))[0] == EMPTY


def test_large_whole_numbers_are_told_apart():
    """They are beyond what float32 can hold."""
    values = np.array([[2**40], [2**40 + 1], [2**62], [2**62 + 1], [2**63 - 1]])
    result = digests(values, np.zeros((5, 2)), np.zeros(5))
    assert len(set(result.tolist())) == 5


def test_many_small_histograms_do_not_collide():
    """Two counts in 60 bins in all ways: differences that a weak hash confuses."""
    pairs = [(i, j) for i in range(60) for j in range(i, 60)]
    counts = np.zeros((len(pairs), 60), dtype=np.float32)
    for row, (i, j) in enumerate(pairs):
        counts[row, i] += 1
        counts[row, j] += 1
    result = digests(counts, np.zeros((len(pairs), 2)), np.full(len(pairs), 2.0))
    assert len(set(result.tolist())) == len(pairs)


def test_digests_never_change():
    """They are stored: another release must find the same."""
    counts = np.array([[0, 1, 2, 3, 5, 8, 13]])
    assert int(digests(counts, np.array([[1.0, 2.0]]), np.array([35.0]))[0]) == GOLDEN


GOLDEN = 5264471508077301559
