"""The memory of catalogues is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from streams.codecs.catalogue_cache import BoundedCache, digest


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40)), max_size=50))
def test_what_is_held_never_costs_more_than_allowed(puts):
    cache = BoundedCache(100)
    costs = {}
    for key, cost in puts:
        if cache.get(key) is None:
            costs[key] = cost
        cache.put(key, key, cost)
    cached = [key for key in range(10) if cache.get(key) is not None]
    assert sum(costs[key] for key in cached) <= 100
    if puts:
        assert puts[-1][0] in cached


def test_the_least_recently_used_goes_first():
    cache = BoundedCache(2)
    cache.put("a", 1, 1)
    cache.put("b", 2, 1)
    cache.get("a")
    cache.put("c", 3, 1)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]


def test_what_is_too_dear_is_returned_and_not_held():
    cache = BoundedCache(10)
    assert cache.put("a", 1, 11) == 1
    assert cache.get("a") is None


def test_the_first_value_of_a_key_stays():
    cache = BoundedCache(10)
    cache.put("a", 1, 1)
    assert cache.put("a", 2, 1) == 1


def test_parts_are_told_apart():
    assert digest(b"ab", b"c") != digest(b"a", b"bc")
