"""Files as sources: a list of them that ends, or a folder that is watched while it is being filled.

Each file is a partition of its own: cluster ``file``, topic the absolute path (:func:`topic_of`), partition 0; an
offset is the number of a record in it. So a restart resumes inside a file, and a file whose stored offset is the number
of its records is finished. A name therefore stands for one content: to give a folder new data, use a new name.

Few files are open at a time: a new one is claimed when one before it is finished. Finished files stay ours
for a while, because what they delivered may still be on its way to the store.
"""

import fnmatch
import hashlib
import os
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from streams.codecs.content_type import ARROW_CONTENT_TYPE
from streams.codecs.limits import Limits
from streams.errors import SourceUnavailable
from streams.files import read_file
from streams.files.cursor import Cursor, Read, Record
from streams.records import HistogramBatch
from streams.source import Loss, Message, Partition

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
        self._delivered: set[str] = set()
        self._changing: dict[str, tuple[int, int, float]] = {}
        self._scanned_s = -float("inf")

    def settled(self, now_s: float) -> list[Path]:
        """Files that are complete now and were not delivered before, by name; raises SourceUnavailable.

        The folder is scanned at most every :data:`SCAN_S`; in between the list is empty.
        """
        if 0 <= now_s - self._scanned_s < min(SCAN_S, self._settle_s or SCAN_S):
            return []
        self._scanned_s = now_s
        states = self._look()
        self._delivered &= states.keys()
        ready = []
        for name, (size, changed_ns) in states.items():
            if name in self._delivered:
                continue
            before = self._changing.get(name)
            since_s = before[2] if before is not None and before[:2] == (size, changed_ns) else now_s
            self._changing[name] = (size, changed_ns, since_s)
            if now_s - since_s >= self._settle_s:
                ready.append(name)
        self._delivered.update(ready)
        waiting = states.keys() - self._delivered
        self._changing = {name: state for name, state in self._changing.items() if name in waiting}
        return [self._folder / name for name in sorted(ready)]

    def _look(self) -> dict[str, tuple[int, int]]:
        """Size and time of change (ns) of the files not delivered yet; zeros for the others, which need no scan."""
        states = {}
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if self._matches(entry.name):
                        states[entry.name] = self._state(entry)
        except OSError as error:
            raise SourceUnavailable(f"folder {self._folder} cannot be read: {error.strerror}") from None
        return {name: state for name, state in states.items() if state is not None}

    def _matches(self, name: str) -> bool:
        return not name.startswith(".") and not name.endswith(".tmp") and fnmatch.fnmatchcase(name, self._pattern)

    def _state(self, entry: os.DirEntry[str]) -> tuple[int, int] | None:
        if entry.name in self._delivered:
            return 0, 0
        try:
            status = entry.stat()
            return (status.st_size, status.st_mtime_ns) if entry.is_file() else None
        except OSError:
            return None


FILES = "file"
"""The cluster of all files."""

OPEN_FILES = 16
FINISHED_FILES = 1024
POLL_RECORDS = 256
IDLE_S = 0.1
"""How long an idle poll waits at most before it lets its caller go on, s."""

LONGEST_PATH_BYTES = 1024
"""Of longer paths, and of those that are no text, the topic holds the end and a digest."""


def topic_of(path: Path) -> str:
    """The topic of a file: its path where that is printable and not too long for an index, else what tells it apart."""
    text, raw = str(path), os.fsencode(path)
    if text.isprintable() and len(raw) <= LONGEST_PATH_BYTES:
        return text
    legible = raw.decode("utf-8", "backslashreplace")
    printable = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in legible)
    return f"...{printable[-150:]} (sha256 {hashlib.sha256(raw).hexdigest()[:16]})"


