"""What a simulation counted, day by day, and the metrics that published studies compute from it.

The five metrics of Tracolli et al. (LOD 2020) in the definitions of the authors' code of May 2020 ("2020"); later
versions of it define throughput otherwise. All are percentages, each as the unweighted mean over days, as
published, and as the ratio of sums over the whole period. The mean over days favours days with little traffic.
Days on which a denominator is zero are left out of the mean.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from rl_cache.arrays import Float64, Int64
from rl_cache.kernels.request import COLUMNS
from rl_cache.traces.trace import Trace


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """Sums of each day, one row a day from ``first_day`` on; requests before the end of the warm-up do not count.

    A request is a hit, a miss or redirected (only under a bandwidth limit). Written is what was stored of the
    misses, deleted what was evicted. Fetched is what a policy read from afar before anybody requested it; it is
    stored, and so part of what is written.
    """

    first_day: int
    capacity_bytes: int
    hit_bytes: Int64
    miss_bytes: Int64
    written_bytes: Int64
    deleted_bytes: Int64
    redirected_bytes: Int64
    hits: Int64
    misses: Int64
    redirects: Int64
    fetched_bytes: Int64

    @classmethod
    def from_table(cls, first_day: int, capacity_bytes: int, table: Int64) -> Self:
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
        remote = int(self.miss_bytes.sum()) + int(self.fetched_bytes.sum())
        return remote / requested if requested else float("nan")

    @property
    def request_miss_ratio(self) -> float:
        """Misses over all requests, redirected ones left out."""
        requests = int(self.misses.sum()) + int(self.hits.sum())
        return int(self.misses.sum()) / requests if requests else float("nan")


REMOTE_LOSS = 19.0
"""Points of CPU efficiency that a remote read costs a job, as the authors measured in the Italian region (US: 10)."""


@dataclass(frozen=True, slots=True)
class Percentage:
    """One metric in both averages, in percent; NaN where no day has a denominator."""

    mean_of_days: float
    ratio_of_sums: float

    @classmethod
    def from_sums(cls, part: Float64, whole: Float64) -> Self:
        """100 · part / whole of daily sums."""
        counted = whole > 0
        if not counted.any():
            return cls(float("nan"), float("nan"))
        days = part[counted] / whole[counted]
        return cls(100 * float(days.mean()), 100 * float(part[counted].sum() / whole[counted].sum()))


@dataclass(frozen=True, slots=True)
class PublishedMetrics:
    """The five columns of the published table, definitions of 2020.

    Attributes:
        throughput: bytes read on a hit, of bytes written.
        cost: bytes written and deleted, of the capacity, per day.
        read_on_hit: bytes read on a hit, of all read; redirected bytes are not read.
        band_saturation: bytes missed, of what the link carries in a day; None without a bandwidth.
        cpu_efficiency: CPU time of CPU and I/O time, mean over requests, less what remote reads cost; None for a trace
            without these times.
    """

    throughput: Percentage
    cost: Percentage
    read_on_hit: Percentage
    band_saturation: Percentage | None
    cpu_efficiency: Percentage | None


def published_metrics(
    account: Account, trace: Trace, warm_up: int = 0, daily_bandwidth: int | None = None
) -> PublishedMetrics:
    """The five metrics; ``warm_up`` and ``daily_bandwidth`` (bytes a day) as given to the simulation."""
    active = account.hits + account.misses + account.redirects > 0
    hit, miss, stored, deleted = (
        column[active].astype(np.float64)
        for column in (account.hit_bytes, account.miss_bytes, account.written_bytes, account.deleted_bytes)
    )
    days = np.ones(len(hit))
    return PublishedMetrics(
        throughput=Percentage.from_sums(hit, stored),
        cost=Percentage.from_sums(stored + deleted, days * account.capacity_bytes),
        read_on_hit=Percentage.from_sums(hit, hit + miss),
        band_saturation=None if daily_bandwidth is None else Percentage.from_sums(miss, days * daily_bandwidth),
        cpu_efficiency=cpu_efficiency(account, trace, warm_up),
    )


def cpu_efficiency(
    account: Account, trace: Trace, warm_up: int = 0, remote_loss: float = REMOTE_LOSS
) -> Percentage | None:
    """Mean efficiency of the jobs behind the requests, each remote read costing ``remote_loss`` points.

    The trace's times are taken as those of local reads. Requests without any time are left out of the mean of
    efficiencies. None if the trace has no such times.
    """
    if trace.cpu_s is None or trace.io_s is None:
        return None
    total = trace.cpu_s + trace.io_s
    timed = total > 0
    timed[:warm_up] = False
    efficiency = np.divide(trace.cpu_s, total, out=np.zeros(len(trace)), where=timed)
    day = trace.time_s // 86_400 - trace.first_day
    jobs = np.bincount(day[timed], minlength=len(account)).astype(np.float64)
    sums = np.bincount(day[timed], efficiency[timed], minlength=len(account))
    if not jobs.any():
        return None
    served = account.hits + account.misses + account.redirects
    remote = (account.misses + account.redirects) / np.maximum(served, 1)
    lost = remote_loss / 100 * remote * jobs
    return Percentage.from_sums(sums - lost, jobs)
