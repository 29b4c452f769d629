"""A simulated catalogue for all tests of this folder."""

import numpy as np
import pytest

from opint.popularity.history import Label
from opint.popularity.predictors import ForecastTask
from opint.popularity.simulate import CatalogueSize, simulate_catalogue


@pytest.fixture(scope="session")
def task():
    """600 datasets in 60 weeks, popular with more than ten accesses."""
    history = simulate_catalogue(np.random.default_rng(5), CatalogueSize(600, 60))
    return ForecastTask.of(history, Label("naccess", ">", 10))
