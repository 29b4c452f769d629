"""Daemons as real processes that can be killed."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import sync_playwright

from tests.e2e.browsing import DESK

CHROMIUM = Path("/usr/bin/chromium")


@dataclass
class Daemons:
    """``nightshift`` processes with one settings file; all are ended with the test."""

    settings: Path
    running: list[subprocess.Popen] = field(default_factory=list)
    started: int = 0

    def start(self, *command, script=("-m", "opint.cli")):
        """Start ``nightshift COMMAND`` (default: run), or a ``script`` like it; its output goes beside the settings."""
        self.started += 1
        with self.settings.with_name(f"process-{self.started}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *script, *(command or ("run",)), "--config", str(self.settings)],
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

    def kill_fetching(self, process):
        """SIGKILL for the process that fetches for a daemon, which goes on without it."""
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        (fetching,) = [
            pid for pid in children if b"streams.subprocess_source" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(int(fetching), signal.SIGKILL)

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
    started = []

    def build(values):
        file = tmp_path / f"settings-{len(started)}.yaml"
        file.write_text(yaml.safe_dump(values))
        started.append(Daemons(file))
        return started[-1]

    yield build
    for daemons in started:
        for process in list(daemons.running):
            daemons.kill(process)


@pytest.fixture(scope="module")
def browser():
    """Debian's chromium, driven by Playwright, whose event loop must not outlive the module."""
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{CHROMIUM} is missing: apt-get install chromium")
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser):
    """A page on the desk; the test fails if the browser complained about anything."""
    complaints = []
    context = browser.new_context(viewport=DESK)
    opened = context.new_page()
    opened.on("console", lambda text: complaints.append(text.text) if text.type in {"error", "warning"} else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.expected = []
    yield opened
    context.close()
    assert [complaint for complaint in complaints if not any(pattern in complaint for pattern in opened.expected)] == []
