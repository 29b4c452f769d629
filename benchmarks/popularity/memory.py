"""Most memory that a process and all that it started hold at once."""

import threading
from pathlib import Path

EVERY_S = 0.2
PAGES_SHARED = "Pss:"
"""Of a page that several processes share, each counts its part."""


class Watched:
    """Looks at the processes below ``pid`` while the block runs; ``peak`` are the most bytes seen (Linux)."""

    def __init__(self, pid: int) -> None:
        """Look from now on."""
        self.peak = 0
        self._pid = pid
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watched":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(EVERY_S):
            self.peak = max(self.peak, sum(_memory_bytes(pid) for pid in _below(self._pid)))


def _below(pid: int) -> list[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # The name of a program stands in parentheses and may hold anything; the parent is the second word after it.
        words = _text(stat).rpartition(")")[2].split()
        if words:
            children.setdefault(int(words[1]), []).append(int(stat.parent.name))
    below, waiting = [], [pid]
    while waiting:
        below.append(waiting.pop())
        waiting += children.get(below[-1], [])
    return below


def _memory_bytes(pid: int) -> int:
    lines = _text(Path(f"/proc/{pid}/smaps_rollup")).splitlines()
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(PAGES_SHARED))


def _text(path: Path) -> str:
    """Of a process that may have ended by now."""
    try:
        return path.read_text()
    except OSError:
        return ""
