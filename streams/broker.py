"""The embedded broker: librdkafka's mock cluster, a TCP server that speaks the Kafka protocol.

It is for trying nightshift out and for tests, not for data that matters (:data:`LIMITS`). It runs in a
process of its own, so that consuming and serving do not share an interpreter::

    with embedded_broker() as address:
        print(address.bootstrap_servers)

``python -m streams.broker`` runs one until SIGINT or SIGTERM and prints its address as a line of JSON.
"""

import json
import secrets
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from streams.errors import SourceUnavailable
from streams.stopping import stop_on_signal

PARTITIONS = 4
"""Partitions of every topic; the mock cluster offers no choice."""

PARTITION_BYTES = 5 * 1024 * 1024
"""What one partition keeps, in bytes; older messages are dropped without notice."""

LIMITS = (
    "The embedded broker keeps its messages in memory, about 5 MiB in each of the 4 partitions of a topic; "
    "it drops the oldest without notice, and it forgets everything when it stops. "
    "Use Apache Kafka (make kafka) for data that matter."
)
"""The limits in words for users."""

START_S = 20.0
"""How long a broker may take to start, s."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where an embedded broker listens, and a cluster id that no other start of one shares.

    The mock cluster gives the same id at every start though it remembers nothing, so offsets stored for
    an earlier start would be taken for offsets of this one.
    """

    bootstrap_servers: str
    cluster_id: str


@contextmanager
def embedded_broker() -> Iterator[BrokerAddress]:
    """Run a broker in a process that ends with this block, or with this process however it ends.

    Raises SourceUnavailable when it does not start.
    """
    # A session of its own: Ctrl-C at a terminal must stop consumers first and the broker last.
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.broker", "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield _read_address(process)
    finally:
        _end(process)


def _read_address(process: "subprocess.Popen[str]") -> BrokerAddress:
    assert process.stdout is not None  # noqa: S101
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline() if ready else ""
    if not line:
        raise SourceUnavailable(f"the embedded broker did not start within {START_S:g} s; see its message above")
    return BrokerAddress(**json.loads(line))


def _end(process: "subprocess.Popen[str]") -> None:
    # Communicating closes its stdin, which is the signal to stop.
    try:
        process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def main() -> None:
    """Serve until SIGINT or SIGTERM, or until stdin closes where ``--until-stdin-closes`` is given."""
    with stop_on_signal() as stop:
        if "--until-stdin-closes" in sys.argv[1:]:
            threading.Thread(target=_wait_for_stdin, args=(stop,), daemon=True).start()
        _serve(stop)


def _wait_for_stdin(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


def _serve(stop: threading.Event) -> None:
    from confluent_kafka import Producer  # noqa: PLC0415 - only the broker's own process needs librdkafka

    # This producer is never used to produce: it owns the cluster, which lives as long as it does.
    owner = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = owner.list_topics(timeout=START_S).brokers.values()
    address = BrokerAddress(f"{broker.host}:{broker.port}", f"embedded-{secrets.token_hex(8)}")
    sys.stdout.write(json.dumps(asdict(address)) + "\n")
    sys.stdout.flush()
    stop.wait()


if __name__ == "__main__":
    main()
