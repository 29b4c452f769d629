"""Scored: S3-FIFO whose decisions an agent may take over, by a score of how soon a file is requested again.

A missing file comes under the score with the probability :attr:`Knobs.share`; else S3-FIFO decides alone. Under the
score, the file is compared with the lowest-scored of a few cached files drawn at random, as in LHD or LRB. It takes
that file's place if its own score is greater by at least :attr:`Knobs.margin`, and is not stored if not. With ``share``
0, the default, this is S3-FIFO to the last request.

The score is ``reuse * network(features) + weights . features``. The network is trained on other traces
(rl_cache/agents/reuse.py) to predict how soon a file is requested again; weights and margin are what an agent moves.
"""

from dataclasses import dataclass, field, fields
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Float64, Int64
from rl_cache.errors import SimulationError
from rl_cache.kernels.history import (
    FEATURES,
    RequestHistory,
    empty_history,
    record_cached,
    record_request,
    write_features,
)
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.linked_list import dequeue
from rl_cache.kernels.network import Evaluator, Network, evaluator, predict, zero_network
from rl_cache.kernels.request import Frame, serve_with
from rl_cache.kernels.sampling import Pool, add, draw, draw_member, empty_pool, remove
from rl_cache.policies.eviction import s3fifo
from rl_cache.traces.trace import Trace

SAMPLE = 24
"""Cached files that a victim is chosen of."""
_SHARE, _MARGIN, _REUSE, _RECENCY, _FREQUENCY, _SIZE, _DATASET_RECENCY, _SIBLINGS = range(8)
_UNDECIDED = -1


@dataclass(frozen=True, slots=True)
class Knobs:
    """What an agent may turn. The default is S3-FIFO.

    Attributes:
        share: probability that a missing file is decided on by the score, 0 to 1.
        margin: by how much a file's score must exceed that of the file whose place it takes.
        reuse: weight of the network's answer.
        recency, frequency, size, dataset_recency, siblings_cached: weights of these features in the score.
    """

    share: float = 0.0
    margin: float = 0.0
    reuse: float = 1.0
    recency: float = 0.0
    frequency: float = 0.0
    size: float = 0.0
    dataset_recency: float = 0.0
    siblings_cached: float = 0.0

    def __post_init__(self) -> None:
        wrong = [name for name, value in self.by_name().items() if not np.isfinite(value)]
        if wrong or not 0 <= self.share <= 1:
            raise SimulationError(f"knobs are {self.by_name()}; all must be finite, and share between 0 and 1")

    def by_name(self) -> dict[str, float]:
        """All knobs, in the order of :meth:`array`."""
        return {knob.name: float(getattr(self, knob.name)) for knob in fields(self)}

    def array(self) -> Float64:
        """float64[8], as the compiled policy reads them."""
        return np.array(list(self.by_name().values()))

    @classmethod
    def from_array(cls, values: Float64) -> "Knobs":
        """From an array; ``share`` is cut to 0 .. 1."""
        return cls(float(np.clip(values[0], 0.0, 1.0)), *(float(value) for value in values[1:]))


class State(NamedTuple):
    """S3-FIFO's queues, what was seen, and what the score needs.

    Attributes:
        queues: S3-FIFO.
        pool: the files in the cache.
        history: the past.
        network: how soon a file is requested again.
        knobs: float64[8], may be changed between requests.
        marks: int64[2], draws made, and the victim that admission has already chosen (-1: none).
        values: scratch for features.
        seed: of the draws.
    """

    queues: s3fifo.State
    pool: Pool
    history: RequestHistory
    network: Evaluator
    knobs: Float64
    marks: Int64
    values: Float64
    seed: int


@kernel
def score(state: State, file: int, row: int) -> float:
    """How soon a file is expected to be requested again; greater is sooner."""
    values, knobs = state.values, state.knobs
    write_features(state.history, file, row, values)
    total = knobs[_REUSE] * predict(state.network, values)
    total += knobs[_RECENCY] * values[0] + knobs[_FREQUENCY] * values[1] + knobs[_SIZE] * values[2]
    return float(total + knobs[_DATASET_RECENCY] * values[4] + knobs[_SIBLINGS] * values[7])


@kernel
def score_decides(state: State, row: int) -> bool:
    """Whether the score, and not S3-FIFO, decides at this row."""
    return bool(state.knobs[_SHARE] > 0.0 and draw(state.seed, row) < state.knobs[_SHARE])


@kernel
def lowest_score(state: State, row: int) -> float:
    """The lowest score of a sample; whose it is stays in ``marks[1]``."""
    worst, lowest = _UNDECIDED, np.inf
    for _ in range(SAMPLE):
        state.marks[0] += 1
        file = draw_member(state.pool, state.seed + 1, state.marks[0])
        file_score = score(state, file, row)
        if worst == _UNDECIDED or file_score < lowest:
            worst, lowest = file, file_score
    state.marks[1] = worst
    return float(lowest)


@kernel
def find(state: State, file: int, row: int) -> bool:
    """Note the request, and let S3-FIFO note a hit."""
    record_request(state.history, file, row)
    state.marks[1] = _UNDECIDED
    return s3fifo.find(state.queues, file, row)


@kernel
def admit(state: State, file: int, row: int) -> bool:
    """Store a file while there is room, or in the place of a file with a lower score."""
    if not score_decides(state, row):
        return s3fifo.admit(state.queues, file, row)
    held = state.queues.occupied[s3fifo.SMALL] + state.queues.occupied[s3fifo.MAIN]
    if held + state.queues.size[file] <= state.history.capacity or state.pool.length[0] == 0:
        return True
    lowest = lowest_score(state, row)
    return bool(score(state, file, row) >= lowest + state.knobs[_MARGIN])


@kernel
def insert(state: State, file: int, row: int) -> None:
    """The file joins S3-FIFO's queues."""
    s3fifo.insert(state.queues, file, row)
    add(state.pool, file)
    record_cached(state.history, file, 1)


@kernel
def evict(state: State, file: int, row: int) -> int:
    """The lowest-scored file of a sample, or S3-FIFO's choice."""
    evicted = evict_lowest_scored(state, row) if score_decides(state, row) else s3fifo.evict(state.queues, file, row)
    if evicted >= 0:
        remove(state.pool, evicted)
        record_cached(state.history, evicted, -1)
    return evicted


@kernel
def evict_lowest_scored(state: State, row: int) -> int:
    """Take the lowest-scored file out of its queue; one on trial becomes a ghost."""
    state.queues.flags[1] = 1
    if state.marks[1] == _UNDECIDED:
        lowest_score(state, row)
    evicted = int(state.marks[1])
    state.marks[1] = _UNDECIDED
    on_trial = state.queues.where[evicted] == s3fifo.SMALL
    dequeue(state.queues, evicted)
    if on_trial:
        s3fifo.add_ghost(state.queues, evicted)
    return evicted


serve = serve_with(find, admit, insert, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class ScoredS3Fifo:
    """S3-FIFO that an agent steers; ``seed`` is that of the samples."""

    knobs: Knobs = Knobs()
    network: Network = field(default_factory=lambda: zero_network(len(FEATURES)))
    seed: int = 0

    name: ClassVar[str] = "scored"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """An empty cache that has seen nothing."""
        return State(
            s3fifo.S3Fifo().state(trace, capacity_bytes),
            empty_pool(trace.n_files),
            empty_history(trace, capacity_bytes),
            evaluator(self.network),
            self.knobs.array(),
            np.array([0, _UNDECIDED], np.int64),
            np.zeros(len(FEATURES)),
            self.seed,
        )
