"""A real XCache in front of a real origin, where Debian's xrootd-server, its plug-ins and xrootd-client are installed.

XRootD 5.5 of Debian 12 has libXrdBlacklistDecision and no libXrdPfcPurgeQuota, so quotas are not tried here.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from opint.caches.xcache import blacklist_file
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
pfc.decisionlib libXrdBlacklistDecision.so {folder}/blacklist.cfg
"""


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("localhost", 0))
        return int(bound.getsockname()[1])


@pytest.fixture
def folder() -> Iterator[Path]:
    """Open to all, since xrootd refuses to be root and becomes its own user."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def serve(folder: Path, name: str, port: int, more: str = "") -> subprocess.Popen[bytes]:
    config = folder / f"{name}.cfg"
    config.write_text(_COMMON.format(folder=folder, name=name, port=port) + more)
    for made in (folder / name, folder / f"{name}-files"):
        made.mkdir(exist_ok=True)
        made.chmod(0o777)
    user = ["-R", "xrootd"] if os.getuid() == 0 else []
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


def refusal(directory: str) -> StoredSuggestion:
    numbers = (0.0, "directory", 1, 1, 1.0, 1.0, 1.0, [1.0], 1.0, "B", 0.0)
    return StoredSuggestion("refuse", directory, *numbers, "read once", "active", "saves", 0.0, decision="accepted")


def test_a_refused_directory_is_delivered_and_not_stored(folder: Path) -> None:
    refused, other = "/store/mc/Refused/AOD/1/f.root", "/store/mc/Other/AOD/1/f.root"
    for path in (refused, other):
        file = folder / f"origin-files{path}"
        file.parent.mkdir(parents=True)
        file.write_bytes(path.encode() * 1000)
    blacklist = blacklist_file([refusal("/store/mc/Refused")]).text("T2", 0.0)
    (folder / "blacklist.cfg").write_text(blacklist)
    origin, cache = free_port(), free_port()
    with ExitStack() as servers:
        for arguments in (("origin", origin), ("cache", cache, _CACHE.format(origin=origin, folder=folder))):
            server = servers.enter_context(serve(folder, *arguments))
            servers.callback(server.kill)
        for path in (refused, other):
            assert copy(cache, "/" + path, folder / "copy") == path.encode() * 1000
        deadline = time.monotonic() + 10
        while not (folder / f"cache-files{other}").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert (folder / f"cache-files{other}").exists()
        assert not (folder / f"cache-files{refused}").exists()
