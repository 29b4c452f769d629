"""Trials come back from the store as they were put down."""

import numpy as np
import pytest

pytest.importorskip("numba")

from opint.store import suggestions
from opint.store import trials as stored
from opint.store.engine import Store
from rl_cache.traces.trace import Labels, Trace
from rl_cache.trials.shadow import Trials, advance
from rl_cache.trials.suggestions import Proposal, RuleKind

ASKED = (Proposal(RuleKind.REFUSE, "MÜLL", 0.0, "5% read again"), Proposal(RuleKind.QUOTA, "AOD", 0.25, "why"))


def some(proposals: tuple[Proposal, ...] = ASKED) -> Trials:
    trace = Trace(
        np.array([5, 100_000, 100_001]),
        np.array([0, 1, 0]),
        np.array([3 * 2**40, 7]),
        file_name=np.array(["/store/ä\n", "/store/b"]),
        tier=Labels(np.array([0, 1], np.int32), ("MÜLL", "AOD")),
    )
    return advance(Trials.start(proposals, 10 * 2**40), trace)


def test_what_was_put_down_is_taken_up(store: Store) -> None:
    made = some()
    with store.begin() as tx:
        stored.save(tx, "rome", Trials.start(ASKED, 1), 1.0)
        stored.save(tx, "rome", made, 2.0)
        stored.save(tx, "bari", some(ASKED[:1]), 2.0)
    with store.begin() as tx:
        found = stored.load(tx, "rome")
        assert suggestions.tried_through_s(tx, "rome") == 100_001
    assert found is not None
    assert (found.capacity_bytes, found.proposals, found.through_s) == (10 * 2**40, ASKED, 100_001)
    assert (found.files.name, found.files.directory, found.files.dataset) == (
        made.files.name,
        made.files.directory,
        made.files.dataset,
    )
    assert found.files.size.tolist() == made.files.size.tolist()
    assert [one.tolist() for one in found.held] == [one.tolist() for one in made.held]
    for column in ("day", "missed_bytes", "written_bytes"):
        np.testing.assert_array_equal(getattr(found, column), getattr(made, column))


def test_a_trial_before_its_first_request_comes_back_too(store: Store) -> None:
    with store.begin() as tx:
        stored.save(tx, "rome", Trials.start(ASKED, 7), 1.0)
        found = stored.load(tx, "rome")
    assert found is not None
    assert found.missed_bytes.shape == (3, 0)


def test_with_nothing_left_to_try_there_is_no_trial(store: Store) -> None:
    with store.begin() as tx:
        stored.save(tx, "rome", some(), 1.0)
        stored.save(tx, "rome", some().select([]), 2.0)
        assert stored.load(tx, "rome") is None
        assert suggestions.tried_through_s(tx, "rome") is None
