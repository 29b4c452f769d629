"""Guarded: an agent that decides while it serves more than S3-FIFO, and gives way to S3-FIFO when it does not.

Three caches run in shadow, of which only names and sizes are kept. *S3-FIFO* of the full size on all requests says what
the guarded cache has lost or gained, to the byte. *The agent* and *S3-FIFO* on a spatial sample of the keys, at the
sample's share of the size, say which of both would serve more now, whoever decides. Sampling by keys and shrinking the
cache keeps miss ratios (SHARDS: Waldspurger et al., FAST 2015); datasets are sampled whole, since the agent looks at
siblings.

S3-FIFO decides at first. The sample is looked at in blocks of a quarter of a turnover. The agent takes over when over
the newest blocks, at least EVIDENCE, it has missed less by ``gain``, and by two standard errors. It gives way when it
has missed more in the newest RECENT blocks, or when since it took over the cache has lost ``loss_share`` of its size to
S3-FIFO from where it stood best.

A cache that was steered wrongly goes on to lose until it holds S3-FIFO's files again, in the worst case all at once. So
the agent decides on a part of the missing files only: on as many as would, if all that they make the cache hold were
useless, cost no more than what is left of ``budget``, a share of all bytes that S3-FIFO has missed, and what the agent
has saved. Where it saves, its part grows until it decides on all.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from rl_cache.arrays import Int64, Mask
from rl_cache.errors import SimulationError
from rl_cache.kernels.request import COLUMNS, Frame
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.eviction.scored import Knobs, ScoredS3Fifo
from rl_cache.policies.protocols import Policy
from rl_cache.traces.key_sample import in_sample
from rl_cache.traces.trace import Trace

SAMPLE_SHARE = 0.2
"""Share of the keys that both caches on the sample see."""
EVIDENCE, RECENT, REMEMBERED = 8, 4, 16
"""Blocks of the sample that are needed, that are looked at to give way, and that are kept."""
_BLOCK = 0.25
"""Of a turnover: so many bytes of the sampled cache's size are missed in a block."""
_NEVER = np.iinfo(np.int64).max


class Shadow:
    """A cache of which only the missed bytes matter, on some of the rows of a trace."""

    def __init__(self, trace: Trace, policy: Policy, capacity_bytes: int, rows: Int64) -> None:
        """An empty cache; ``rows`` of the trace are served, in order."""
        part = trace.select(rows)
        self._rows, self._policy = rows, policy
        self._state = policy.state(part, capacity_bytes)
        self._frame = _frame(part, capacity_bytes)
        self._served = 0

    def advance(self, row: int) -> int:
        """Serve all rows before this one; bytes missed since the beginning."""
        stop = int(np.searchsorted(self._rows, row))
        if stop > self._served:
            self._policy.replay(self._frame, self._state, self._served, stop)
            self._served = stop
        return int(self._frame.traffic[0])


@dataclass(slots=True)
class State:
    """The guarded cache, its shadows, and who decides.

    Attributes:
        scored: the cache itself.
        plain, sampled_agent, sampled_plain: the shadows.
        capacity: bytes of the cache.
        row: the next row.
        missed: bytes missed by the guarded cache.
        blocks: share of S3-FIFO's missed bytes that the agent saved, for the newest blocks of the sample.
        before: missed bytes of both sampled caches at the end of the last block.
        best: lowest loss to S3-FIFO since the agent took over, in bytes.
        steered: whether the agent decides.
        turns: how often the agent took over or gave way.
    """

    scored: Any
    plain: Shadow
    sampled_agent: Shadow
    sampled_plain: Shadow
    capacity: int
    row: int = 0
    missed: int = 0
    blocks: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    before: tuple[int, int] = (0, 0)
    best: int = 0
    steered: bool = False
    turns: int = 0


