"""``nightshift/FileAdmission-v0``: store a missing file or pass it by, over LRU, as the published agents decide.

One step is one miss; hits in between are served. Actions: 0 NotStore, 1 Store. As published, the reward is plus or
minus the size of the file, in GB. Storing was right if the file is requested again before it would leave: within the
time that the file at the back of LRU's list has lain there, or at all while there is room. So the reward knows the
future, as it may in training; observations are of the past.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from rl_cache.arrays import Float32
from rl_cache.env.episode import RENDER_MODES, check_render_mode, check_step, choose_trace, picture
from rl_cache.errors import SimulationError
from rl_cache.policies.admission.learned_admission import FEATURE_LIMIT, FEATURES, HIT_RATE
from rl_cache.traces.trace import DAY_S, Trace

OBSERVATION = FEATURES


class FileAdmission(gymnasium.Env[Float32, np.int64]):
    """One episode is one trace; its end is ``truncated``.

    Actions are 0 (NotStore) and 1 (Store); observations are float32[5] as :data:`OBSERVATION` names them. The reward is
    plus or minus the size of the file in GB. ``info`` of a step has ``hit`` and ``written``, in bytes.
    """

    metadata: dict[str, Any] = {"render_modes": list(RENDER_MODES), "render_fps": 4}  # noqa: RUF012 - as gymnasium declares it

    def __init__(
        self, traces: Sequence[Trace] = (), *, cache_share: float = 0.1, render_mode: str | None = None
    ) -> None:
        """An environment over these traces; without any, a small HEP-like trace is generated at each reset.

        Raises:
            SimulationError: the cache's share of the trace's footprint is not in (0, 1].
        """
        if not 0 < cache_share <= 1:
            raise SimulationError(f"cache_share is {cache_share}; need over 0 and at most 1")
        self.render_mode = check_render_mode(render_mode)
        self._traces, self._share = tuple(traces), cache_share
        self._ended = True
        self.action_space = spaces.Discrete(2)
        self.observation_space = spaces.Box(-FEATURE_LIMIT, FEATURE_LIMIT, (len(OBSERVATION),), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """An empty cache at the first miss of a trace; there are no options."""
        super().reset(seed=seed, options=options)
        self._trace = choose_trace(self._traces, self.np_random)
        self._capacity = max(1, int(self._share * self._trace.footprint_bytes))
        self._cache: OrderedDict[int, int] = OrderedDict()
        self._cached_bytes = 0
        self._row = -1
        self._hit_share = 0.0
        self._rendered: list[tuple[float, float]] = []
        self._requests = np.zeros(self._trace.n_files, np.int64)
        self._last_s = np.zeros(self._trace.n_files, np.int64)
        self._next_miss()
        self._ended = False
        return self._observe(), {}

    def step(self, action: np.int64) -> tuple[Float32, float, bool, bool, dict[str, Any]]:
        """Decide on the missing file, then serve hits up to the next miss.

        Raises:
            gymnasium.error.ResetNeeded: the episode is over, or none has begun.
            gymnasium.error.InvalidAction: neither 0 nor 1.
        """
        check_step(self._ended, self.action_space, action)
        file = int(self._trace.file[self._row])
        size = int(self._trace.file_size[file])
        reward = size / 1e9 * (1.0 if self._comes_back_in_time() == (action == 1) else -1.0)
        written_bytes = size if action == 1 and size <= self._capacity else 0
        if written_bytes:
            self._store(file, size)
        self._record_request(file, 0.0)
        hit = self._next_miss()
        self._rendered.append((self._hit_share, self._cached_bytes / self._capacity))
        self._ended = self._row >= len(self._trace)
        observation = np.zeros(len(OBSERVATION), np.float32) if self._ended else self._observe()
        return observation, reward, False, self._ended, {"hit": hit, "written": written_bytes}

    def render(self) -> Any:
        """A line of text, or a picture of the smoothed hit share (bars) and the occupancy (marks) over the misses."""
        if self.render_mode is None or not hasattr(self, "_rendered"):
            return None
        hits, occupancy = ([pair[number] for pair in self._rendered] for number in (0, 1))
        if self.render_mode == "rgb_array":
            return picture(hits, occupancy)
        return f"row {self._row}: {self._hit_share:.1%} hits of late, {self._cached_bytes / self._capacity:.1%} full"

    def _comes_back_in_time(self) -> bool:
        """Whether the present file, stored now, would be hit before it leaves."""
        again = int(self._trace.next_access[self._row])
        size = int(self._trace.size[self._row])
        if again >= len(self._trace) or size > self._capacity:
            return False
        if self._cached_bytes + size <= self._capacity or not self._cache:
            return True
        oldest = next(iter(self._cache))
        stays_s = self._trace.time_s[self._row] - self._last_s[oldest]
        return bool(self._trace.time_s[again] - self._trace.time_s[self._row] <= stays_s)

    def _store(self, file: int, size: int) -> None:
        while self._cached_bytes + size > self._capacity:
            _, evicted_bytes = self._cache.popitem(last=False)
            self._cached_bytes -= evicted_bytes
        self._cache[file] = size
        self._cached_bytes += size

    def _next_miss(self) -> int:
        """Serve hits; bytes of them. Stands at the next miss, or behind the end."""
        hit, n = 0, len(self._trace)
        self._row += 1
        while self._row < n and (file := int(self._trace.file[self._row])) in self._cache:
            self._cache.move_to_end(file)
            hit += self._cache[file]
            self._record_request(file, 1.0)
            self._row += 1
        return hit

    def _record_request(self, file: int, hit: float) -> None:
        self._requests[file] += 1
        self._last_s[file] = self._trace.time_s[self._row]
        self._hit_share += HIT_RATE * (hit - self._hit_share)

    def _observe(self) -> Float32:
        file = int(self._trace.file[self._row])
        requested_before = self._requests[file] > 0
        days = (self._trace.time_s[self._row] - self._last_s[file]) / DAY_S
        values = [np.log2(self._trace.file_size[file] / 1e9), np.log1p(self._requests[file])]
        values += [np.log1p(days) if requested_before else -1.0, self._cached_bytes / self._capacity, self._hit_share]
        return np.clip(np.array(values, np.float32), -FEATURE_LIMIT, FEATURE_LIMIT)
