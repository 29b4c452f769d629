"""One session of Spark and one table for all tests of this folder."""

import os

import numpy as np
import pytest

from opint.popularity.errors import PopularityError
from opint.popularity.simulate import Size, simulate
from opint.popularity.spark.session import check_java, session
from opint.popularity.written import write_history


@pytest.fixture(scope="session")
def java_for_spark():
    """Skips where Spark cannot run, and fails there if CI is set."""
    try:
        check_java(os.environ)
    except PopularityError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must run the tests on Spark: {error}")
        pytest.skip(f"Spark cannot run here: {error}")


@pytest.fixture(scope="session")
def spark(java_for_spark):
    """A session on two threads of this machine."""
    found = session({}, "local[2]")
    yield found
    found.stop()


@pytest.fixture(scope="session")
def history():
    """300 datasets in 30 weeks."""
    return simulate(np.random.default_rng(3), Size(300, 30))


@pytest.fixture(scope="session")
def weekly(history, tmp_path_factory):
    """The table of that history, as Parquet."""
    path = tmp_path_factory.mktemp("popularity") / "weekly.parquet"
    write_history(history, path)
    return path
