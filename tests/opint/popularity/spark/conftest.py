"""One table for all tests of this folder."""

import numpy as np
import pytest

from opint.popularity.simulate import CatalogueSize, simulate_catalogue
from opint.popularity.tables import write_history


@pytest.fixture(scope="session")
def history():
    """300 datasets in 30 weeks."""
    return simulate_catalogue(np.random.default_rng(3), CatalogueSize(300, 30))


@pytest.fixture(scope="session")
def weekly(history, tmp_path_factory):
    """The table of that history, as Parquet."""
    path = tmp_path_factory.mktemp("popularity") / "weekly.parquet"
    write_history(history, path)
    return path
