"""A binary trace that is too long for memory: only its files are in memory, its requests on disk.

Requests are numbered a block at a time and written to temporary files (16 bytes a request, in the folder TMPDIR), which
the trace maps into memory. The system reads of them what is replayed and drops it again, so that every policy
replays the trace as any other. The temporary files have no name: they go away with the trace or the process.
"""

import tempfile
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from rl_cache.arrays import AnyArray, Int64
from rl_cache.traces.assemble import Sizes, changed_size, empty_trace
from rl_cache.traces.binary import arrow_column
from rl_cache.traces.trace import Trace


class _Files:
    """The files of the requests so far, numbered in the order in which they came."""

    def __init__(self) -> None:
        self.names: AnyArray = np.zeros(0, np.uint64)
        self.sizes: Int64 = np.zeros(0, np.int64)
        self._sorted: AnyArray = np.zeros(0, np.uint64)
        self._number: Int64 = np.zeros(0, np.int64)

    def number(self, name: AnyArray, size: AnyArray) -> Int64:
        """The number of each request's file; a file's first size stands."""
        encoded = arrow_column(name).dictionary_encode()
        block, position = encoded.dictionary.to_numpy(), encoded.indices.to_numpy()
        first = np.empty(len(block), np.int64)
        first[position[::-1]] = np.arange(len(name) - 1, -1, -1)
        place = np.searchsorted(self._sorted, block)
        is_numbered = np.zeros(len(block), bool)
        inside = place < len(self._sorted)
        is_numbered[inside] = self._sorted[place[inside]] == block[inside]
        number = np.empty(len(block), np.int64)
        number[is_numbered] = self._number[place[is_numbered]]
        new = np.flatnonzero(~is_numbered)
        number[new] = len(self.names) + np.arange(len(new))
        self.names = np.concatenate([self.names, block[new]])
        self.sizes = np.concatenate([self.sizes, size[first[new]].astype(np.int64)])
        new = new[np.argsort(block[new])]
        self._sorted = np.insert(self._sorted, place[new], block[new])
        self._number = np.insert(self._number, place[new], number[new])
        numbered: Int64 = number[position]
        return numbered


def assemble_on_disk(blocks: Iterable[npt.NDArray[np.void]], origin: str, sizes: Sizes) -> Trace:
    """A trace of records with ``time``, ``file`` and ``size``; errors as of ``assemble``."""
    files, rows = _Files(), 0
    with tempfile.TemporaryFile() as times, tempfile.TemporaryFile() as numbers:
        for records in blocks:
            number = files.number(records["file"], records["size"])
            if sizes is Sizes.CONSTANT:
                _check_sizes(files, number, records["size"], rows, origin)
            numbers.write(number.tobytes())
            times.write(records["time"].astype(np.int64).tobytes())
            rows += len(records)
        if not rows:
            raise empty_trace(origin)
        # The map holds the file open, which has no name any more.
        time_s, file = (np.memmap(column, np.int64, "r") for column in (times, numbers))
    return Trace(time_s, file, files.sizes, origin, file_name=files.names)


def _check_sizes(files: _Files, number: Int64, size: AnyArray, rows: int, origin: str) -> None:
    changed = np.flatnonzero(files.sizes[number] != size)
    if len(changed):
        row = int(changed[0])
        raise changed_size(origin, files.names[number[row]], rows + row, size[row], files.sizes[number[row]])
