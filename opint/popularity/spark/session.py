"""A session of Spark: on this machine, or on the cluster to which the job was submitted."""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opint.popularity.errors import PopularityError
from streams.dev_kafka import java
from streams.errors import SourceUnavailable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LAPTOP = "local[*]"
WITHOUT_JAVA = "without Java, --engine local makes the same features and forecasts on one machine"
SUBMITTED = "PYSPARK_GATEWAY_PORT"
"""Set by spark-submit, which has chosen master and memory by then."""
ARGUMENTS = "PYSPARK_SUBMIT_ARGS"
"""Options of the operator for the Spark that this process starts."""
SET_BY_THE_SHELL = frozenset({"spark.app.name", "spark.master", "spark.ui.showConsoleProgress"})
"""Settings that Spark makes itself when it is started from Python."""
NEEDED: Mapping[str, object] = {"spark.sql.legacy.parquet.nanosAsLong": True}
"""Without it Spark refuses the nanoseconds in which pandas writes days."""
DEFAULTS: Mapping[str, object] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.python.sql.dataFrameDebugging.enabled": False,
    "spark.ui.showConsoleProgress": False,
}
ON_A_LAPTOP: Mapping[str, object] = {
    "spark.sql.shuffle.partitions": 8,
    "spark.ui.enabled": False,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "4g",
}


def session(environ: Mapping[str, str], master: str = LAPTOP) -> "SparkSession":
    """The running session, or a new one on ``master`` unless spark-submit has chosen another.

    Settings of spark-submit, spark-defaults.conf or the running session take precedence over the defaults here.

    Raises:
        PopularityError: Spark or Java is not installed.
    """
    try:
        from pyspark import SparkConf, SparkContext  # noqa: PLC0415 - heavy, and an extra
        from pyspark.sql import SparkSession  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise PopularityError(f"Spark needs {error.name}: pip install 'nightshift[spark]'") from None
    check_java(environ)
    settings = dict(DEFAULTS)
    if SUBMITTED not in environ:
        # Workers run the Python of the driver, whatever is called python3 on the path.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        settings |= {"spark.master": master, **ON_A_LAPTOP}
    running = SparkSession.getActiveSession()
    if running is not None:
        for name, value in NEEDED.items():
            running.conf.set(name, str(value).lower())
        return running
    # The gateway reads the settings of spark-submit and spark-defaults.conf; an empty configuration then shows them.
    SparkContext._ensure_initialized()
    configured = SparkConf()
    of_the_shell = () if {SUBMITTED, ARGUMENTS} & environ.keys() else SET_BY_THE_SHELL
    builder = SparkSession.builder
    for name, value in {"spark.app.name": "nightshift-popularity", **settings}.items():
        if name in of_the_shell or not configured.contains(name):
            builder = builder.config(name, str(value).lower() if isinstance(value, bool) else value)
    for name, value in NEEDED.items():
        builder = builder.config(name, str(value).lower())
    started = builder.getOrCreate()
    if SUBMITTED not in environ and not configured.contains("spark.log.level"):
        started.sparkContext.setLogLevel("ERROR")
    return started


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
