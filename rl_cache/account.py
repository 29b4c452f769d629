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
    misses, deleted what was evicted. Fetched is what a policy read from afar before anybody requested it; it is
    stored, and so part of what is written.
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
    fetched_bytes: Ints

    @classmethod
    def from_table(cls, first_day: int, capacity_bytes: int, table: Ints) -> Self:
        """From int64[days, len(COLUMNS)]; copies it."""
        return cls(first_day, capacity_bytes, **{name: table[:, k].copy() for k, name in enumerate(COLUMNS)})

    def __len__(self) -> int:
        return len(self.hits)

    @property
    def byte_miss_ratio(self) -> float:
        """Bytes read from afar, fetched ones included, over bytes requested, redirected ones left out.

        NaN if nothing was requested; above 1 where more is fetched than used.
        """
        requested = int(self.miss_bytes.sum()) + int(self.hit_bytes.sum())
        afar = int(self.miss_bytes.sum()) + int(self.fetched_bytes.sum())
        return afar / requested if requested else float("nan")

    @property
    def request_miss_ratio(self) -> float:
        """Misses over all requests, redirected ones left out."""
        requests = int(self.misses.sum()) + int(self.hits.sum())
        return int(self.misses.sum()) / requests if requests else float("nan")
