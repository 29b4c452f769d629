import pytest

from dqm.simulate.detector import Detector


@pytest.fixture(scope="session")
def detector():
    return Detector.built_in(seed=1)
