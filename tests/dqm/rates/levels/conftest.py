import pytest

from conf.settings import AlertSettings, DqmSettings, RateSettings
from dqm.rates.levels.pipeline import LevelPipeline
from tests.scripted_levels import Scripted, trained


@pytest.fixture
def scripted():
    return Scripted(1)


@pytest.fixture
def bundle():
    return trained()


@pytest.fixture
def pipeline(bundle):
    return LevelPipeline(bundle, RateSettings(), DqmSettings(), AlertSettings())
