"""Every family of features: what it says, and that it does not know the future."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opint.popularity.features import features, lagged, since, sums, totals
from opint.popularity.history import History, Label
from opint.popularity.simulate import CatalogueSize, simulate_catalogue

LABEL = Label("naccess", ">", 10)
CONFERENCES = [date(2023, 3, 20), date(2023, 7, 5)]


def history_of(*rows, tiers=None):
    counts = np.array(rows, dtype=np.float32)
    n = len(rows)
    traits = {} if tiers is None else {"tier": tuple(tiers)}
    first_week = np.array([int(np.argmax(row > 0)) if row.any() else 0 for row in counts], dtype=np.int32)
    return History(
        tuple(f"d{i}" for i in range(n)), date(2023, 1, 2), {"naccess": counts}, first_week, traits, np.full(n, np.nan)
    )


def columns(history, conferences=CONFERENCES):
    return features(history, LABEL, totals(history, LABEL), conferences)


@given(seed=st.integers(0, 2**32), week=st.integers(0, 28))
@settings(max_examples=25)
def test_no_feature_depends_on_the_future(seed, week):
    rng = np.random.default_rng(seed)
    history = simulate_catalogue(rng, CatalogueSize(60, 30))
    other = {name: before.copy() for name, before in history.measures.items()}
    for values in other.values():
        values[:, week + 1 :] = rng.permutation(values[:, week + 1 :].ravel()).reshape(60, -1)
    changed = replace(history, measures=other)
    for (name, before), after in zip(columns(history).items(), columns(changed).values(), strict=True):
        np.testing.assert_array_equal(before[:, : week + 1], after[:, : week + 1], err_msg=name)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=15)
def test_a_part_of_the_datasets_has_the_features_it_has_among_all(seed):
    rng = np.random.default_rng(seed)
    history = simulate_catalogue(rng, CatalogueSize(40, 25))
    rows = np.sort(rng.choice(40, 15, replace=False))
    all_of_them = totals(history, LABEL)
    whole = features(history, LABEL, all_of_them, CONFERENCES)
    part = features(history.only(rows), LABEL, all_of_them, CONFERENCES)
    for name, column in part.items():
        np.testing.assert_allclose(column, whole[name][rows], rtol=1e-5, atol=1e-6, err_msg=name)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=15)
def test_totals_of_parts_add(seed):
    rng = np.random.default_rng(seed)
    history = simulate_catalogue(rng, CatalogueSize(30, 20))
    cut = np.arange(30) < rng.integers(1, 29)
    parts = [totals(history.only(np.flatnonzero(rows)), LABEL) for rows in (cut, ~cut)]
    for kind, whole in totals(history, LABEL).items():
        added = parts[0][kind] + parts[1][kind]
        assert added.words == whole.words
        for name in ("existing", "popular", "log"):
            np.testing.assert_allclose(getattr(added, name), getattr(whole, name), err_msg=f"{kind} {name}")


def test_all_features_are_finite_numbers():
    for name, column in columns(simulate_catalogue(np.random.default_rng(3), CatalogueSize(200, 60))).items():
        assert column.dtype == np.float32, name
        assert column.shape == (200, 60), name
        assert np.isfinite(column).all(), name


def test_recency_counts_weeks():
    values = columns(history_of([11, 5, 0, 20, 0]))
    assert values["weeks_since_popular"].tolist() == [[0, 1, 2, 0, 1]]
    assert values["weeks_since_access"].tolist() == [[0, 0, 1, 0, 1]]
    np.testing.assert_allclose(values["log_lag_1w"][0], np.log1p([0, 11, 5, 0, 20]), rtol=1e-6)


def test_reuse_distance_is_the_mean_gap():
    values = columns(history_of([11, 0, 11, 0, 0, 0, 11, 0]))
    assert values["reuse_distance_weeks"][0, 2:].tolist() == [2, 2, 2, 2, 3, 3]
    assert values["overdue"][0, 5] == pytest.approx(1.5)
    assert values["popular_weeks"][0].tolist() == [1, 1, 2, 2, 2, 2, 3, 3]
    # Of three popular weeks with a follower none stayed; of four quiet ones two were followed by a popular one.
    assert values["stays"][0, -1] == pytest.approx(1 / 5)
    assert values["returns"][0, -1] == pytest.approx(3 / 6)


def test_the_slope_is_that_of_a_straight_line():
    counts = np.expm1(0.25 * np.arange(20))
    values = columns(history_of(counts))
    np.testing.assert_allclose(values["log_slope_4w"][0, 4:], 0.25, rtol=1e-3)
    np.testing.assert_allclose(values["log_slope_12w"][0, 12:], 0.25, rtol=1e-3)


def test_smoothing_forgets_at_its_rate():
    values = columns(history_of([11] + [0] * 5))
    np.testing.assert_allclose(values["popular_smoothed_0.3"][0], 0.3 * 0.7 ** np.arange(6), rtol=1e-5)


def test_relatives_leave_the_dataset_itself_out():
    values = columns(history_of([11, 11, 11], [11, 11, 11], [1, 1, 1], tiers=["AOD", "AOD", "AOD"]))
    np.testing.assert_allclose(values["tier_popular_share"][:, 2], [0.5, 0.5, 1.0])


def test_the_prior_of_a_new_dataset_is_that_of_its_relatives():
    rows = [[11.0] * 8] * 6 + [[1.0] * 8] * 6
    values = columns(history_of(*rows, [0] * 7 + [1], [0] * 7 + [1], tiers=["AOD"] * 6 + ["RAW"] * 6 + ["AOD", "RAW"]))
    new_aod, new_raw = values["name_prior"][-2:, 7]
    assert new_aod > 0.8
    assert new_raw < 0.2


def test_conferences_are_known_before():
    values = columns(history_of([0] * 12))
    assert values["conferences_4w"][0].tolist() == [0] * 8 + [1] * 4


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(1, 12))
def test_window_sums_are_sums(values, weeks):
    row = np.array([values], dtype=np.float32)
    expected = [sum(values[max(0, t - weeks + 1) : t + 1]) for t in range(len(values))]
    assert sums(row, weeks)[0].tolist() == expected
    assert lagged(row, weeks)[0].tolist() == ([0] * weeks + values)[: len(values)]
    events = row > 25
    past = [next((t - u for u in range(t, -1, -1) if events[0, u]), 99) for t in range(len(values))]
    assert since(events, 99)[0].tolist() == past
