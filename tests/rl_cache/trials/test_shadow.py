"""Trials in shadow: suspended and resumed anywhere, they count what an undisturbed simulation counts."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")

from rl_cache.errors import SimulationError
from rl_cache.laboratory.simulator import Simulation, simulate
from rl_cache.policies.admission.ruled import RuledLru, Rules
from rl_cache.policies.eviction.gdsf import Gdsf
from rl_cache.traces.trace import DAY_S, LabelColumn, Trace
from rl_cache.trials.shadow import Trials, advance
from rl_cache.trials.suggestions import Proposal, RuleKind, TrialStatus, judge_trials
from tests.support.cache_traces import popular

CAPACITY = 20_000
PROPOSALS = (
    Proposal(RuleKind.REFUSE, "b", 0.0, "why"),
    Proposal(RuleKind.QUOTA, "c", 0.1, "why"),
    Proposal(RuleKind.PIN, "/a", 0.0, "why"),
)


@pytest.fixture(scope="module")
def trace() -> Trace:
    """Ten days with a gap of three days in the middle."""
    rng = np.random.default_rng(5)
    requests = popular(rng)
    time_s = np.sort(rng.integers(0, 7 * DAY_S, len(requests)))
    code = rng.integers(0, 4, requests.n_files).astype(np.int32)
    return replace(
        requests,
        time_s=time_s + np.where(time_s >= 4 * DAY_S, 3 * DAY_S, 0),
        file_name=np.array([f"/store/{n}" for n in range(requests.n_files)]),
        tier=LabelColumn(code, ("a", "b", "c", "d")),
        dataset=LabelColumn(code, ("/a", "/b", "/c", "/d")),
    )


def in_parts(trace: Trace, cuts: list[int]) -> Trials:
    trials = Trials.start(PROPOSALS, CAPACITY)
    for start, stop in zip([0, *cuts], [*cuts, len(trace)], strict=True):
        trials = advance(trials, trace.part(start, stop))
    return trials


def names(trials: Trials) -> list[list[str]]:
    return [[trials.files.name[place] for place in cached] for cached in trials.cached]


@pytest.mark.parametrize("cuts", [[], [1], [500, 501, 1500], list(range(100, 2000, 100))])
def test_the_row_where_a_trial_was_suspended_does_not_matter(trace: Trace, cuts: list[int]) -> None:
    resumed = in_parts(trace, cuts)
    for number, rules in enumerate([Rules(), *(proposal.rules for proposal in PROPOSALS)]):
        account = simulate(trace, RuledLru(rules), CAPACITY)
        read = np.flatnonzero(np.diff(trace.day_starts))
        assert resumed.day.tolist() == read.tolist() == [0, 1, 2, 3, 7, 8, 9]
        assert resumed.missed_bytes[number].tolist() == account.miss_bytes[read].tolist()
        assert resumed.written_bytes[number].tolist() == account.written_bytes[read].tolist()
    assert names(resumed) == names(in_parts(trace, []))
    assert resumed.through_s == trace.time_s[-1]


def test_files_are_known_by_name_whatever_their_number(trace: Trace) -> None:
    shuffled = np.random.default_rng(1).permutation(trace.n_files)
    place = np.argsort(shuffled)
    assert trace.file_name is not None
    assert trace.tier is not None
    assert trace.dataset is not None
    other = replace(
        trace,
        file=place[trace.file],
        file_size=trace.file_size[shuffled],
        file_name=trace.file_name[shuffled],
        tier=replace(trace.tier, code=trace.tier.code[shuffled]),
        dataset=replace(trace.dataset, code=trace.dataset.code[shuffled]),
    )
    half = len(trace) // 2
    mixed = advance(advance(Trials.start(PROPOSALS, CAPACITY), trace.part(0, half)), other.part(half, len(trace)))
    assert mixed.missed_bytes.tolist() == in_parts(trace, []).missed_bytes.tolist()


def test_only_files_in_some_cache_are_kept(trace: Trace) -> None:
    trials = in_parts(trace, [1000])
    assert len(trials.files.name) < trace.n_files
    assert {place for cached in trials.cached for place in cached} == set(range(len(trials.files.name)))
    fewer = trials.select([2])
    assert fewer.proposals == (PROPOSALS[2],)
    assert names(fewer) == [names(trials)[0], names(trials)[3]]
    assert fewer.saved_bytes(0).tolist() == trials.saved_bytes(2).tolist()
    assert fewer.written_less_bytes(0).tolist() == trials.written_less_bytes(2).tolist()


def test_a_held_file_keeps_its_size_and_a_returning_one_may_change_it() -> None:
    def read(name: str, size: int, time_s: int) -> Trace:
        return Trace(np.array([time_s]), np.array([0]), np.array([size]), file_name=np.array([name]))

    trials = advance(advance(Trials.start((), 10), read("x", 4, 0)), read("x", 9, 1))
    assert (trials.missed_bytes.sum(), trials.files.size.tolist()) == (4, [4])
    trials = advance(advance(trials, read("y", 8, 2)), read("x", 9, 3))
    assert (trials.files.name, trials.files.size.tolist()) == (("x",), [9])


def test_a_warm_up_fills_the_caches_and_is_not_counted(trace: Trace) -> None:
    warm = advance(Trials.start(PROPOSALS, CAPACITY), trace.part(0, 1000)).without_counts()
    assert len(warm.day) == 0
    assert len(warm.cached[0]) > 0
    assert advance(warm, trace.part(1000, len(trace))).missed_bytes.sum() < in_parts(trace, []).missed_bytes.sum()


def test_before_the_first_day_a_rule_is_on_trial() -> None:
    (only,) = judge_trials(Trials.start(PROPOSALS[:1], CAPACITY), np.random.default_rng(0))
    assert only.judgement.status is TrialStatus.ON_TRIAL
    assert (only.saved_per_day, only.low, only.high, only.written_bytes_per_day) == (0, 0, 0, 0)


def test_a_judgement_may_leave_out_the_day_that_is_not_over(trace: Trace) -> None:
    trials = in_parts(trace, [])
    whole, without = (judge_trials(trials, np.random.default_rng(0), days)[0] for days in (None, -1))
    assert whole.saved_per_day == trials.saved_bytes(0).mean()
    assert without.saved_per_day == trials.saved_bytes(0)[:-1].mean()


def test_a_policy_that_cannot_be_resumed_is_refused(trace: Trace) -> None:
    with pytest.raises(SimulationError, match="gdsf cannot be resumed"):
        Simulation(trace, Gdsf(), CAPACITY).refill(np.array([1]))
