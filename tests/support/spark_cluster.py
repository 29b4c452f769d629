"""A standalone cluster of Spark on loopback: a master and two workers, each in a Java of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark

from tests.support.processes import QUICK_JAVA

HOME = Path(pyspark.__file__).parent
PACKAGE = "org.apache.spark.deploy"
START_SECONDS = 60.0


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[str]:
    """Address of the master of a cluster that runs inside the block; logs and work go below ``folder``."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        master = _start(running, folder / "master", ["master.Master", "--port", "0", "--webui-port", "0"])
        url = _wait(running, master, r"Starting Spark master at (spark://\S+)")
        sizes = ["-c", "1", "-m", "1g", "--port", "0", "--webui-port", "0"]
        logs = [
            _start(
                running,
                folder / f"worker{process}",
                ["worker.Worker", *sizes, "-d", str(folder / f"work{process}"), url],
            )
            for process in range(workers)
        ]
        for log in logs:
            _wait(running, log, r"(Successfully registered) with master")
        yield url
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(START_SECONDS)


def submit(url: str, job: Path, arguments: list[str]) -> str:
    """Run a job on the cluster; what it printed. Raises CalledProcessError if it fails."""
    sizes = ["--executor-memory", "512m", "--conf", "spark.driver.host=127.0.0.1"]
    sizes += ["--driver-java-options", QUICK_JAVA, "--conf", f"spark.executor.extraJavaOptions={QUICK_JAVA}"]
    command = [str(HOME / "bin" / "spark-submit"), "--master", url, *sizes, str(job), *arguments]
    return subprocess.run(command, env=environment(), check=True, capture_output=True, text=True, timeout=200).stdout


def environment() -> dict[str, str]:
    """Loopback alone, and workers with the Python that runs the tests."""
    own = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "SPARK_HOME": str(HOME)}
    own |= {"SPARK_DAEMON_JAVA_OPTS": QUICK_JAVA, "SPARK_DAEMON_MEMORY": "256m"}
    return os.environ | own


def _start(running: list[subprocess.Popen[bytes]], log: Path, what: list[str]) -> Path:
    name, *options = what
    command = [str(HOME / "bin" / "spark-class"), f"{PACKAGE}.{name}", "--host", "127.0.0.1", *options]
    with log.open("wb") as out:
        running.append(subprocess.Popen(command, stdout=out, stderr=out, env=environment()))
    return log


def _wait(running: list[subprocess.Popen[bytes]], log: Path, pattern: str) -> str:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and all(process.poll() is None for process in running):
        if match := re.search(pattern, log.read_text()):
            return match[1]
        time.sleep(0.05)
    raise RuntimeError(f"{pattern} was not logged in {START_SECONDS:g} s:\n{log.read_text()}")
