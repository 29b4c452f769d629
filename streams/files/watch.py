"""Which files of a folder are complete, as far as one can see from outside."""

import fnmatch
import os
from pathlib import Path

from streams.errors import SourceUnavailable

SCAN_S = 0.5
"""Least time between two looks at the folder, s: one with 100,000 files takes a while to list."""


class FolderWatch:
    """Finds files whose size and time of change stand still; each is given once.

    Memory grows with the number of names in the folder only: names that have gone are forgotten.
    """

    def __init__(self, folder: Path, pattern: str, settle_s: float) -> None:
        """``pattern`` is a shell pattern for names; ``settle_s`` how long a file must not change, s."""
        self._folder = folder
        self._pattern = pattern
        self._settle_s = settle_s
        self._given: set[str] = set()
        self._changing: dict[str, tuple[int, int, float]] = {}
        self._scanned_s = -float("inf")

    def settled(self, now_s: float) -> list[Path]:
        """Files that are complete now and were not given before, by name; raises SourceUnavailable.

        Looks at the folder at most every :data:`SCAN_S`; in between the list is empty.
        """
        if 0 <= now_s - self._scanned_s < min(SCAN_S, self._settle_s or SCAN_S):
            return []
        self._scanned_s = now_s
        states = self._look()
        self._given &= states.keys()
        ready = []
        for name, (size, changed_ns) in states.items():
            if name in self._given:
                continue
            before = self._changing.get(name)
            since_s = before[2] if before is not None and before[:2] == (size, changed_ns) else now_s
            self._changing[name] = (size, changed_ns, since_s)
            if now_s - since_s >= self._settle_s:
                ready.append(name)
        self._given.update(ready)
        waiting = states.keys() - self._given
        self._changing = {name: seen for name, seen in self._changing.items() if name in waiting}
        return [self._folder / name for name in sorted(ready)]

    def _look(self) -> dict[str, tuple[int, int]]:
        """Size and time of change (ns) of the files not given yet; zeros for the others, which need no look."""
        states = {}
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if self._wanted(entry.name):
                        states[entry.name] = self._state(entry)
        except OSError as error:
            raise SourceUnavailable(f"folder {self._folder} cannot be read: {error.strerror}") from None
        return {name: state for name, state in states.items() if state is not None}

    def _wanted(self, name: str) -> bool:
        return not name.startswith(".") and not name.endswith(".tmp") and fnmatch.fnmatchcase(name, self._pattern)

    def _state(self, entry: os.DirEntry[str]) -> tuple[int, int] | None:
        if entry.name in self._given:
            return 0, 0
        try:
            status = entry.stat()
            return (status.st_size, status.st_mtime_ns) if entry.is_file() else None
        except OSError:
            return None
