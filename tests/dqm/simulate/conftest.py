import pytest

from dqm.simulate.detector import Detector


@pytest.fixture(scope="session")
def detector():
    return Detector.own(seed=1)
