"""The server: any port, clear words when it cannot be had, a quick and clean end."""

import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from conf.errors import SettingsError
from opint.dashboard.serve import GRACE_S, bind

PROGRAM = """
import sys, time
from conf.dashboard import DashboardSettings
from conf.settings import Settings
from opint.dashboard.serve import serve
from opint.store.engine import Store
store = Store.open(sys.argv[1])
serve(Settings(dashboard=DashboardSettings(port=0)), store, time.time, lambda url: print(url, flush=True))
print("ended", flush=True)
"""


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_with_open_streams(store, tmp_path, asked):
    url = f"sqlite:///{tmp_path / 'nightshift.db'}"
    with subprocess.Popen([sys.executable, "-c", PROGRAM, url], stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        with httpx.Client(base_url=address) as client, client.stream("GET", "/events") as stream:
            lines = stream.iter_lines()
            next(lines)
            began = time.monotonic()
            process.send_signal(asked)
            for _ in lines:
                pass
            assert time.monotonic() - began < GRACE_S
        assert process.wait(30) == 0
        assert process.stdout.read() == "ended\n"


def test_a_taken_port_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"dashboard\.port is {port}: .*choose another"):
            bind("127.0.0.1", port)


def test_the_address_is_the_real_one(client):
    assert client.base_url.port > 0
    assert client.get("/healthz").status_code == 200
