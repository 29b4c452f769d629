"""Every placement policy respects what every decision must respect."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opint.placement.backtest import add_up, play, with_free_space
from opint.placement.decision import apply_decision
from opint.placement.demand import region_shares
from opint.placement.policies import POLICIES, PolicyInput
from tests.support.placement import world

CASES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "disk_share": st.floats(0.02, 0.6),
        "network_share": st.floats(0.0, 0.5),
        "most_copies": st.integers(1, 4),
    }
)


def decisions(policy, case):
    """The input of a policy in a few weeks, and its decision."""
    played = world(datasets=40, weeks=22, first=19, **case)
    replicas = played.replicas
    for week, probability in sorted(played.probability.items()):
        replicas = with_free_space(replicas)
        shares = region_shares(played.reads[:, :, :week].sum(axis=2))
        history = played.history.until(week - 1)
        policy_input = PolicyInput(history, replicas, played.label, probability, shares, played.budget, played.prices)
        decision = policy(policy_input)
        yield policy_input, decision
        replicas = apply_decision(decision, replicas)


@pytest.mark.parametrize("name", POLICIES)
@given(case=CASES)
@settings(max_examples=12)
def test_no_disk_holds_more_than_fits(name, case):
    for policy_input, decision in decisions(POLICIES[name], case):
        used = apply_decision(decision, policy_input.replicas).used_bytes
        for rse, bytes_ in zip(policy_input.replicas.rses, used, strict=True):
            assert bytes_ <= rse.capacity_bytes + 1
        copied = policy_input.replicas.size_bytes[decision.copy_dataset].sum()
        assert copied <= policy_input.budget.network_bytes + 1


@pytest.mark.parametrize("name", POLICIES)
@given(case=CASES)
@settings(max_examples=12)
def test_last_copies_tape_and_locked_replicas_stay(name, case):
    for policy_input, decision in decisions(POLICIES[name], case):
        before, after = policy_input.replicas, apply_decision(decision, policy_input.replicas)
        assert set(before.dataset) == set(before.dataset[~decision.delete])
        assert not (decision.delete & before.locked).any()
        assert before.is_disk[before.rse[decision.delete]].all()
        assert before.is_disk[decision.copy_rse].all()
        assert len({*zip(after.dataset, after.rse, strict=True)}) == len(after.dataset)
        assert (after.disk_copies <= np.maximum(before.disk_copies, policy_input.budget.most_copies)).all()
        sources = set(before.dataset)
        assert set(decision.copy_dataset) <= sources


@pytest.mark.parametrize("name", POLICIES)
def test_the_same_situation_is_decision_alike(name):
    scores = [add_up(play(world(7), POLICIES[name])) for _ in range(2)]
    assert scores[0] == scores[1]
    assert scores[0].reads > 0


@pytest.mark.parametrize("name", POLICIES)
def test_what_comes_later_changes_no_week_before_it(name):
    played, until = world(3), 21
    changed = {key: counts.copy() for key, counts in played.history.measures.items()}
    for values in changed.values():
        values[:, until + 1 :] = np.random.default_rng(1).permutation(values[:, until + 1 :])
    reads = played.reads.copy()
    reads[:, :, until + 1 :] = 1000
    other = replace(played, history=replace(played.history, measures=changed), reads=reads)
    weeks, again = list(play(played, POLICIES[name])), list(play(other, POLICIES[name]))
    place = [counts.week for counts in weeks].index(until) + 1
    assert weeks[:place] == again[:place]
    assert weeks[place:] != again[place:]
