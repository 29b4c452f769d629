"""LRB-like: of a sample of cached files, evict the one that a regression expects to be requested last.

After Song et al., NSDI 2020, with these simplifications: a file waits for one label at a time, the memory window is
four turnovers of the cache and not tuned, and the file furthest ahead leaves without regard to a Belady boundary. The
regression is trained again and again on the trace's own past; until the first time the oldest of the sample leaves.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Float32, Float64, Int32, Int64
from rl_cache.errors import SimulationError
from rl_cache.kernels import sampling
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, admit_all, serve_with
from rl_cache.kernels.sampling import draw
from rl_cache.policies.eviction import lrb_features
from rl_cache.policies.eviction.lrb_trees import Trees, empty_trees, fit, predict
from rl_cache.traces.trace import Trace

TREES, LEAVES = 24, 31
EXAMPLES = 1 << 15
"""Labelled examples that are kept to train on."""
MIN_EXAMPLES = 2000
MAX_WINDOW = 1 << 22


class State(NamedTuple):
    """Cached files, their history, and examples that wait for their label.

    Attributes:
        pool: cached files.
        history: of every file.
        trees: the regression, of log(1 + requests until the next for this file).
        requested: file of each request; only rows up to the present one are read.
        waiting: int64[n_files], row at which the file was described for training, -1 if it was not.
        description: float32[n_files, FEATURES], as of that row.
        described: int32[window], the file described at the row with this remainder, -1 for none.
        examples: float32[EXAMPLES, FEATURES], a ring.
        labels: float32[EXAMPLES].
        counts: int64[3], examples labelled, those at the last training, draws made.
        features: float64[FEATURES], scratch.
        sample: cached files that a victim is chosen of.
        seed: of all draws.
    """

    pool: sampling.Pool
    history: lrb_features.LrbHistory
    trees: Trees
    requested: Int64
    waiting: Int64
    description: Float32
    described: Int32
    examples: Float32
    labels: Float32
    counts: Int64
    features: Float64
    sample: int
    seed: int


@kernel
def label(state: State, file: int, distance: int) -> None:
    """The waiting description of a file gets its label."""
    place = state.counts[0] % EXAMPLES
    for k in range(lrb_features.FEATURES):
        state.examples[place, k] = state.description[file, k]
    state.labels[place] = np.log1p(distance)
    state.counts[0] += 1
    state.waiting[file] = -1


@kernel
def describe_past_request(state: State, row: int) -> None:
    """Label what was not requested for a whole window, and describe the file of some request within it."""
    window = len(state.described)
    slot = row % window
    expired = state.described[slot]
    if expired >= 0 and state.waiting[expired] == row - window:
        label(state, expired, 2 * window)
    earlier = row - int(draw(state.seed, row) * min(row + 1, window))
    file = state.requested[earlier]
    state.described[slot] = -1
    if state.waiting[file] < 0:
        lrb_features.write_features(state.history, file, row, state.features)
        for k in range(lrb_features.FEATURES):
            state.description[file, k] = state.features[k]
        state.waiting[file] = row
        state.described[slot] = file


@kernel
def find(state: State, file: int, row: int) -> bool:
    """Label the file's waiting example, and record the request."""
    if state.waiting[file] >= 0:
        label(state, file, row - state.waiting[file])
    lrb_features.record_request(state.history, file, row)
    describe_past_request(state, row)
    return sampling.contains(state.pool, file)


@kernel
def insert(state: State, file: int, _row: int) -> None:
    """Join the cached files."""
    sampling.add(state.pool, file)


@kernel
def evict(state: State, _file: int, row: int) -> int:
    """The file of the sample that is expected last leaves."""
    last, furthest = -1, -np.inf
    for _ in range(state.sample):
        file = sampling.draw_member(state.pool, state.seed + 1, state.counts[2])
        state.counts[2] += 1
        distance = expected(state, file, row)
        if distance > furthest:
            last, furthest = file, distance
    sampling.remove(state.pool, last)
    return last


@kernel
def expected(state: State, file: int, row: int) -> float:
    """The regression's prediction for a file; its age before the first training."""
    if state.trees.n_trees[0] == 0:
        return float(row - state.history.last[file])
    lrb_features.write_features(state.history, file, row, state.features)
    return predict(state.trees, state.features)


serve = serve_with(find, admit_all, insert, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class Lrb:
    """Trained again every ``pause_every`` requests; a victim is chosen of ``sample`` files, drawn with ``seed``."""

    sample: int = 32
    pause_every: int = 8192
    turnovers: float = 4.0
    seed: int = 0

    name: ClassVar[str] = "lrb"
    replay = staticmethod(replay)

    def __post_init__(self) -> None:
        if self.sample < 1 or self.pause_every < 1 or self.turnovers <= 0:
            raise SimulationError(
                f"lrb has sample {self.sample}, pause_every {self.pause_every}, turnovers {self.turnovers}; "
                "all need to be positive"
            )

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """Nothing cached, nothing learned."""
        fitting = capacity_bytes / trace.file_size.mean()
        window = int(min(max(self.turnovers * fitting, MIN_EXAMPLES), MAX_WINDOW))
        return State(
            sampling.empty_pool(trace.n_files),
            lrb_features.empty_history(trace.file_size, window),
            empty_trees(TREES, LEAVES),
            trace.file,
            np.full(trace.n_files, -1, np.int64),
            np.zeros((trace.n_files, lrb_features.FEATURES), np.float32),
            np.full(window, -1, np.int32),
            np.zeros((EXAMPLES, lrb_features.FEATURES), np.float32),
            np.zeros(EXAMPLES, np.float32),
            np.zeros(3, np.int64),
            np.zeros(lrb_features.FEATURES),
            self.sample,
            self.seed,
        )

    def pause(self, state: State) -> None:
        """Train on the examples labelled so far, if enough are new."""
        labelled, before = int(state.counts[0]), int(state.counts[1])
        if labelled - before >= MIN_EXAMPLES:
            kept = min(labelled, EXAMPLES)
            fit(state.trees, state.examples[:kept], state.labels[:kept])
            state.counts[1] = labelled
