import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.statistics.variance_stabilised import reached, stabilised

MEANS = st.floats(0.0, 1e6)
SPREADS = st.floats(0.0, 0.5)


@pytest.mark.parametrize(("mean", "spread"), [(4.0, 0.0), (30.0, 0.1), (3000.0, 0.03), (1e5, 0.02)])
def test_good_counts_have_unit_variance(mean, spread):
    rng = np.random.default_rng(1)
    counts = rng.poisson(mean * np.maximum(1 + spread * rng.standard_normal(40_000), 0))
    away = stabilised(counts, np.full(1, mean), np.full(1, spread))
    assert away.std() == pytest.approx(1.0, abs=0.05)
    assert abs(away.mean()) < 0.15


@given(mean=MEANS, spread=SPREADS, counts=st.floats(0.0, 1e6), more=st.floats(1.0, 1e5))
def test_more_counts_lie_farther(mean, spread, counts, more):
    few, many = (stabilised(np.array([item]), np.array([mean]), np.array([spread])) for item in (counts, counts + more))
    assert many > few


@given(mean=MEANS, spread=SPREADS, reach=st.floats(0.0, 6.0))
def test_what_is_reached_lies_as_far_as_was_asked(mean, spread, reach):
    up = reached(np.array([mean]), np.array([spread]), np.array([reach]))
    assert stabilised(up, np.array([mean]), np.array([spread]))[0] == pytest.approx(reach, abs=1e-3)
    down = reached(np.array([mean]), np.array([spread]), np.array([-reach]))
    assert 0 <= down[0] <= mean + 1e-9 * max(mean, 1.0)
