import numpy as np
import pytest

from conf.settings import AlertSettings, DqmSettings, RateSettings
from dqm.rates.bundle import load
from dqm.rates.pipeline import RatePipeline
from dqm.rates.train import train
from dqm.simulate.conditions import generate
from dqm.simulate.rates import Trigger, stream


@pytest.fixture(scope="session")
def trigger():
    return Trigger.published(3)


@pytest.fixture(scope="session")
def fills():
    """Lumisections of three fills of stable beams, ramps and dumps included; the last is for judging."""
    return list(generate(np.random.default_rng(5), fills=3, stable=420))


@pytest.fixture(scope="session")
def folder(trigger, fills, tmp_path_factory):
    """A folder with a model trained on the first two fills."""
    result = tmp_path_factory.mktemp("models") / "rates"
    first = [fill for fill in fills if fill[1].fill < 9902]
    rates = (item.rates for item in stream(trigger, first, (), 1))
    train(rates, result, RateSettings(), np.random.default_rng(0), lambda *_: None, trained_s=1000.0)
    return result


@pytest.fixture(scope="session")
def bundle(folder):
    return load(folder)


@pytest.fixture(scope="session")
def pipeline(bundle):
    return RatePipeline(bundle, RateSettings(), DqmSettings(), AlertSettings())
