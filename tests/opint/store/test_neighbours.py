"""What is stored around a lumisection, whatever the order in which it was stored."""

import numpy as np

from opint.store import lumisections
from opint.store.neighbours import neighbours
from streams.records import LumisectionKey

DATASET = "/A/B/C"


def keys_of(contents):
    return [(item.key.run, item.key.ls) for item in contents.get("DT", ())]


def test_nearest_on_both_sides_across_runs_and_gaps(store, make_state):
    stored = [make_state(run, ls) for run, ls in [(2, 1), (1, 9), (1, 7), (2, 3), (3, 1), (1, 200)]]
    with store.begin() as tx:
        lumisections.save(tx, stored, {}, 1.0)
        result = neighbours(tx, DATASET, [LumisectionKey(1, 9), LumisectionKey(2, 2), LumisectionKey(3, 1)], 2)
    inside, gap, last = result[LumisectionKey(1, 9)], result[LumisectionKey(2, 2)], result[LumisectionKey(3, 1)]
    assert keys_of(inside.before) == [(1, 7)]
    assert keys_of(inside.after) == [(1, 200), (2, 1)]
    assert keys_of(gap.before) == [(1, 200), (2, 1)]
    assert keys_of(gap.after) == [(2, 3), (3, 1)]
    assert keys_of(last.before) == [(2, 1), (2, 3)]
    assert keys_of(last.after) == []


def test_content_is_that_of_the_state(store, make_state):
    state = make_state(1, 1)
    with store.begin() as tx:
        lumisections.save(tx, [state], {}, 1.0)
        (content,) = neighbours(tx, DATASET, [LumisectionKey(1, 2)], 2)[LumisectionKey(1, 2)].before["DT"]
    np.testing.assert_array_equal(content.digests, state.parts["DT"].digests)
    assert content.catalogue == state.parts["DT"].catalogue.digest


def test_whole_runs_are_compared_with_whole_runs(store, make_state):
    stored = [make_state(run, ls) for run, ls in [(1, 0), (1, 5), (2, 0), (2, 5), (3, 0)]]
    with store.begin() as tx:
        lumisections.save(tx, stored, {}, 1.0)
        result = neighbours(tx, DATASET, [LumisectionKey(2, 0), LumisectionKey(2, 5)], 2)
    assert keys_of(result[LumisectionKey(2, 0)].before) == [(1, 0)]
    assert keys_of(result[LumisectionKey(2, 0)].after) == [(3, 0)]
    assert keys_of(result[LumisectionKey(2, 5)].before) == [(1, 5)]


def test_other_datasets_are_not_looked_at(store, make_state):
    with store.begin() as tx:
        lumisections.save(tx, [make_state(1, 1, dataset="/other/B/C")], {}, 1.0)
        result = neighbours(tx, DATASET, [LumisectionKey(1, 2)], 2)
    assert result[LumisectionKey(1, 2)].before == {}
