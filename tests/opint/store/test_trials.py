"""Trials come back from the store as they were put down."""

import numpy as np
import pytest

pytest.importorskip("numba")

from opint.store import caches, suggestions
from opint.store import trials as stored
from opint.store.caches import CacheDay
from opint.store.engine import Store
from rl_cache.traces.trace import LabelColumn, Trace
from rl_cache.trials.shadow import Trials, advance
from rl_cache.trials.suggestions import Proposal, RuleKind

PROPOSALS = (Proposal(RuleKind.REFUSE, "MÜLL", 0.0, "5% read again"), Proposal(RuleKind.QUOTA, "AOD", 0.25, "why"))


def example_trials(proposals: tuple[Proposal, ...] = PROPOSALS) -> Trials:
    trace = Trace(
        np.array([5, 100_000, 100_001]),
        np.array([0, 1, 0]),
        np.array([3 * 2**40, 7]),
        file_name=np.array(["/store/ä\n", "/store/b"]),
        tier=LabelColumn(np.array([0, 1], np.int32), ("MÜLL", "AOD")),
    )
    return advance(Trials.start(proposals, 10 * 2**40), trace)


def test_what_was_saved_is_loaded(store: Store) -> None:
    saved = example_trials()
    with store.begin() as tx:
        stored.save(tx, "rome", Trials.start(PROPOSALS, 1), 1.0)
        stored.save(tx, "rome", saved, 2.0)
        stored.save(tx, "bari", example_trials(PROPOSALS[:1]), 2.0)
    with store.begin() as tx:
        loaded = stored.load(tx, "rome")
        assert suggestions.tried_through_s(tx, "rome") == 100_001
    assert loaded is not None
    assert (loaded.capacity_bytes, loaded.proposals, loaded.through_s) == (10 * 2**40, PROPOSALS, 100_001)
    assert (loaded.files.name, loaded.files.directory, loaded.files.dataset) == (
        saved.files.name,
        saved.files.directory,
        saved.files.dataset,
    )
    assert loaded.files.size.tolist() == saved.files.size.tolist()
    assert [files.tolist() for files in loaded.cached] == [files.tolist() for files in saved.cached]
    for column in ("day", "requests", "read_bytes", "misses", "missed_bytes", "written_bytes"):
        np.testing.assert_array_equal(getattr(loaded, column), getattr(saved, column))


def test_a_trial_before_its_first_request_comes_back_too(store: Store) -> None:
    with store.begin() as tx:
        stored.save(tx, "rome", Trials.start(PROPOSALS, 7), 1.0)
        loaded = stored.load(tx, "rome")
    assert loaded is not None
    assert loaded.missed_bytes.shape == (3, 0)


def test_with_nothing_left_to_try_lru_goes_on(store: Store) -> None:
    with store.begin() as tx:
        stored.save(tx, "rome", example_trials(), 1.0)
        stored.save(tx, "rome", example_trials().select([]), 2.0)
        loaded = stored.load(tx, "rome")
    assert loaded is not None
    assert loaded.proposals == ()
    assert len(loaded.cached) == 1


def test_days_are_stored_beside_the_trial_and_grow(store: Store) -> None:
    saved = example_trials()
    more = Trace(np.array([100_002]), np.array([0]), np.array([7]), file_name=np.array(["/store/b"]))
    with store.begin() as tx:
        stored.save(tx, "rome", saved, 1.0)
        stored.save(tx, "rome", advance(saved, more), 2.0)
        first, second = caches.days(tx, "rome", 10)
        (cache,) = caches.stored_caches(tx)
    assert first == CacheDay(0, 1, 3 * 2**40, 1, 3 * 2**40, 3 * 2**40)
    assert second == CacheDay(1, 3, 3 * 2**40 + 14, 1, 7, 7)
    assert (cache.cache, cache.capacity_bytes, cache.through_s, cache.updated_s) == ("rome", 10 * 2**40, 100_002, 2.0)
