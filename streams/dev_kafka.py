"""Apache Kafka itself for one machine: one KRaft node on loopback with its data in a folder.

Maven fetches the jars once (deploy/kafka/pom.xml) into a cache folder; Java 17 or newer runs them.
``python -m streams.dev_kafka --data DIR [--port 9092]`` runs a node in the foreground until SIGINT or SIGTERM.
Options of Java are taken from KAFKA_JVM_PERFORMANCE_OPTS, as Kafka's own scripts do.
"""

import argparse
import base64
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.errors import SourceUnavailable

CHECKOUT = Path(__file__).resolve().parents[1]
CACHE = CHECKOUT / ".cache" / "kafka"
"""Where the jars are kept unless told otherwise."""

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Largest message that the node takes, bytes."""

START_S = 60.0
"""How long the node may take to answer, s; 8 s is usual."""

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
log.dirs={folder}/log
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
message.max.bytes={bytes}
replica.fetch.max.bytes={bytes}
socket.request.max.bytes=134217728
"""

LOGGING = """\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
"""


def jars(cache: Path = CACHE) -> Path:
    """Folder of the server's jars, fetched by Maven if it is not there yet; SourceUnavailable if it cannot be."""
    folder = cache / "jars"
    if folder.is_dir():
        return folder
    maven = _program("mvn", "Maven", "maven")
    cache.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=cache))
    command = [maven, "-q", "-B", "-f", str(CHECKOUT / "deploy" / "kafka" / "pom.xml")]
    command += ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
    if done.returncode:
        shutil.rmtree(partial)
        first = next((line for line in done.stdout.splitlines() if "ERROR" in line), "no message")
        raise SourceUnavailable(f"Maven could not fetch Apache Kafka: {first}; see that it reaches its repository")
    try:
        # All or nothing, whoever else fetches at the same time.
        partial.rename(folder)
    except OSError:
        shutil.rmtree(partial)
    return folder


def java(user: str = "Apache Kafka") -> str:
    """Path of Java 17 or newer for ``user``; SourceUnavailable, saying what to install, if there is none."""
    path = _program("java", "Java 17 or newer", "openjdk-17-jre-headless")
    done = subprocess.run([path, "-version"], check=False, capture_output=True, text=True)  # noqa: S603
    quoted = done.stderr.split('"')
    version = quoted[1] if len(quoted) > 1 else "unknown"
    if not version.split(".")[0].isdigit() or int(version.split(".")[0]) < 17:
        raise SourceUnavailable(f"{path} is Java {version}; {user} needs 17 or newer (openjdk-17-jre-headless)")
    return path


def _program(name: str, title: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise SourceUnavailable(f"{title} is not installed ({name} not found); install {package}")
    return path


class ApacheKafka:
    """One node with its data, settings and log in ``folder``; port and data outlive a stop and a kill.

    ``port`` 0 takes a free one. ``more`` are lines of server.properties that overrule ours; {port} and {controller}
    in them stand for the ports. Nothing runs before :meth:`start`.
    """

    def __init__(self, folder: Path, port: int = 0, cache: Path = CACHE, more: str = "") -> None:
        """Choose where; the folder is made when needed."""
        self.folder = folder.resolve()
        self._cache = cache
        self._more = more
        self._port, self._controller = port or _free_port(), _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Its address for clients."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Run it and wait until it answers; SourceUnavailable, naming its log, if it does not or its port is taken."""
        if self._answers():
            raise SourceUnavailable(f"something listens at {self.bootstrap_servers} already; stop it or choose a port")
        run, library = java(), jars(self._cache)
        self._write_settings(run, library)
        with (self.folder / "server.log").open("ab") as log:
            # A session of its own: Ctrl-C at a terminal must stop clients first and the node last.
            self._process = subprocess.Popen(  # noqa: S603
                [*_command(run, library, self.folder, "512m"), "kafka.Kafka", str(self.folder / "server.properties")],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Stop it cleanly; does nothing where it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._end(signal.SIGKILL)

    def wait(self) -> int:
        """Wait until it ends; its exit status. A signal handler may call :meth:`stop` meanwhile."""
        while (process := self._process) is not None:
            try:
                # Without a timeout a lock is held that stopping needs.
                return process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                continue
        return 0

    def _write_settings(self, run: str, library: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "server.properties"
        lines = PROPERTIES + self._more
        file.write_text(
            lines.format(port=self._port, controller=self._controller, folder=self.folder, bytes=MAX_MESSAGE_BYTES)
        )
        (self.folder / "log4j2.properties").write_text(LOGGING)
        if (self.folder / "log" / "meta.properties").exists():
            return
        command = [*_command(run, library, self.folder, "128m"), "kafka.tools.StorageTool"]
        command += ["format", "-t", _cluster_id(), "-c", str(file)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            output = (done.stderr or done.stdout).strip().splitlines()
            raise SourceUnavailable(
                f"{self.folder} cannot be made a data folder of Kafka: {output[-1] if output else '?'}"
            )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(0.1)
        self.kill()
        log = self.folder / "server.log"
        raise SourceUnavailable(f"Apache Kafka did not start at {self.bootstrap_servers}; the reason stands in {log}")

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _cluster_id() -> str:
    # Base64 of 16 bytes; a first bit of 0 keeps it from beginning with "-", which would read as an option.
    drawn = uuid.uuid4().bytes
    return base64.urlsafe_b64encode(bytes([drawn[0] & 0x7F]) + drawn[1:]).decode().rstrip("=")


def _command(run: str, library: Path, folder: Path, heap: str) -> list[str]:
    settings = f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}"
    options = shlex.split(os.environ.get("KAFKA_JVM_PERFORMANCE_OPTS", ""))
    return [run, f"-Xmx{heap}", *options, settings, "-cp", f"{library}{os.sep}*"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def apache_kafka(folder: Path, port: int = 0, cache: Path = CACHE) -> Iterator[ApacheKafka]:
    """A node that runs inside the block; it may be stopped, killed and started again there."""
    node = ApacheKafka(folder, port, cache)
    node.start()
    try:
        yield node
    finally:
        node.stop()


def main() -> None:
    """Run one node in the foreground until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m streams.dev_kafka", description="Run one Apache Kafka node.")
    parser.add_argument("--data", type=Path, required=True, help="folder for data, settings and log")
    parser.add_argument("--port", type=int, default=9092, help="port on loopback (default 9092)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for the jars")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with apache_kafka(options.data, options.port, options.cache) as node:
            sys.stdout.write(f"Apache Kafka listens on {node.bootstrap_servers}; data and log in {node.folder}\n")
            sys.stdout.flush()
            status = node.wait()
    except KeyboardInterrupt:
        return
    except SourceUnavailable as error:
        sys.exit(f"error: {error}")
    sys.exit(status)


if __name__ == "__main__":
    main()
