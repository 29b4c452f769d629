"""What is compared: a dispatcher of nightshift and an Alertmanager, each a process that can be killed."""

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

ALERTMANAGERS = ("alertmanager", "prometheus-alertmanager")
VALID_S = 3600.0


@dataclass
class Killable:
    """A process that is started again after it was killed."""

    command: list[str]
    log: Path
    ready: Callable[[], bool] = lambda: True
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)  # noqa: S603 - our own commands
        end_s = time.monotonic() + 30
        while not self.ready():
            if time.monotonic() > end_s or self.process.poll() is not None:
                raise RuntimeError(f"{self.command[0]} does not start; see {self.log}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


@contextlib.contextmanager
def dispatcher(
    folder: Path, database: str, url: str, receiver: dict[str, Any], route: dict[str, Any]
) -> Iterator[Killable]:
    """`nightshift notify run` on a database, with one webhook."""
    hook = {"name": "hook", "kind": "webhook", "url": url} | receiver
    way = {"name": "all", "receivers": ["hook"]} | route
    config = folder / "nightshift.yaml"
    values = {
        "database": {"url": database},
        "notifications": {"receivers": [hook], "routes": [way]},
        "log": {"level": "error"},
    }
    config.write_text(yaml.safe_dump(values))
    process = Killable(
        [sys.executable, "-m", "opint.cli", "notify", "run", "--config", str(config)], folder / "dispatcher.log"
    )
    process.start()
    try:
        yield process
    finally:
        process.kill()


@dataclass
class Alertmanager:
    """A running Alertmanager."""

    killable: Killable
    url: str

    def post(self, numbers: list[int]) -> None:
        """Post alerts once, one for each number; raises OSError if it is away."""
        now = datetime.now(UTC).isoformat()
        end = datetime.fromtimestamp(time.time() + VALID_S, UTC).isoformat()
        alerts = [
            {"labels": {"alertname": "content", "incident": str(number)}, "startsAt": now, "endsAt": end}
            for number in numbers
        ]
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.url}/api/v2/alerts", json.dumps(alerts).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - as above
            pass


def alertmanager_program() -> str | None:
    """The program of Alertmanager; None where it is not installed."""
    return next((result for name in ALERTMANAGERS if (result := shutil.which(name))), None)


@contextlib.contextmanager
def alertmanager(folder: Path, url: str, group_wait_s: float, *, each_alone: bool) -> Iterator[Alertmanager]:
    """Alertmanager with one webhook; ``each_alone`` sends every alert by itself, as ``group_by: ['...']`` does."""
    program = alertmanager_program()
    if program is None:
        raise RuntimeError("Alertmanager is not installed (Debian: prometheus-alertmanager)")
    config = folder / "alertmanager.yml"
    route = {
        "receiver": "hook",
        "group_wait": f"{group_wait_s:g}s",
        "group_interval": "60s",
        "group_by": ["..."] if each_alone else ["alertname"],
    }
    receivers = [{"name": "hook", "webhook_configs": [{"url": url, "send_resolved": False}]}]
    config.write_text(yaml.safe_dump({"route": route, "receivers": receivers}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    options = [
        "--config.file",
        str(config),
        "--storage.path",
        str(folder / "alertmanager"),
        "--cluster.listen-address=",
    ]

    def ready() -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}/-/ready", timeout=1):
            return True
        return False

    killable = Killable([program, *options, f"--web.listen-address={address}"], folder / "alertmanager.log", ready)
    killable.start()
    try:
        yield Alertmanager(killable, f"http://{address}")
    finally:
        killable.kill()
