"""Replay a trace against a policy and count, per day, what was read, written and deleted."""

import math
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from rl_cache.arrays import Int64
from rl_cache.errors import SimulationError
from rl_cache.kernels.request import COLUMNS, Frame
from rl_cache.laboratory.account import Account
from rl_cache.policies.protocols import Learner, Policy, Resumable
from rl_cache.traces.trace import Trace

REDIRECT_SHARE = 0.95
"""Share of a day's bandwidth that misses may use before further ones are redirected."""
_NEVER = np.iinfo(np.int64).max
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Watermarks:
    """Shares of the capacity: fuller than ``high`` after a file was stored, the cache is purged down to ``low``.

    XCache looks every five minutes instead; what it holds above the mark in between is not modelled.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high <= 1:
            raise SimulationError(f"watermarks are low {self.low}, high {self.high}; need 0 < low < high <= 1")


class Simulation:
    """A replay that can stop at any row and go on, for environments that decide in between."""

    def __init__(
        self,
        trace: Trace,
        policy: Policy,
        capacity_bytes: int,
        *,
        warm_up: int = 0,
        watermarks: Watermarks | None = None,
        daily_bandwidth: int | None = None,
    ) -> None:
        """An empty cache before the first request.

        Args:
            trace: what is requested.
            policy: what is stored and evicted.
            capacity_bytes: size of the cache. A larger file is read past it, as a miss.
            warm_up: requests at the beginning that are served and not counted.
            watermarks: purge early and much; None evicts only what has to leave.
            daily_bandwidth: bytes that misses may read in a day: once a day's misses reach 95% of it, further
                ones are redirected: served elsewhere, not stored, counted apart.

        Raises:
            SimulationError: a capacity or bandwidth below one byte, a warm-up that leaves no request.
        """
        if capacity_bytes < 1:
            raise SimulationError(f"capacity_bytes is {capacity_bytes}; a cache holds at least one byte")
        if not 0 <= warm_up < len(trace):
            raise SimulationError(f"warm_up is {warm_up}; the trace has {len(trace)} requests")
        if daily_bandwidth is not None and daily_bandwidth < 1:
            raise SimulationError(f"daily_bandwidth is {daily_bandwidth}; leave it out for no limit")
        self.policy = policy
        self.state = policy.state(trace, capacity_bytes)
        self.row = 0
        days = len(trace.day_starts) - 1
        self._first_day = trace.first_day
        self._frame = Frame(
            file=trace.file,
            size=trace.file_size,
            day_starts=trace.day_starts,
            account=np.zeros((days, len(COLUMNS)), np.int64),
            uncounted=np.zeros(len(COLUMNS), np.int64),
            traffic=np.zeros(days, np.int64),
            occupied=np.zeros(1, np.int64),
            capacity=capacity_bytes,
            high=capacity_bytes if watermarks is None else int(watermarks.high * capacity_bytes),
            low=capacity_bytes if watermarks is None else int(watermarks.low * capacity_bytes),
            redirect_at=_NEVER if daily_bandwidth is None else math.ceil(REDIRECT_SHARE * daily_bandwidth),
            counted_from=warm_up,
        )

    @property
    def occupied_bytes(self) -> int:
        """Bytes in the cache now."""
        return int(self._frame.occupied[0])

    @property
    def account(self) -> Account:
        """What was counted up to now; a copy."""
        return Account.from_table(self._first_day, self._frame.capacity, self._frame.account)

    def refill(self, files: Int64) -> None:
        """Put these files, as a Resumable policy listed them, into the cache before the first request.

        Raises:
            SimulationError: the policy cannot be resumed.
        """
        if not isinstance(self.policy, Resumable):
            raise SimulationError(f"a cache of {self.policy.name} cannot be resumed")
        self.policy.restore(self.state, files)
        self._frame.occupied[0] = self._frame.size[files].sum()

    def advance(self, stop: int | None = None) -> None:
        """Serve the requests up to row ``stop``, not included; all that remain if it is None."""
        end = len(self._frame.file) if stop is None else min(stop, len(self._frame.file))
        while self.row < end:
            pause = self._next_pause()
            self.policy.replay(self._frame, self.state, self.row, min(end, pause))
            self.row = min(end, pause)
            if isinstance(self.policy, Learner) and self.row == pause:
                self.policy.pause(self.state)

    def _next_pause(self) -> int:
        if not isinstance(self.policy, Learner):
            return len(self._frame.file)
        return (self.row // self.policy.pause_every + 1) * self.policy.pause_every


def simulate(
    trace: Trace,
    policy: Policy,
    capacity_bytes: int,
    *,
    warm_up: int = 0,
    watermarks: Watermarks | None = None,
    daily_bandwidth: int | None = None,
) -> Account:
    """Replay the whole trace; arguments and errors as of :class:`Simulation`."""
    replay = Simulation(
        trace, policy, capacity_bytes, warm_up=warm_up, watermarks=watermarks, daily_bandwidth=daily_bandwidth
    )
    replay.advance()
    return replay.account


def parallel_map(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """What ``work`` returns for each item, in order; the first exception is raised.

    Compiled code does not hold the interpreter's lock, so threads keep all cores busy.
    """
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(work, items))
