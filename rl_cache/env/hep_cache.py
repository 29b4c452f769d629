"""``nightshift/HepCache-v0``: turn the knobs of a cache's eviction score and admission, once an epoch.

A second cache of the same size runs S3-FIFO beside it, on the same requests. The reward of an epoch is what the
steered cache served more than that shadow, as a share of the bytes read, minus a price for what it wrote. So neither a
quiet night nor a hard week looks like the agent's doing. Observations are of the epochs that are over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from rl_cache.arrays import Float32
from rl_cache.env.episode import RENDER_MODES, check_render_mode, check_step, choose_trace, picture
from rl_cache.errors import SimulationError
from rl_cache.kernels.history import FEATURES, REUSE
from rl_cache.kernels.network import Network, zero_network
from rl_cache.laboratory.account import Account
from rl_cache.laboratory.simulator import Simulation
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.eviction.scored import Knobs, ScoredS3Fifo
from rl_cache.traces.trace import DAY_S, Trace

KNOB_RANGE = Knobs(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
"""How far an action of 1 moves each knob from where it stood at the start."""
OBSERVATION = (
    "hit share of the bytes read",
    "hit share of the shadow",
    "their difference, smoothed over about ten epochs",
    "written bytes over bytes read",
    "written bytes of the shadow over bytes read",
    "occupancy",
    "bytes read over the capacity",
    "share of requests for files seen before",
    "time of day, sine",
    "time of day, cosine",
    *(f"knob {name}" for name in Knobs().by_name()),
)
"""What an observation holds; knobs as the distance from the start in units of :data:`KNOB_RANGE`."""


@dataclass(frozen=True, slots=True)
class EpochBytes:
    """Bytes of an epoch."""

    hit_bytes: int
    miss_bytes: int
    written_bytes: int

    @property
    def read_bytes(self) -> int:
        """Bytes requested, at least 1."""
        return max(1, self.hit_bytes + self.miss_bytes)


class HepCache(gymnasium.Env[Float32, Float32]):
    """One episode is one trace; its end is ``truncated``, since a cache does not end when its trace does.

    Actions are float32[8] from -1 to 1, one for each knob (:class:`Knobs`); observations are float32[18] as
    :data:`OBSERVATION` names them. The reward of an epoch is the share of the bytes read that the cache served more
    than S3-FIFO, less ``write_price`` times the bytes written over the capacity: about -0.1 to 0.1. ``info`` of a step
    has ``hit``, ``read``, ``written`` and ``shadow_hit``, in bytes of the epoch.
    """

    metadata: dict[str, Any] = {"render_modes": list(RENDER_MODES), "render_fps": 4}  # noqa: RUF012 - as gymnasium declares it

    def __init__(
        self,
        traces: Sequence[Trace] = (),
        *,
        cache_shares: Sequence[float] = (0.1,),
        start: Knobs | None = None,
        network: Network | None = None,
        epoch_s: int = 6 * 3600,
        write_price: float = 0.02,
        capacity_bytes: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        """An environment over these traces.

        Args:
            traces: one is drawn at each reset; without any, a small HEP-like trace is generated at each reset.
            cache_shares: sizes of the cache as shares of a trace's footprint; one is drawn at each reset.
            start: the knobs that an action of zeros leaves as they are; S3-FIFO by default.
            network: of the score; by default one that knows nothing.
            epoch_s: seconds of the trace between two decisions.
            write_price: what it costs to write as many bytes as the cache holds.
            capacity_bytes: size of the cache, in place of a share.
            render_mode: ansi: a line of text; rgb_array: hit shares of the cache and its shadow over the epochs.

        Raises:
            SimulationError: an epoch below one second, a share outside 0 to 1, a cache below one byte.
        """
        if epoch_s < 1 or not all(0 < share <= 1 for share in cache_shares) or not cache_shares:
            raise SimulationError(
                f"epoch_s is {epoch_s}, cache_shares {cache_shares}; need >= 1 s and shares in (0, 1]"
            )
        if capacity_bytes is not None and capacity_bytes < 1:
            raise SimulationError(f"capacity_bytes is {capacity_bytes}; a cache holds at least one byte")
        self.render_mode = check_render_mode(render_mode)
        self._traces, self._shares = tuple(traces), tuple(cache_shares)
        self._start = Knobs() if start is None else start
        self._network = zero_network(len(FEATURES)) if network is None else network
        self._epoch_s, self._write_price, self._fixed = epoch_s, write_price, capacity_bytes
        self._ended = True
        self.action_space = spaces.Box(-1.0, 1.0, (len(KNOB_RANGE.by_name()),), np.float32)
        self.observation_space = spaces.Box(-10.0, 10.0, (len(OBSERVATION),), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Empty caches before the first request of a trace; ``options["trace"]`` chooses which, by number.

        Raises:
            SimulationError: there is no trace of this number.
        """
        super().reset(seed=seed)
        self._trace = choose_trace(self._traces, self.np_random, (options or {}).get("trace"))
        share = float(self.np_random.choice(self._shares))
        capacity = self._fixed or max(1, int(self._trace.footprint_bytes * share))
        self._capacity = capacity
        self._cache = Simulation(self._trace, ScoredS3Fifo(self._start, self._network), capacity)
        self._shadow = Simulation(self._trace, S3Fifo(), capacity)
        self._until_s = int(self._trace.time_s[0])
        self._before = (EpochBytes(0, 0, 0), EpochBytes(0, 0, 0))
        self._gain = 0.0
        self._rendered: list[tuple[float, float]] = []
        self._ended = False
        return self._observe(EpochBytes(0, 0, 0), EpochBytes(0, 0, 0)), {}

    def step(self, action: Float32) -> tuple[Float32, float, bool, bool, dict[str, Any]]:
        """Turn the knobs, and serve the requests of one epoch; epochs without requests are passed over.

        Raises:
            gymnasium.error.ResetNeeded: the episode is over, or none has begun.
            gymnasium.error.InvalidAction: not a number from -1 to 1 for each knob.
        """
        check_step(self._ended, self.action_space, np.asarray(action, np.float32))
        self._cache.state.knobs[:] = self.knobs(action).array()
        stop = self._next_stop()
        self._cache.advance(stop)
        self._shadow.advance(stop)
        own, shadow = self._epoch_bytes()
        gain = (own.hit_bytes - shadow.hit_bytes) / own.read_bytes
        self._gain += 0.1 * (gain - self._gain)
        reward = gain - self._write_price * own.written_bytes / self._capacity
        info = {
            "hit": own.hit_bytes,
            "read": own.read_bytes,
            "written": own.written_bytes,
            "shadow_hit": shadow.hit_bytes,
        }
        self._rendered.append((own.hit_bytes / own.read_bytes, shadow.hit_bytes / own.read_bytes))
        self._ended = stop >= len(self._trace)
        return self._observe(own, shadow), float(reward), False, self._ended, info

    def render(self) -> Any:
        """As ``render_mode`` says; None without one, or before the first reset."""
        if self.render_mode is None or not hasattr(self, "_rendered"):
            return None
        own, shadow = ([pair[number] for pair in self._rendered] for number in (0, 1))
        if self.render_mode == "rgb_array":
            return picture(own, shadow)
        last = self._rendered[-1] if self._rendered else (0.0, 0.0)
        return f"epoch {len(own)}: {last[0]:.1%} of the bytes hit, {last[1]:.1%} under S3-FIFO"

    @property
    def account(self) -> Account:
        """What the steered cache has counted in this episode."""
        return self._cache.account

    def knobs(self, action: Float32) -> Knobs:
        """What an action means."""
        return Knobs.from_array(self._start.array() + np.asarray(action, np.float64) * KNOB_RANGE.array())

    def _next_stop(self) -> int:
        """The row behind the epoch of the next request."""
        idle_s = int(self._trace.time_s[self._cache.row]) - self._until_s
        self._until_s += (idle_s // self._epoch_s + 1) * self._epoch_s
        return self._trace.row_at(self._until_s)

    def _epoch_bytes(self) -> tuple[EpochBytes, EpochBytes]:
        now = (_bytes_so_far(self._cache), _bytes_so_far(self._shadow))
        own, shadow = (
            EpochBytes(
                new.hit_bytes - old.hit_bytes, new.miss_bytes - old.miss_bytes, new.written_bytes - old.written_bytes
            )
            for new, old in zip(now, self._before, strict=True)
        )
        self._before = now
        return own, shadow

    def _observe(self, own: EpochBytes, shadow: EpochBytes) -> Float32:
        knobs = (self._cache.state.knobs - self._start.array()) / KNOB_RANGE.array()
        day = 2.0 * np.pi * (self._until_s % DAY_S) / DAY_S
        values = [
            own.hit_bytes / own.read_bytes,
            shadow.hit_bytes / own.read_bytes,
            10.0 * self._gain,
            own.written_bytes / own.read_bytes,
            shadow.written_bytes / own.read_bytes,
            self._cache.occupied_bytes / self._capacity,
            own.read_bytes / self._capacity,
            self._cache.state.history.total[REUSE],
            np.sin(day),
            np.cos(day),
            *knobs,
        ]
        return np.clip(np.array(values, np.float32), -10.0, 10.0)


def _bytes_so_far(cache: Simulation) -> EpochBytes:
    account = cache.account
    return EpochBytes(int(account.hit_bytes.sum()), int(account.miss_bytes.sum()), int(account.written_bytes.sum()))
