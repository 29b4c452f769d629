"""A real XCache in front of a real origin, where xrootd-server, its plug-ins and xrootd-client are installed.

XRootD 5.5 of Debian 12 has libXrdBlacklistDecision; libXrdPfcPurgeQuota comes with later ones.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from opint.caches.xcache import blacklist_file, quota_file
from opint.store.suggestions import StoredSuggestion

pytestmark = pytest.mark.skipif(
    not (shutil.which("xrootd") and shutil.which("xrdcp")), reason="xrootd-server or xrootd-client is not installed"
)
_COMMON = """
all.export /store
all.adminpath {folder}/{name}
all.pidpath {folder}/{name}
xrd.port {port}
oss.localroot {folder}/{name}-files
"""
_CACHE = """
ofs.osslib libXrdPss.so
pss.cachelib libXrdPfc.so
pss.origin localhost:{origin}
pfc.ram 1g
"""
_REFUSING = "pfc.decisionlib libXrdBlacklistDecision.so {folder}/blacklist.cfg"
_QUOTAS = """
pfc.dirstats interval 60 maxdepth 3
pfc.diskusage 0.98 0.99 purgeinterval 60
pfc.purgelib libXrdPfcPurgeQuota.so {folder}/quota.cfg
"""
_PURGED_WITHIN_S = 240
"""XRootD looks each minute, and spares what was read shortly before."""


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("localhost", 0))
        return int(bound.getsockname()[1])


@pytest.fixture
def folder() -> Iterator[Path]:
    """Open to all, since xrootd refuses to be root and becomes another user."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def serve(folder: Path, name: str, port: int, more: str = "") -> subprocess.Popen[bytes]:
    config = folder / f"{name}.cfg"
    config.write_text(_COMMON.format(folder=folder, name=name, port=port) + more)
    for directory in (folder / name, folder / f"{name}-files"):
        directory.mkdir(exist_ok=True)
        directory.chmod(0o777)
    user = ["-R", "daemon"] if os.getuid() == 0 else []
    command = ["xrootd", *user, "-c", str(config), "-n", name]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def copy(port: int, path: str, to: Path) -> bytes:
    """What the cache delivers; the server may still be starting."""
    command = ["xrdcp", "--force", "--nopbar", f"root://localhost:{port}/{path}", str(to)]
    for _ in range(20):
        if subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0:
            return to.read_bytes()
        time.sleep(0.5)
    raise AssertionError(f"{command} fails")


def accepted(kind: str, directory: str, share: float = 0.0) -> StoredSuggestion:
    numbers = (share, "directory", 1, 1, 1.0, 1.0, 1.0, [1.0], 1.0, "B", 0.0)
    return StoredSuggestion(kind, directory, *numbers, "read once", "active", "saves", 0.0, decision="accepted")


@contextmanager
def cached(folder: Path, paths: Sequence[str], size: int, rules: str) -> Iterator[None]:
    """A cache under these rules while it runs, from which files of ``size`` bytes were read, one after the other."""
    content = {path: (path.encode() * (1 + size // len(path)))[:size] for path in paths}
    for path in paths:
        file = folder / f"origin-files{path}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content[path])
    origin, cache = free_port(), free_port()
    config = (_CACHE + rules).format(origin=origin, folder=folder)
    with ExitStack() as servers:
        for arguments in (("origin", origin), ("cache", cache, config)):
            server = servers.enter_context(serve(folder, *arguments))
            servers.callback(server.kill)
        for path in paths:
            assert copy(cache, "/" + path, folder / "copy") == content[path]
        yield


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)
    return holds()


def test_a_refused_directory_is_delivered_and_not_stored(folder: Path) -> None:
    refused, other = "/store/mc/Refused/AOD/1/f.root", "/store/mc/Other/AOD/1/f.root"
    blacklist = blacklist_file([accepted("refuse", "/store/mc/Refused")]).text("T2", 0.0)
    (folder / "blacklist.cfg").write_text(blacklist)
    with cached(folder, (refused, other), 30_000, _REFUSING):
        assert wait_until((folder / f"cache-files{other}").exists, 10)
        assert not (folder / f"cache-files{refused}").exists()


def has_quotas() -> bool:
    program = shutil.which("xrootd")
    if program is None:
        return False
    installed = Path(program).resolve().parents[1]
    return any(path for pattern in ("lib*/", "lib/*/") for path in installed.glob(f"{pattern}libXrdPfcPurgeQuota*.so"))


@pytest.mark.skipif(not has_quotas(), reason="this XRootD has no libXrdPfcPurgeQuota")
def test_a_directory_above_its_quota_is_purged_and_others_are_not(folder: Path) -> None:
    size, over, other = 2**20, "/store/mc/Over", "/store/mc/Other"
    quotas = quota_file(100 * size, [accepted("quota", over, 0.025)])
    (folder / "quota.cfg").write_text(quotas.text("T2", 0.0))
    paths = [f"{directory}/AOD/{number}.root" for number in range(6) for directory in (over, other)]

    def stored(directory: str) -> list[str]:
        return sorted(file.name for file in (folder / f"cache-files{directory}").rglob("*.root"))

    with cached(folder, paths, size, _QUOTAS):
        assert wait_until(lambda: len(stored(over) + stored(other)) == 12, 10)
        assert wait_until(lambda: len(stored(over)) == 2, _PURGED_WITHIN_S), "2.5 files are allowed"
        assert stored(over) == ["4.root", "5.root"], "what was read last stays"
        assert len(stored(other)) == 6
