"""Everything embedded: broker, producers, daemon and dashboard, each a process of its own.

The parts are the ones that a real installation has and speak to each other over TCP and the database;
only detector, trigger, events, workflows and the cache are simulated. Ctrl-C, or the end of any part, ends all of them.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path

import yaml

from conf.errors import NightshiftError
from conf.settings import Settings
from opint.demo.simulation import endless
from opint.store import offsets, runs
from opint.store.engine import Store
from opint.store.incident_pages import page
from streams.broker import BrokerAddress, embedded_broker

STOP_SECONDS = 8.0
WATCH_SECONDS = 1.0
PRODUCERS = {"producer": ["simulate"], "trigger": ["trigger", "simulate"], "events": ["hotline", "simulate"]}
"""Commands of those who publish, by name."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoProcess:
    """A running child process and the file that it logs to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def run(settings: Settings, folder: Path, pace: float, seed: int, stop: threading.Event, say: Say) -> None:
    """Start all parts, print what they find, and stop them when ``stop`` is set.

    ``folder`` keeps the models, the database and the logs, so that the next start goes on where this one ends; only
    the embedded broker forgets everything. ``pace`` is in lumisections per second. Raises NightshiftError with the end
    of its log if a part ends by itself.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        broker = stack.enter_context(embedded_broker())
        port = _free_port(settings.dashboard.port)
        file = _write_settings(settings, folder, broker, port)
        store = Store.open(_url(folder))
        store.upgrade()
        with store.begin() as tx:
            offsets.forget_other_clusters(tx, broker.cluster_id)
        begin = lumisections_seen(store, seed)
        parts: list[DemoProcess] = []
        stack.callback(_stop_all, parts)
        parts.append(_start("dashboard", folder, file, ["dashboard"]))
        _wait_for(port, parts, stop)
        say(f"\nnightshift is watching a simulated detector: open http://127.0.0.1:{port}\nCtrl-C stops everything.\n")
        say(f"For commands beside it: export NIGHTSHIFT_CONFIG={file}\n")
        parts.append(_start("daemon", folder, file, ["run"]))
        for name, command in PRODUCERS.items():
            # With the same seed all produce the same runs and lumisections.
            truth = str(folder / f"truth-{name}.jsonl")
            to = ["--publish", "--pace", str(pace), "--seed", str(seed), "--skip", str(begin), "--truth", truth]
            parts.append(_start(name, folder, file, [*command, *to]))
        parts.append(_start("workflows", folder, file, ["actions", "demo", "--seed", str(seed)]))
        if find_spec("numba") is not None:
            parts.append(_start("cache", folder, file, ["cache", "demo", "--seed", str(seed)]))
        _watch(store, parts, stop, say)
        say("stopping ...")


def lumisections_seen(store: Store, seed: int) -> int:
    """How many lumisections of the simulation lie behind the newest one in the database, itself included."""
    with store.read() as tx:
        newest = max(((run.run, run.last_ls) for run in runs.page(tx, limit=1).items), default=(0, 0))
    keys = (key for key, _ in endless(seed, good_only=False))
    return sum(1 for _ in takewhile(lambda key: (key.run, key.ls) <= newest, keys))


def _watch(store: Store, parts: Sequence[DemoProcess], stop: threading.Event, say: Say) -> None:
    """Print incidents as they open, until ``stop`` or the end of a part."""
    with store.read() as tx:
        shown = max((incident.id for incident in page(tx, limit=1).items), default=0)
    while not stop.wait(WATCH_SECONDS):
        _raise_if_ended(parts)
        with store.read() as tx:
            newest = page(tx, limit=20)
        for incident in reversed(newest.items):
            if incident.id > shown:
                say(f"incident {incident.id} ({incident.severity}): {incident.title}")
                shown = incident.id


def _raise_if_ended(parts: Sequence[DemoProcess]) -> None:
    for part in parts:
        if part.process.poll() is not None:
            lines = part.log.read_text(errors="replace").splitlines()[-5:]
            raise NightshiftError(
                f"the {part.name} ended with exit code {part.process.returncode}; the end of {part.log}:\n"
                + "\n".join(lines)
            )


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'nightshift.db'}"


def _write_settings(settings: Settings, folder: Path, broker: BrokerAddress, port: int) -> Path:
    """The settings file of the parts: the user's, but for what is embedded."""
    values = settings.model_dump(mode="json", exclude={"database": {"url"}, "stream": {"kafka": True}})
    values["database"]["url"] = _url(folder)
    values["stream"]["source"] = "kafka"
    values["stream"]["kafka"] = {
        "bootstrap_servers": broker.bootstrap_servers,
        "cluster_id": broker.cluster_id,
        "embedded": True,
    }
    values["dqm"]["models"] = str(folder / "models")
    values["rates"]["watch"] = True
    values["hotline"]["watch"] = True
    values["actions"]["watch"] = True
    values["dashboard"]["port"] = port
    values["metrics"]["port"] = _free_port(settings.metrics.port)
    file = folder / "nightshift.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def _free_port(preferred: int) -> int:
    """``preferred`` if nobody listens there, else one that the system chooses."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, parts: Sequence[DemoProcess], stop: threading.Event) -> None:
    """Until the dashboard answers."""
    while not stop.wait(0.1):
        _raise_if_ended(parts)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return


def _start(name: str, folder: Path, file: Path, command: Sequence[str]) -> DemoProcess:
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and commands
            [sys.executable, "-m", "opint.cli", *command, "--config", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # What the environment says would win over the settings file of the parts.
            env={name: value for name, value in os.environ.items() if not name.startswith("NIGHTSHIFT_")},
        )
    return DemoProcess(name, process, log)


def _stop_all(parts: Sequence[DemoProcess]) -> None:
    """Ask all at once, wait, and only then insist."""
    for part in parts:
        if part.process.poll() is None:
            part.process.send_signal(signal.SIGTERM)
    deadline_s = time.monotonic() + STOP_SECONDS
    for part in parts:
        try:
            part.process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            part.process.kill()
            part.process.wait()
