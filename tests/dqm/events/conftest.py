import numpy as np
import pytest

from dqm.events.train import fit
from dqm.simulate.conditions import generate
from dqm.simulate.events import stream


@pytest.fixture(scope="session")
def events():
    conditions = generate(np.random.default_rng(1), fills=3, stable=40)
    return [item.features for item in stream(conditions, 4, 0.0, seed=5) if len(item.kinds)]


@pytest.fixture(scope="session")
def model(events):
    return fit(events, np.random.default_rng(2), 1_700_000_000.0)


@pytest.fixture
def rng():
    return np.random.default_rng(7)
