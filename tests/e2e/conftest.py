"""A small detector, a model of it, and daemons as real processes that can be killed."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import yaml
from dqm.train import train

from conf.settings import DqmSettings
from dqm.simulate.detector import Detector
from dqm.simulate.shapes import channels, gaussian, normalised
from dqm.simulate.stream import stream
from dqm.simulate.templates import Template
from streams.records import Axis, Conditions, LumisectionKey, MonitoringElement

LEVEL = Conditions(fill=9000, pileup=50.0, delivered_lumi=0.44, recorded_lumi=0.42, beams_stable=True)


def small_detector():
    """Two subsystems of four monitoring elements each, with 20 bins or so."""
    rng = np.random.default_rng(7)
    found = []
    for subsystem in ("Muon", "Strips"):
        for part in (1, 2):
            folder = f"{subsystem}/Part{part}"
            for name, axis in (("occupancy", Axis(24, 0, 24, "wire")), ("timing", Axis(20, -10, 10, "time [ns]"))):
                base = channels(24, rng) if name == "occupancy" else gaussian(axis, 0.0, 3.0)
                base = normalised(base)
                modes = 0.01 * np.vstack([base * np.linspace(-1, 1, axis.bins), base * np.cos(np.arange(axis.bins))])
                element = MonitoringElement(f"{folder}/{name}", (axis,))
                found.append(Template(subsystem, element, base, modes, 20_000.0))
    return Detector(found, np.random.default_rng(8))


def keys(count, first_run=380_000, per_run=400):
    """``count`` lumisections over several runs, in order."""
    return [LumisectionKey(first_run + n // per_run, n % per_run + 1) for n in range(count)]


@pytest.fixture(scope="session")
def detector():
    return small_detector()


@pytest.fixture(scope="session")
def models(tmp_path_factory, detector):
    """A folder with a bundle trained on good lumisections of the small detector."""
    folder = tmp_path_factory.mktemp("models")
    good = stream(detector, [(key, LEVEL) for key in keys(500, first_run=370_000, per_run=50)], (), seed=1)
    batches = (batch for one in good for batch in one.batches)
    train(batches, folder / "histograms", DqmSettings(), np.random.default_rng(2), lambda _step, _share: None)
    return folder


@dataclass
class Daemons:
    """``nightshift`` processes with one settings file; all are ended with the test."""

    settings: Path
    running: list[subprocess.Popen] = field(default_factory=list)
    started: int = 0

    def start(self, *command):
        """Start ``nightshift COMMAND`` (default: run); its output goes beside the settings."""
        self.started += 1
        log = self.settings.with_name(f"process-{self.started}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "opint.cli", *(command or ("run",)), "--config", str(self.settings)],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        self.running.append(process)
        return process

    def kill(self, process):
        """SIGKILL: no time to tidy up."""
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.running.remove(process)

    def stop(self, process, timeout_s=20.0):
        """SIGTERM, as a service manager does; the exit code."""
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout_s)
        self.running.remove(process)
        return code

    def logs(self):
        """What all of them have said."""
        files = sorted(self.settings.parent.glob("process-*.log"))
        return "\n".join(path.read_text(errors="replace") for path in files)


@pytest.fixture
def daemons_with(tmp_path):
    """``daemons_with(values)``: processes that run with these settings."""
    made = []

    def build(values):
        file = tmp_path / f"settings-{len(made)}.yaml"
        file.write_text(yaml.safe_dump(values))
        made.append(Daemons(file))
        return made[-1]

    yield build
    for daemons in made:
        for process in list(daemons.running):
            daemons.kill(process)


def wait_until(condition, timeout_s, what):
    """Poll a condition; fail with ``what`` when time is over."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.2)
    pytest.fail(f"after {timeout_s:.0f} s still not: {what}")


def ci():
    """Whether skipping is not allowed."""
    return bool(os.environ.get("CI"))
