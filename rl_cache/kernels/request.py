"""What happens at a request: the same for every policy.

A policy supplies four compiled functions over its own state:

* ``find(state, file, row) -> bool``: whether the cache holds the file; a hit is noted in the state;
* ``admit(state, file, row) -> bool``: whether a missing file is to be stored;
* ``insert(state, file, row)``: the file is stored now;
* ``evict(state, file, row) -> int``: make room for ``file``; the number of the file that left, or NOTHING where
  the policy has only moved a file within the cache: it is called again.

A policy that prefetches supplies a fifth one: ``fetch(state, file, row) -> int``, called after ``file`` was missed
until it returns NOTHING: another file that is not in the cache and is to be stored as well. Its bytes count as read
from remote storage (FETCHED_BYTES) and as written.

``row`` counts requests from the beginning of the trace.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from rl_cache.arrays import Int64
from rl_cache.kernels.jit import kernel

COLUMNS = (
    "hit_bytes",
    "miss_bytes",
    "written_bytes",
    "deleted_bytes",
    "redirected_bytes",
    "hits",
    "misses",
    "redirects",
    "fetched_bytes",
)
HIT_BYTES, MISS_BYTES, WRITTEN_BYTES, DELETED_BYTES, REDIRECTED_BYTES = range(5)
HITS, MISSES, REDIRECTS, FETCHED_BYTES = range(5, len(COLUMNS))
NOTHING = -1
"""In place of a file's number."""


class Frame(NamedTuple):
    """What the control flow works on.

    Attributes:
        file: requested files.
        size: bytes of each file.
        day_starts: first row of each day, and the number of requests.
        account: int64[days, len(COLUMNS)], what is counted from row ``counted_from`` on.
        uncounted: int64[len(COLUMNS)], takes the counts of rows before that one.
        traffic: missed and fetched bytes of each day, counted always: the bandwidth limit looks at them.
        occupied: int64[1], bytes in the cache now.
        capacity: bytes that the cache can hold.
        high: bytes above which the cache is purged; the capacity where there are no watermarks.
        low: bytes down to which it is purged then.
        redirect_at: miss bytes of a day from which on misses are redirected.
        counted_from: first row that counts; what lies before warms the cache up.
    """

    file: Int64
    size: Int64
    day_starts: Int64
    account: Int64
    uncounted: Int64
    traffic: Int64
    occupied: Int64
    capacity: int
    high: int
    low: int
    redirect_at: int
    counted_from: int


Find = Callable[[Any, int, int], bool]
Admit = Callable[[Any, int, int], bool]
Insert = Callable[[Any, int, int], None]
Evict = Callable[[Any, int, int], int]
Fetch = Callable[[Any, int, int], int]
Serve = Callable[[Frame, Any, int, int], None]


@kernel
def admit_all(_state: Any, _file: int, _row: int) -> bool:
    """Store every missing file."""
    return True


@kernel
def fetch_none(_state: Any, _file: int, _row: int) -> int:
    """Fetch nothing that is not requested."""
    return NOTHING


def serve_with(find: Find, admit: Admit, insert: Insert, evict: Evict, fetch: Fetch = fetch_none) -> Serve:
    """The control flow with a policy's functions built in.

    A closure and not arguments, since numba can keep code on disk only where calls are known when it compiles.
    """

    @kernel
    def shrink(frame: Frame, state: Any, sums: Int64, target: int, file: int, row: int) -> None:
        while frame.occupied[0] > target:
            evicted = evict(state, file, row)
            if evicted != NOTHING:
                frame.occupied[0] -= frame.size[evicted]
                sums[DELETED_BYTES] += frame.size[evicted]

    @kernel
    def store(frame: Frame, state: Any, sums: Int64, file: int, row: int) -> None:
        size = frame.size[file]
        shrink(frame, state, sums, frame.capacity - size, file, row)
        insert(state, file, row)
        sums[WRITTEN_BYTES] += size
        frame.occupied[0] += size
        if frame.occupied[0] > frame.high:
            shrink(frame, state, sums, frame.low, file, row)

    @kernel
    def prefetch(frame: Frame, state: Any, sums: Int64, day: int, file: int, row: int) -> None:
        fetched = fetch(state, file, row)
        while fetched != NOTHING:
            frame.traffic[day] += frame.size[fetched]
            sums[FETCHED_BYTES] += frame.size[fetched]
            store(frame, state, sums, fetched, row)
            fetched = fetch(state, file, row)

    @kernel
    def get(frame: Frame, state: Any, sums: Int64, day: int, row: int) -> None:
        file = frame.file[row]
        size = frame.size[file]
        if find(state, file, row):
            sums[HIT_BYTES] += size
            sums[HITS] += 1
        elif frame.traffic[day] >= frame.redirect_at:
            sums[REDIRECTED_BYTES] += size
            sums[REDIRECTS] += 1
        else:
            frame.traffic[day] += size
            sums[MISS_BYTES] += size
            sums[MISSES] += 1
            if size <= frame.capacity and admit(state, file, row):
                store(frame, state, sums, file, row)
            prefetch(frame, state, sums, day, file, row)

    @kernel
    def serve(frame: Frame, state: Any, start: int, stop: int) -> None:
        for day in range(len(frame.day_starts) - 1):
            for row in range(max(start, frame.day_starts[day]), min(stop, frame.day_starts[day + 1])):
                sums = frame.account[day] if row >= frame.counted_from else frame.uncounted
                get(frame, state, sums, day, row)

    return serve
