"""Heaps, lists, sets and random numbers behave as plain Python's do."""

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cache.errors import SimulationError
from rl_cache.kernels import heap, linked_list, sampling

# Python's integers do not wrap around at 64 bits as those of compiled code do.
draw, draw_member = numba.njit(sampling.draw), numba.njit(sampling.draw_member)

FILES = 8
STEPS = st.lists(st.tuples(st.sampled_from(("set", "set", "pop")), st.integers(0, FILES - 1), st.integers(0, 5)))


@given(STEPS)
def test_a_heap_gives_the_lowest_key_and_of_equal_ones_the_lowest_order(steps):
    structure, expected = heap.empty_heap(FILES), {}
    for order, (what, file, key) in enumerate(steps):
        if what == "set":
            (heap.change if heap.contains(structure, file) else heap.push)(structure, file, float(key), order)
            expected[file] = (key, order)
        elif expected:
            lowest = min(expected, key=expected.__getitem__)
            assert heap.pop(structure) == lowest
            del expected[lowest]
        assert {other for other in range(FILES) if heap.contains(structure, other)} == set(expected)
        assert structure.length[0] == len(expected)


@given(st.lists(st.integers(0, FILES - 1)))
def test_a_list_keeps_its_order(files):
    links, expected = linked_list.empty_lists(FILES, 2), []
    head = FILES + 1
    for file in files:
        if linked_list.contains(links, file):
            linked_list.unlink(links, file)
            expected.remove(file)
        else:
            linked_list.push_front(links, head, file)
            expected.append(file)
        assert linked_list.back(links, head) == (expected[0] if expected else head)
        assert linked_list.back(links, FILES) == FILES
    for file, after in zip(expected, [*expected[1:], head], strict=False):
        assert linked_list.newer(links, file) == after


def test_more_files_than_links_can_name_are_refused():
    with pytest.raises(SimulationError, match="split the trace"):
        linked_list.empty_lists(2**31)


@given(st.lists(st.integers(0, FILES - 1), min_size=1))
def test_a_set_holds_its_members_and_draws_only_them(files):
    structure, expected = sampling.empty_pool(FILES), set()
    for file in files:
        (sampling.remove if file in expected else sampling.add)(structure, file)
        expected ^= {file}
        assert set(structure.file[: structure.length[0]].tolist()) == expected
        assert not expected or {draw_member(structure, 1, count) for count in range(200)} == expected


def test_draws_are_uniform_and_follow_the_seed():
    drawn = np.array([draw(3, count) for count in range(20_000)])
    assert np.histogram(drawn, 20, (0, 1))[0] == pytest.approx(1000, abs=150)
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.03
    assert drawn[:100].tolist() == [draw(3, count) for count in range(100)]
    assert abs(np.corrcoef(drawn, [draw(4, count) for count in range(20_000)])[0, 1]) < 0.03
