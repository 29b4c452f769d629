import numpy as np
import pytest

from dqm.core.drift import initial_centre, updated_centre
from dqm.rates import observed as drift
from dqm.rates.curves import fit
from dqm.rates.observed import Observed
from streams.records import LumisectionKey

RUNS, LENGTH = 5, 480


@pytest.fixture(scope="module")
def drifting():
    """Two rates, of which the first is a fifth higher from the second run on."""
    rng = np.random.default_rng(1)
    keys = [LumisectionKey(run, ls) for run in range(1, RUNS + 1) for ls in range(1, LENGTH + 1)]
    pileup = rng.uniform(30, 60, len(keys))
    mean = np.full((len(keys), 2), 5000.0)
    mean[LENGTH:, 0] *= 1.2
    counts = rng.poisson(mean).astype(float)
    items = np.ones_like(counts)
    yes = np.ones(len(keys), dtype=bool)
    observations = Observed(counts, items, items, items.astype(bool), pileup, yes, np.zeros(len(keys), dtype=np.intp))
    return keys, observations, fit(counts[:LENGTH], items[:LENGTH], pileup[:LENGTH], items[:LENGTH].astype(bool))


def test_a_run_is_judged_by_those_before_it_and_later_ones_catch_up(drifting):
    keys, observations, curves = drifting
    shifts = [moved.shift[0] for _, moved in drift.carried(curves, observations, keys)]
    first = [float(shift[0]) for shift in shifts]
    assert first[:2] == pytest.approx([0.0, 0.0], abs=0.01)
    assert first[2:] == sorted(first[2:])
    assert first[-1] == pytest.approx(0.2, abs=0.05)
    assert max(abs(float(shift[1])) for shift in shifts) < 0.01


def test_what_is_named_wrong_or_not_judged_leaves_nothing(drifting):
    _, observations, curves = drifting
    residuals = drift.centre_residuals(curves, observations, LENGTH + 1, np.array([0.0, np.nan], dtype=np.float32))
    assert (residuals.sums == 0).all()
    assert residuals.lumisections.tolist() == [[0, 0], [1, 0]]
    assert (updated_centre(initial_centre(2, drift.NUMBERS), residuals) == 0).all()