class FileSource:
    """The records of some files, in the given order; finite.

    ``lag`` is 1 for a file with records left: files do not say how many there are. ``published_s`` is the
    time of delivery, because these files may be years old.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        limits: Limits,
        clock: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
        read: Read = read_file,
    ) -> None:
        """``clock`` gives s since 1970; ``sleep`` waits in a poll that has nothing to deliver.

        ``read`` reads a file: histograms of any format, or messages as they are (:func:`arrow_file.messages`).
        """
        self._limits = limits
        self._read_file = read
        self._clock = clock
        self._sleep = sleep
        self._waiting = deque(path.absolute() for path in paths)
        self._paths: dict[Partition, Path] = {}
        self._open: dict[Partition, Cursor | None] = {}
        self._finished: OrderedDict[Partition, None] = OrderedDict()
        self._claimed: list[Partition] = []
        self._paused = False

    def poll(self, timeout_s: float) -> Sequence[Message]:
        """Up to :data:`POLL_RECORDS` records, file by file; raises SourceUnavailable if the folder is away."""
        self._claim()
        messages = [] if self._paused else self._read()
        if not messages and not self._claimed and timeout_s > 0:
            self._sleep(min(timeout_s, IDLE_S))
        return messages

    def claimed(self) -> Sequence[Partition]:
        """Files opened since the last call."""
        claimed, self._claimed = self._claimed, []
        return claimed

    def owned(self) -> frozenset[Partition]:
        """Files that are open, and those finished lately."""
        return frozenset(self._open) | frozenset(self._finished)

    def start_at(self, partition: Partition, offset: int | None) -> None:
        """Read on from record ``offset``; does nothing for a file that is not ours."""
        if partition not in self._open and partition not in self._finished:
            return
        self._finished.pop(partition, None)
        self._open[partition] = Cursor(self._paths[partition], self._limits, offset or 0, self._read_file)

    def losses(self) -> Sequence[Loss]:
        """Nothing: a file that is gone is reported as a record that cannot be decoded."""
        return ()

    def pause(self) -> None:
        """Deliver nothing until :meth:`resume`."""
        self._paused = True

    def resume(self) -> None:
        """Deliver again."""
        self._paused = False

    def processed(self, offsets: Mapping[Partition, int]) -> None:
        """Nobody outside wants to know."""

    def lag(self) -> Mapping[Partition, int]:
        """1 for files with records left, 0 for the others."""
        unfinished = {partition: int(cursor is None or not cursor.at_end) for partition, cursor in self._open.items()}
        return dict.fromkeys(self._finished, 0) | unfinished

    def exhausted(self) -> bool:
        """True when all records of all files have been delivered."""
        return not self._waiting and all(cursor is not None and cursor.at_end for cursor in self._open.values())

    def close(self) -> None:
        """Forget all files."""
        self._waiting.clear()
        self._paths.clear()
        self._open.clear()
        self._finished.clear()
        self._claimed.clear()

    def _claim(self) -> None:
        for partition in [p for p, cursor in self._open.items() if cursor is not None and cursor.at_end]:
            del self._open[partition]
            self._finished[partition] = None
        while len(self._finished) > FINISHED_FILES:
            forgotten, _ = self._finished.popitem(last=False)
            del self._paths[forgotten]
        while self._waiting and len(self._open) < OPEN_FILES:
            path = self._waiting.popleft()
            partition = Partition(FILES, topic_of(path), 0)
            self._paths[partition] = path
            self._open[partition] = None
            self._claimed.append(partition)

    def _read(self) -> list[Message]:
        """Records of the open files; what they hold in memory is bounded like two messages."""
        messages: list[Message] = []
        size_bytes = 0
        for partition, cursor in self._open.items():
            while cursor is not None and not cursor.at_end:
                if len(messages) >= POLL_RECORDS or size_bytes > self._limits.max_message_bytes:
                    return messages
                offset = cursor.offset
                record = cursor.take()
                size_bytes += _bytes_of(record)
                messages.append(_message(partition, offset, record, self._published_s(cursor.path)))
        return messages

    def _published_s(self, path: Path) -> float:
        del path
        return self._clock()


class FolderSource(FileSource):
    """The records of the files of one folder, in order of name, and of those that come; never exhausted.

    A file is taken when its size and time of change have stood still for ``settle_s``. Hidden files and
    those called ``*.tmp`` are left alone, so that a writer may use such a name and rename at the end.
    ``published_s`` is the file's time of change.
    """

    def __init__(
        self,
        path: Path,
        pattern: str,
        settle_s: float,
        limits: Limits,
        clock: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
        read: Read = read_file,
    ) -> None:
        """``pattern`` is a shell pattern for names, such as ``*.root``; ``read`` reads a file."""
        self._watch = FolderWatch(path.absolute(), pattern, settle_s)
        super().__init__((), limits, clock, sleep, read)

    def exhausted(self) -> bool:
        """False: another file may come."""
        return False

    def _claim(self) -> None:
        if not self._waiting:
            self._waiting.extend(self._watch.settled(self._clock()))
        super()._claim()

    def _published_s(self, path: Path) -> float:
        try:
            return path.stat().st_mtime
        except OSError:
            return self._clock()


def _message(partition: Partition, offset: int, record: Record, published_s: float) -> Message:
    key = f"{record.key.run}:{record.key.ls}".encode() if isinstance(record, HistogramBatch) else None
    headers = {"content-type": ARROW_CONTENT_TYPE} if isinstance(record, bytes) else {}
    return Message(partition, offset, record, headers, published_s, f"{partition.topic} record {offset}", key)


def _bytes_of(record: Record) -> int:
    if isinstance(record, bytes):
        return len(record)
    return sum(counts.nbytes for counts in record.counts) if isinstance(record, HistogramBatch) else 0