@dataclass(frozen=True, slots=True)
class Guarded:
    """An agent under guard.

    Attributes:
        agent: what is guarded.
        gain: share of S3-FIFO's missed bytes that the agent must save on the sample to take over.
        loss_share: of the capacity, that it may lose before it gives way.
        budget: share of S3-FIFO's missed bytes that may be lost altogether.
        pause_every: requests between two looks.
    """

    agent: ScoredS3Fifo = field(default_factory=lambda: ScoredS3Fifo(Knobs(share=1.0, recency=-1.0, frequency=0.5)))
    gain: float = 0.02
    loss_share: float = 0.02
    budget: float = 0.01
    pause_every: int = 200

    name: ClassVar[str] = "guarded"

    def __post_init__(self) -> None:
        shares = 0 <= self.gain < 1 and 0 < self.loss_share <= 1 and 0 < self.budget <= 1
        if not shares or self.pause_every < 1:
            raise SimulationError(
                f"guarded has gain {self.gain}, loss_share {self.loss_share}, budget {self.budget}, pause_every "
                f"{self.pause_every}; need 0 <= gain < 1, 0 < loss_share <= 1, 0 < budget <= 1, pause_every >= 1"
            )

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """Empty caches; S3-FIFO decides."""
        every = np.arange(len(trace))
        rows = every[_sampled(trace)[trace.file]]
        # Of a trace whose keys are all outside of the sample one row stands in: it never makes a block.
        rows = rows if len(rows) else every[:1]
        share = max(1, int(SAMPLE_SHARE * capacity_bytes))
        scored = self.agent.state(trace, capacity_bytes)
        scored.knobs[0] = 0.0
        return State(
            scored,
            Shadow(trace, S3Fifo(), capacity_bytes, every),
            Shadow(trace, self.agent, share, rows),
            Shadow(trace, S3Fifo(), share, rows),
            capacity_bytes,
        )

    def replay(self, frame: Frame, state: State, start: int, stop: int) -> None:
        """Serve requests."""
        self.agent.replay(frame, state.scored, start, stop)
        state.row, state.missed = stop, int(frame.traffic.sum())

    def pause(self, state: State) -> None:
        """Look at the shadows, and let the better one decide."""
        plain = state.plain.advance(state.row)
        loss = state.missed - plain
        self._compare(state)
        left = min(1.0, (self.budget * plain - loss) / state.capacity)
        if not state.steered and left > 0.0 and self._takes_over(state):
            state.steered, state.best = True, loss
            state.turns += 1
        state.best = min(state.best, loss)
        if state.steered and (left <= 0.0 or self._gives_way(state, loss)):
            state.steered = False
            state.turns += 1
            # The evidence that it is better has to come anew.
            state.blocks.clear()
        state.scored.knobs[0] = left * self.agent.knobs.share if state.steered else 0.0

    def _compare(self, state: State) -> None:
        """Take in a block of the sample when it is over."""
        agent, plain = state.sampled_agent.advance(state.row), state.sampled_plain.advance(state.row)
        missed = plain - state.before[1]
        if missed >= _BLOCK * SAMPLE_SHARE * state.capacity and missed > 0:
            state.blocks.append(1.0 - (agent - state.before[0]) / missed)
            state.before = agent, plain

    def _takes_over(self, state: State) -> bool:
        """Whether the sample tells that the agent serves more."""
        if len(state.blocks) < EVIDENCE:
            return False
        saved = np.array(state.blocks)
        return bool(saved.mean() > max(self.gain, 2.0 * saved.std(ddof=1) / np.sqrt(len(saved))))

    def _gives_way(self, state: State, loss: int) -> bool:
        """Whether the sample tells that it serves less, or the cache has lost much."""
        return sum(list(state.blocks)[-RECENT:]) < 0.0 or loss - state.best > self.loss_share * state.capacity


def _sampled(trace: Trace) -> Mask:
    """Which files are in the sample: whole datasets where there are some, else files, by a hash of their number."""
    labelled = trace.dataset is not None and len(trace.dataset.names) > 1
    key = trace.dataset.code if labelled and trace.dataset is not None else np.arange(trace.n_files)
    return in_sample(key, SAMPLE_SHARE)


def _frame(trace: Trace, capacity_bytes: int) -> Frame:
    """Counts all requests as of one day: of a shadow only the sum of its missed bytes is read."""
    return Frame(
        file=trace.file,
        size=trace.file_size,
        day_starts=np.array([0, len(trace)], np.int64),
        account=np.zeros((1, len(COLUMNS)), np.int64),
        uncounted=np.zeros(len(COLUMNS), np.int64),
        traffic=np.zeros(1, np.int64),
        occupied=np.zeros(1, np.int64),
        capacity=capacity_bytes,
        high=capacity_bytes,
        low=capacity_bytes,
        redirect_at=_NEVER,
        counted_from=0,
    )
