"""Suggestions: made from the past, tried on later days, withdrawn when LRU does better."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")

from hypothesis import given
from hypothesis import strategies as st

from rl_cache.errors import SimulationError
from rl_cache.kernels.history import FEATURES
from rl_cache.kernels.network import zero_network
from rl_cache.laboratory.agent import Agent
from rl_cache.policies.eviction.scored import Knobs
from rl_cache.traces.trace import DAY_S, LabelColumn, Trace
from rl_cache.trials.proposals import propose, try_rules
from rl_cache.trials.suggestions import (
    TRIAL_DAYS,
    WINDOW_DAYS,
    Proposal,
    RuleKind,
    Suggestion,
    TrialStatus,
    judge_savings,
    judge_trials,
)


def made_of(trace: Trace, agent: Agent, capacity_bytes: int, rng: np.random.Generator) -> list[Suggestion]:
    return judge_trials(try_rules(trace, agent, capacity_bytes).trials, rng)


AGENT = Agent(Knobs(share=1.0, recency=-1.0, frequency=1.0), zero_network(len(FEATURES)))
SIZE = 10
days = st.lists(st.floats(-1e12, 1e12), max_size=30)


def polluted(n_days: int = 20, per_day: int = 400) -> Trace:
    """Half of the reads are of a few files in "good", the others of files in "once" that nobody reads again."""
    rng = np.random.default_rng(0)
    n = n_days * per_day
    file = np.where(rng.random(n) < 0.5, rng.integers(0, 100, n), 100 + np.arange(n))
    file_number, dense = np.unique(file, return_inverse=True)
    code = (file_number >= 100).astype(np.int32)
    return Trace(
        time_s=np.sort(rng.integers(0, n_days * DAY_S, n)),
        file=dense.astype(np.int64),
        file_size=np.full(len(file_number), SIZE, np.int64),
        tier=LabelColumn(code, ("good", "once")),
        dataset=LabelColumn(code, ("/good", "/once")),
    )


def test_pollution_is_refused_and_the_saving_is_stated() -> None:
    suggestions = made_of(polluted(), AGENT, 60 * SIZE, np.random.default_rng(0))
    refusal = next(suggestion for suggestion in suggestions if suggestion.kind is RuleKind.REFUSE)
    assert refusal.target == "once"
    assert refusal.low > 0
    assert refusal.low < refusal.saved_per_day < refusal.high
    assert refusal.written_bytes_per_day > 0
    assert refusal.judgement.status is TrialStatus.ACTIVE
    assert "read again" in refusal.reason


def test_a_rule_that_turns_bad_is_withdrawn() -> None:
    """What was read once in the first half is all that is read in the second."""
    trace = polluted()
    half = int(trace.day_starts[10])
    later = np.random.default_rng(1).choice(np.flatnonzero(trace.tier.code == 1)[:40], len(trace) - half)  # type: ignore[union-attr]
    turned = replace(trace, file=np.concatenate((trace.file[:half], later)))
    suggestions = made_of(turned, AGENT, 60 * SIZE, np.random.default_rng(0))
    refusal = next(suggestion for suggestion in suggestions if suggestion.kind is RuleKind.REFUSE)
    assert refusal.judgement.status is TrialStatus.WITHDRAWN
    assert "LRU served" in refusal.judgement.reason


def test_a_refusal_looks_at_the_trace_and_not_at_the_agent() -> None:
    never_admits = Agent(Knobs(share=1.0, margin=1e9), zero_network(len(FEATURES)))
    targets = [
        {(rule.target, rule.reason) for rule in propose(polluted(), agent, 60 * SIZE) if rule.kind is RuleKind.REFUSE}
        for agent in (AGENT, never_admits)
    ]
    assert targets == [{("once", "0% of its bytes were read again")}] * 2


def test_where_no_rule_had_an_effect_they_are_named() -> None:
    trace = polluted()
    names = LabelColumn((np.arange(trace.n_files) % 2).astype(np.int32), ("even", "odd"))
    often = replace(trace, file=trace.file % 100, tier=names, dataset=None)
    rules = try_rules(often, AGENT, 10_000 * SIZE)
    assert rules.trials.proposals == ()
    assert rules.why_none.startswith("on the later days each rule that was tried left misses and writes")
    assert "(quota even, quota odd)" in rules.why_none


def test_where_no_rule_followed_the_reasons_are_given() -> None:
    trace = polluted()
    names = LabelColumn(np.zeros(trace.n_files, np.int32), ("all",))
    often = replace(trace, file=trace.file % 100, tier=names, dataset=None)
    rules = try_rules(often, AGENT, 90 * SIZE)
    assert (rules.trials.proposals, rules.without_effect) == ((), ())
    assert "at least 10% of the bytes of each directory were read again" in rules.why_none


def test_suggestions_repeat_themselves() -> None:
    first, second = (made_of(polluted(), AGENT, 60 * SIZE, np.random.default_rng(0)) for _ in range(2))
    assert first == second


def test_a_trace_without_words_gives_no_rules() -> None:
    with pytest.raises(SimulationError, match="neither data tiers nor datasets"):
        made_of(replace(polluted(), tier=None, dataset=None), AGENT, 600, np.random.default_rng(0))


def test_a_short_trace_is_refused() -> None:
    with pytest.raises(SimulationError, match="days"):
        made_of(polluted(3), AGENT, 600, np.random.default_rng(0))


@given(days)
def test_savings_alone_are_never_withdrawn(saved: list[float]) -> None:
    assert judge_savings([abs(day) for day in saved]).status is not TrialStatus.WITHDRAWN


@given(days, days)
def test_a_withdrawal_stands(saved: list[float], later: list[float]) -> None:
    if judge_savings(saved).status is TrialStatus.WITHDRAWN:
        assert judge_savings(saved + later).status is TrialStatus.WITHDRAWN


@given(days)
def test_a_bad_week_withdraws(saved: list[float]) -> None:
    assert judge_savings([*saved, *[-1e13] * WINDOW_DAYS]).status is TrialStatus.WITHDRAWN


def test_few_days_tell_nothing() -> None:
    assert judge_savings([-1.0] * (TRIAL_DAYS - 1)).status is TrialStatus.ON_TRIAL


def test_a_proposal_is_one_rule() -> None:
    assert Proposal(RuleKind.REFUSE, "x", 0.0, "").rules.refused == {"x"}
    assert Proposal(RuleKind.QUOTA, "x", 0.2, "").rules.quotas == {"x": 0.2}
    assert Proposal(RuleKind.PIN, "x", 0.0, "").rules.pinned == {"x"}
