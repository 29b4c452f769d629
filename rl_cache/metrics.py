"""What an account says about a cache, as the published studies define it.

The five metrics of Tracolli et al. (LOD 2020) in the definitions of the authors' code of May 2020 ("2020"); later
versions of it define throughput otherwise. All are percentages, each given as the unweighted mean over days, as
published, and as the ratio of sums over the whole period. The mean over days favours days with little traffic.
Days on which a denominator is zero are left out of the mean.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rl_cache.account import Account
from rl_cache.traces.trace import Trace

REMOTE_LOSS = 19.0
"""Points of CPU efficiency that a remote read costs a job, as the authors measured in the Italian region (US: 10)."""


@dataclass(frozen=True, slots=True)
class Percentage:
    """One metric in both averages, in percent; NaN where no day has a denominator."""

    mean_of_days: float
    ratio_of_sums: float

    @classmethod
    def of(cls, part: NDArray[np.float64], whole: NDArray[np.float64]) -> Self:
        """100 · part / whole of daily sums."""
        counted = whole > 0
        if not counted.any():
            return cls(float("nan"), float("nan"))
        days = part[counted] / whole[counted]
        return cls(100 * float(days.mean()), 100 * float(part[counted].sum() / whole[counted].sum()))


@dataclass(frozen=True, slots=True)
class Published:
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


def published(account: Account, trace: Trace, warm_up: int = 0, daily_bandwidth: int | None = None) -> Published:
    """The five metrics; ``warm_up`` and ``daily_bandwidth`` (bytes a day) as given to the simulation."""
    active = account.hits + account.misses + account.redirects > 0
    hit, miss, written, deleted = (
        column[active].astype(np.float64)
        for column in (account.hit_bytes, account.miss_bytes, account.written_bytes, account.deleted_bytes)
    )
    days = np.ones(len(hit))
    return Published(
        throughput=Percentage.of(hit, written),
        cost=Percentage.of(written + deleted, days * account.capacity_bytes),
        read_on_hit=Percentage.of(hit, hit + miss),
        band_saturation=None if daily_bandwidth is None else Percentage.of(miss, days * daily_bandwidth),
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
    known = total > 0
    known[:warm_up] = False
    efficiency = np.divide(trace.cpu_s, total, out=np.zeros(len(trace)), where=known)
    day = trace.time_s // 86_400 - trace.first_day
    jobs = np.bincount(day[known], minlength=len(account)).astype(np.float64)
    sums = np.bincount(day[known], efficiency[known], minlength=len(account))
    if not jobs.any():
        return None
    served = account.hits + account.misses + account.redirects
    remote = (account.misses + account.redirects) / np.maximum(served, 1)
    lost = remote_loss / 100 * remote * jobs
    return Percentage.of(sums - lost, jobs)
