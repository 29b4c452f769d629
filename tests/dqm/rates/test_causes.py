import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.core.quality import Reason
from dqm.rates.calibration import CauseLimits
from dqm.rates.causes import Findings, causes
from dqm.rates.columns import Columns

SEEDS, BEHIND = 6, 5
SEED_OF = np.concatenate([np.arange(SEEDS), np.repeat(np.arange(SEEDS), BEHIND)])
N = len(SEED_OF)
LIMITS = CauseLimits(overall=1e-3, seeds=1e-4, together=1e-4, paths=1e-5)
DECLARED = np.ones(N)
NO_COLUMNS = Columns.of([], N)
TINY = 1e-9


def findings(ratio=None, rows=(), together=(), overall=1.0):
    """Every rate as expected but for ``rows``, which are unlikely; ``ratio`` (N,) is what rates were multiplied by."""
    p_rows = np.full(N, 0.5, dtype=np.float32)
    p_together = np.full(SEEDS, 0.5, dtype=np.float32)
    p_rows[list(rows)] = TINY
    p_together[list(together)] = TINY
    expected = np.where(np.arange(N) < SEEDS, 1e4, 400.0)
    counts = expected * (1.0 if ratio is None else ratio)
    return Findings(
        p_rows, p_together, overall, counts, expected, DECLARED, np.full(N, 0.02), np.ones(N, dtype=bool), SEED_OF
    )


def named(result, columns=NO_COLUMNS):
    return causes(result, LIMITS, columns, 0.05)


def behind(seed):
    return np.flatnonzero(seed == SEED_OF)


def test_nothing_unlikely_has_no_cause():
    assert named(findings()) == []


@given(row=st.integers(SEEDS, N - 1), factor=st.sampled_from([0.3, 0.7, 1.5, 4.0]))
def test_one_path_is_a_path(row, factor):
    ratio = np.ones(N)
    ratio[row] = factor
    (cause,) = named(findings(ratio, [row]))
    assert (cause.reason, cause.rows.tolist()) == (Reason.PATH_MOVED, [row])
    assert cause.by == pytest.approx(factor)
    assert cause.p_value == pytest.approx(TINY)


@given(seed=st.integers(0, SEEDS - 1), itself=st.booleans(), alarming=st.integers(0, BEHIND))
def test_a_seed_takes_its_paths_however_many_of_them_alarm(seed, itself, alarming):
    own = behind(seed)
    rows = [*own[1 : 1 + alarming].tolist(), *([seed] if itself else [])]
    ratio = np.ones(N)
    ratio[own if itself else own[1:]] = 0.6
    (cause,) = named(findings(ratio, rows, together=[seed]))
    assert (cause.reason, cause.seed) == (Reason.SEED_MOVED, seed)
    assert (seed in cause.rows) == itself
    assert set(own[1:].tolist()) <= set(cause.rows.tolist())


@given(factor=st.floats(0.3, 0.95))
def test_all_rates_are_one_cause(factor):
    (cause,) = named(findings(np.full(N, factor), range(N), range(SEEDS), overall=TINY))
    assert cause.reason is Reason.ALL_MOVED
    assert len(cause.rows) == N
    assert cause.by == pytest.approx(factor, rel=0.01)


def other_column():
    other = DECLARED.copy()
    other[[1, 9, 14, 22]] = [2, 5, 3, 10]
    return other


def test_another_column_is_named_if_it_is_known():
    other = other_column()
    changed = np.flatnonzero(other != DECLARED).tolist()
    columns = Columns.of([(4, DECLARED), (7, other), (8, 1 + DECLARED)], N)
    (cause,) = named(findings(DECLARED / other, changed), columns)
    assert (cause.reason, cause.column) == (Reason.WRONG_PRESCALES, 7)
    assert set(changed) <= set(cause.rows.tolist())


def test_several_seeds_that_move_by_factors_of_their_own_are_prescales_even_if_no_column_is_known():
    other = other_column()
    changed = np.flatnonzero(other != DECLARED).tolist()
    (cause,) = named(findings(DECLARED / other, changed), Columns.of([(4, DECLARED)], N))
    assert (cause.reason, cause.column) == (Reason.WRONG_PRESCALES, None)


def test_two_paths_of_two_seeds_are_two_causes():
    rows = [int(behind(0)[1]), int(behind(3)[2])]
    ratio = np.ones(N)
    ratio[rows] = 2.0
    result = named(findings(ratio, rows))
    assert [item.reason for item in result] == [Reason.PATH_MOVED] * 2
    assert [item.rows.tolist() for item in result] == [[row] for row in rows]


@given(
    rows=st.sets(st.integers(0, N - 1), max_size=10),
    together=st.sets(st.integers(0, SEEDS - 1), max_size=3),
    overall=st.sampled_from([1.0, TINY]),
    factor=st.sampled_from([0.5, 0.9, 1.1, 3.0]),
)
def test_no_rate_is_explained_twice_and_all_that_alarm_are_explained(rows, together, overall, factor):
    ratio = np.ones(N)
    ratio[sorted(rows)] = factor
    result = named(findings(ratio, rows, together, overall))
    explained = [row for cause in result for row in cause.rows.tolist()]
    assert len(explained) == len(set(explained))
    moved = {
        row for row in rows if SEED_OF[row] not in {item.seed for item in result if item.reason is Reason.SEED_MOVED}
    }
    assert moved <= set(explained)
    assert bool(result) == bool(rows or together or overall < 1)
