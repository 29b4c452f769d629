"""Alertmanager itself takes what we post, keeps it while it is posted again, and ends it when we say so."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest

from opint.incidents import operator
from tests.opint.notifications.conftest import settings_of
from tests.support.incidents import open_incident
from tests.support.processes import child, within

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")


@pytest.fixture
def alertmanager(tmp_path):
    """The address of a running Alertmanager; skipped where it is not installed."""
    if PROGRAM is None:
        pytest.skip("Alertmanager is not installed (Debian: prometheus-alertmanager)")
    (tmp_path / "am.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [PROGRAM, "--config.file", str(tmp_path / "am.yml"), "--storage.path", str(tmp_path / "am")]
    command += ["--cluster.listen-address=", f"--web.listen-address={address}"]
    with child(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        url = f"http://{address}"
        assert within(20, lambda: alerts(url) is not None)
        yield url


def alerts(url):
    try:
        with urllib.request.urlopen(f"{url}/api/v2/alerts", timeout=2) as answer:  # noqa: S310 - http
            return json.loads(answer.read())
    except OSError:
        return None


def test_alertmanager_takes_keeps_and_ends_what_we_post(store, alertmanager, drive):
    receiver = {"name": "room", "kind": "alertmanager", "url": alertmanager, "refresh_s": 1.5}
    settings = settings_of("http://x", receivers=(receiver,))
    driven = drive(settings=settings)
    driven.clock.now_s = time.time()
    with store.begin() as tx:
        number = open_incident(tx, at_s=driven.clock.now_s, severity="critical")
    driven.settle()
    assert within(5, lambda: alerts(alertmanager))
    (alert,) = alerts(alertmanager)
    assert (alert["labels"]["incident"], alert["labels"]["severity"]) == (str(number), "critical")
    assert alert["annotations"]["summary"] == "Muon/Sector1: dead channels"
    # It ends after four refreshes without a post: soon, and not before this test has looked.
    first = alert["endsAt"]
    driven.clock.now_s += 1.0
    driven.settle()
    assert within(5, lambda: (driven.dispatcher.turn(), alerts(alertmanager)[0]["endsAt"] > first)[1])
    with store.begin() as tx:
        operator.resolve(tx, number, "ada", "", time.time())
    driven.clock.now_s = time.time()
    driven.settle()
    assert within(5, lambda: alerts(alertmanager) == [])
