"""A session of Spark: on this machine, or on the cluster to which the job was submitted."""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opint.popularity.errors import PopularityError
from streams.apache import java
from streams.errors import SourceUnavailable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LAPTOP = "local[*]"
WITHOUT_JAVA = "without Java, --engine local makes the same features and forecasts on one machine"
SUBMITTED = "PYSPARK_GATEWAY_PORT"
"""Set by spark-submit, which has chosen master and memory by then."""
SETTINGS: Mapping[str, object] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": 8,
    "spark.python.sql.dataFrameDebugging.enabled": False,
    "spark.ui.enabled": False,
    "spark.ui.showConsoleProgress": False,
}
ON_A_LAPTOP: Mapping[str, object] = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "4g",
}


def session(environ: Mapping[str, str], master: str = LAPTOP) -> "SparkSession":
    """The running session, or a new one on ``master`` unless spark-submit has chosen another.

    Raises:
        PopularityError: Spark or Java is not installed.
    """
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - heavy, and an extra
    except ModuleNotFoundError as error:
        raise PopularityError(f"Spark needs {error.name}: pip install 'nightshift[spark]'") from None
    check_java(environ)
    builder = SparkSession.builder.appName("nightshift-popularity")
    settings = dict(SETTINGS)
    if SUBMITTED not in environ:
        # Workers run the Python of the driver, whatever is called python3 on the path.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.master(master)
        settings |= ON_A_LAPTOP
    for name, value in settings.items():
        builder = builder.config(name, value)
    found = builder.getOrCreate()
    found.sparkContext.setLogLevel("ERROR")
    return found


def check_java(environ: Mapping[str, str]) -> None:
    """Raise PopularityError, saying what to install, if there is no Java of version 17 or newer.

    Spark runs the one in JAVA_HOME where that is set, else the first on the path.
    """
    if "JAVA_HOME" in environ:
        return
    try:
        java("Spark")
    except SourceUnavailable as error:
        raise PopularityError(f"{error}; {WITHOUT_JAVA}") from None
