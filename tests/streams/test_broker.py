"""The embedded broker's life: it starts, tells its address, and never outlives whoever started it."""

import json
import signal
import socket
import subprocess
import sys

import pytest

from conf.stream import KafkaSettings
from streams.broker import LIMITS, PARTITIONS, embedded_broker
from streams.kafka import KafkaPublisher, describe
from tests.support.processes import child, within


def listens(address):
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def gone(address):
    return within(60, lambda: not listens(address))


def test_it_listens_inside_the_block_and_not_behind_it():
    with embedded_broker() as address:
        assert listens(address.bootstrap_servers)
        assert address.bootstrap_servers.startswith("127.0.0.1:")
    assert gone(address.bootstrap_servers)


def test_every_start_has_a_cluster_id_of_its_own():
    with embedded_broker() as item, embedded_broker() as two:
        assert item.cluster_id != two.cluster_id


def test_topics_come_by_themselves_with_the_partitions_that_are_told(embedded_broker):
    settings = KafkaSettings(
        bootstrap_servers=embedded_broker.bootstrap_servers,
        cluster_id=embedded_broker.cluster_id,
        embedded=True,
        topic="by-itself",
    )
    publisher = KafkaPublisher(settings)
    publisher.ensure_topic(7)
    publisher.close()
    assert f"with {PARTITIONS} partitions" in describe(settings)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_it_silently(number):
    with child([sys.executable, "-m", "streams.broker"], stdin=subprocess.DEVNULL) as process:
        address = json.loads(process.stdout.readline())["bootstrap_servers"]
        assert listens(address)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_dies_with_its_parent_even_if_that_is_killed():
    script = (
        "from streams.broker import embedded_broker\n"
        "import time\n"
        "with embedded_broker() as address:\n"
        "    print(address.bootstrap_servers, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with child([sys.executable, "-c", script], stderr=None) as parent:
        address = parent.stdout.readline().strip()
        assert listens(address)
        parent.kill()
        assert gone(address)


def test_the_limits_are_told_in_words():
    for word in ("memory", "5 MiB", str(PARTITIONS), "forgets", "drops"):
        assert word in LIMITS
