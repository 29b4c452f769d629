"""What a simulation counted, day by day."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rl_cache.kernels.request import COLUMNS

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """Sums of each day, one row a day from ``first_day`` on; requests before the end of the warm-up do not count.

    A request is a hit, a miss or redirected (only under a bandwidth limit). Written is what was stored of the
    misses, deleted what was evicted.
    """

    first_day: int
    capacity_bytes: int
    hit_bytes: Ints
    miss_bytes: Ints
    written_bytes: Ints
    deleted_bytes: Ints
    redirected_bytes: Ints
    hits: Ints
    misses: Ints
    redirects: Ints

    @classmethod
    def from_table(cls, first_day: int, capacity_bytes: int, table: Ints) -> Self:
        """From int64[days, len(COLUMNS)]; copies it."""
        return cls(first_day, capacity_bytes, **{name: table[:, k].copy() for k, name in enumerate(COLUMNS)})

    def __len__(self) -> int:
        return len(self.hits)

    @property
    def byte_miss_ratio(self) -> float:
        """Missed over all bytes read, redirected ones left out; NaN if nothing was read."""
        return _share(self.miss_bytes, self.hit_bytes)

    @property
    def request_miss_ratio(self) -> float:
        """Misses over all requests, redirected ones left out."""
        return _share(self.misses, self.hits)


def _share(part: Ints, rest: Ints) -> float:
    whole = int(part.sum()) + int(rest.sum())
    return int(part.sum()) / whole if whole else float("nan")
