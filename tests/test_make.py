"""The newcomer's way in: the Makefile's targets, and the script that installs test tools."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLD_JAVA = "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2"
NEW_JAVA = "echo 'openjdk version \"21.0.1\" 2023-10-17' >&2"
ANCIENT_JAVA = "echo 'java version \"1.8.0_392\"' >&2"

Machine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Run the script on a machine that has the given programs, each a line of shell, and nothing else."""

    def run(**programs: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in ("sh", "sed", "head", "ls"):
            (folder / name).symlink_to(str(shutil.which(name)))
        for name, line in programs.items():
            file = folder / name.replace("_", "-")
            file.write_text(f"#!/bin/sh\n{line}\n")
            file.chmod(0o755)
        script = str(ROOT / "deploy/install-test-tools.sh")
        return subprocess.run(
            [str(shutil.which("sh")), script],
            env={"PATH": str(folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    return run


def log_to(path: Path) -> str:
    return f'echo "$@" >> {path}'


@pytest.mark.parametrize("java", [OLD_JAVA, ANCIENT_JAVA, "exit 127"])
def test_only_what_is_missing_is_installed(machine: Machine, tmp_path: Path, java: str) -> None:
    log = tmp_path / "apt.log"
    done = machine(java=java, mvn=":", chromium=":", id="echo 0", apt_get=log_to(log), apt_cache=":")
    assert done.returncode == 0, done.stderr
    installed = [line.split()[-1] for line in log.read_text().splitlines() if line.startswith("install")]
    assert installed[0] == "openjdk-21-jre-headless"
    assert not {"maven", "chromium"} & set(installed)


def test_an_older_distribution_gets_its_own_java(machine: Machine, tmp_path: Path) -> None:
    log = tmp_path / "apt.log"
    machine(id="echo 0", apt_get=log_to(log), apt_cache='[ "$2" != openjdk-21-jre-headless ]')
    text = log.read_text()
    assert "openjdk-17-jre-headless" in text
    assert "install -qq --yes --no-install-recommends maven" in text
    assert "chromium fonts-dejavu-core" in text


def test_without_root_one_line_says_what_is_missing(machine: Machine, tmp_path: Path) -> None:
    log = tmp_path / "apt.log"
    done = machine(java=NEW_JAVA, id="echo 1000", apt_get=log_to(log))
    assert done.returncode == 0
    assert re.fullmatch(r"Not installed here: maven .*chromium; tests that need them will be skipped\.\n", done.stdout)
    assert not log.exists()


def test_a_failing_installation_stops_nothing(machine: Machine) -> None:
    done = machine(java=NEW_JAVA, mvn=":", id="echo 0", apt_get="exit 100", apt_cache=":")
    assert done.returncode == 0
    assert "chromium could not be installed" in done.stdout


def explained_targets() -> set[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(["make"], cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    return {line.split()[1] for line in done.stdout.splitlines()}


def test_make_alone_explains_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert explained_targets() == set(phony[1].split())


@pytest.mark.parametrize(("target", "stamp"), [("run", ".base"), ("test", ".dev"), ("setup", ".all")])
def test_a_target_sets_up_no_more_than_it_needs(target: str, stamp: str) -> None:
    rules = re.findall(rf"^{target}: (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert rules == [f".venv/{stamp}"]
