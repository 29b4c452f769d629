"""Every policy of placement keeps to what every decision must keep to."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opint.placement.backtest import play, score, with_free_space
from opint.placement.decision import applied
from opint.placement.demand import shares
from opint.placement.policies.registry import POLICIES
from opint.placement.policies.situation import Situation
from tests.opint.placement.small import world

CASES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "disk_share": st.floats(0.02, 0.6),
        "network_share": st.floats(0.0, 0.5),
        "most_copies": st.integers(1, 4),
    }
)


def situations(policy, case):
    """What a policy is asked in a few weeks, and what it decides."""
    played = world(datasets=40, weeks=22, first=19, **case)
    held = played.replicas
    for week, probability in sorted(played.probability.items()):
        held = with_free_space(held)
        seen = shares(played.reads[:, :, :week].sum(axis=2))
        known = played.history.until(week - 1)
        asked = Situation(known, held, played.label, probability, seen, played.budget, played.prices)
        decided = policy(asked)
        yield asked, decided
        held = applied(decided, held)


@pytest.mark.parametrize("name", POLICIES)
@given(case=CASES)
@settings(max_examples=12, deadline=None)
def test_no_disk_holds_more_than_fits(name, case):
    for asked, decided in situations(POLICIES[name], case):
        used = applied(decided, asked.replicas).used_bytes
        for one, bytes_ in zip(asked.replicas.rses, used, strict=True):
            assert bytes_ <= one.capacity_bytes + 1
        copied = asked.replicas.size_bytes[decided.copy_dataset].sum()
        assert copied <= asked.budget.network_bytes + 1


@pytest.mark.parametrize("name", POLICIES)
@given(case=CASES)
@settings(max_examples=12, deadline=None)
def test_last_copies_tape_and_locked_replicas_stay(name, case):
    for asked, decided in situations(POLICIES[name], case):
        before, after = asked.replicas, applied(decided, asked.replicas)
        assert set(before.dataset) == set(before.dataset[~decided.delete])
        assert not (decided.delete & before.locked).any()
        assert before.is_disk[before.rse[decided.delete]].all()
        assert before.is_disk[decided.copy_rse].all()
        assert len({*zip(after.dataset, after.rse, strict=True)}) == len(after.dataset)
        assert (after.disk_copies <= np.maximum(before.disk_copies, asked.budget.most_copies)).all()
        sources = set(before.dataset)
        assert set(decided.copy_dataset) <= sources


@pytest.mark.parametrize("name", POLICIES)
def test_the_same_situation_is_decided_alike(name):
    scores = [score(play(world(7), POLICIES[name])) for _ in range(2)]
    assert scores[0] == scores[1]
    assert scores[0].reads > 0


@pytest.mark.parametrize("name", POLICIES)
def test_what_comes_later_changes_no_week_before_it(name):
    played, until = world(3), 21
    changed = {key: one.copy() for key, one in played.history.measures.items()}
    for values in changed.values():
        values[:, until + 1 :] = np.random.default_rng(1).permutation(values[:, until + 1 :])
    reads = played.reads.copy()
    reads[:, :, until + 1 :] = 1000
    other = replace(played, history=replace(played.history, measures=changed), reads=reads)
    weeks, again = list(play(played, POLICIES[name])), list(play(other, POLICIES[name]))
    place = [one.week for one in weeks].index(until) + 1
    assert weeks[:place] == again[:place]
    assert weeks[place:] != again[place:]
