"""Scored: S3-FIFO whose decisions an agent may take over, by a score of how soon a file is requested again.

A missing file comes under the score with the probability :attr:`Knobs.share`; else S3-FIFO decides. Under the score,
the file is compared with the lowest-scored of a few cached files, as in LHD or LRB. It takes that file's place if its
own score is greater by at least :attr:`Knobs.margin`, and is not stored if not. With ``share`` 0, the default, the
cache holds what S3-FIFO holds, and what it evicted as long as there is room.

The lowest-scored are looked for among files drawn anew and those remembered of earlier draws, whose scores are
computed again before one leaves.

Under guard the agent may lose ``budget`` of what S3-FIFO has missed, and whatever it has saved: S3-FIFO's files
leave, or are refused, only while the potential loss (rl_cache/policies/eviction/shadowed.py) stays below. So the
bound holds for every agent on every trace at every moment, as long as files leave only to make room for a file:
watermarks and redirection are the operator's, and what they cost is not bounded.

The score is ``reuse * network(features) + weights . features``. The network is trained on other traces
(rl_cache/agents/reuse.py) to predict how soon a file is requested again; weights and margin are what an agent moves.
"""

from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple

import numpy as np

from rl_cache.arrays import Float64, Int64
from rl_cache.errors import SimulationError
from rl_cache.kernels.candidates import Candidates, lowest, no_candidates, offer, put
from rl_cache.kernels.history import (
    FEATURES,
    RequestHistory,
    empty_history,
    record_cached,
    record_request,
    write_features,
)
from rl_cache.kernels.jit import entry, kernel, subroutine
from rl_cache.kernels.network import Evaluator, Network, evaluator, predict, zero_network
from rl_cache.kernels.request import NOTHING, Frame, serve_with
from rl_cache.kernels.sampling import Pool, contains, draw, draw_member
from rl_cache.policies.eviction import shadowed
from rl_cache.traces.trace import Trace

UNGUARDED = 1e9
"""A budget that nobody can use up."""
_FRESH, _RESCORED = 12, 6
"""Files drawn anew of the annex and of the common files, and candidates of either scored again, at a choice."""
_LOST_COUNTS = 4
"""A byte lost already counts as so many owed: an agent that loses is held shorter than the bound would need."""
_SHARE, _MARGIN, _REUSE, _RECENCY, _FREQUENCY, _SIZE, _DATASET_RECENCY, _SIBLINGS = range(8)
_DRAWS, _VICTIM = range(2)


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
    """The cache, what was seen, and what the score needs.

    Attributes:
        cache: the cache, and S3-FIFO in its shadow.
        history: the past.
        network: how soon a file is requested again.
        common, annex: the lowest-scored files of each that were drawn.
        knobs: float64[8], may be changed between requests.
        marks: int64[2], draws made, and the victim that admission has already chosen (NOTHING: none).
        lowest: float64[1], the score of the victim that was chosen last.
        values: scratch for features.
        budget: share of S3-FIFO's missed bytes that may be lost.
        seed: of the draws.
    """

    cache: shadowed.Shadowed
    history: RequestHistory
    network: Evaluator
    common: Candidates
    annex: Candidates
    knobs: Float64
    marks: Int64
    lowest: Float64
    values: Float64
    budget: float
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
def may_owe(state: State, row: int) -> float:
    """Bytes of S3-FIFO's files that may leave at this row; negative where S3-FIFO decides."""
    if state.knobs[_SHARE] <= 0.0 or draw(state.seed, row) >= state.knobs[_SHARE]:
        return -1.0
    bytes_ = state.cache.bytes
    more_missed = bytes_[shadowed.MORE_MISSED]
    lost = max(more_missed, _LOST_COUNTS * more_missed)
    return float(state.budget * bytes_[shadowed.PLAIN_MISSED] - lost - bytes_[shadowed.OWED])


@kernel
def _lowest_scored(state: State, pool: Pool, candidates: Candidates, row: int) -> int:
    """The place of the lowest-scored candidate that is still in the pool, which must not be empty."""
    draws, rescored = _FRESH, 0
    # One call of score for files drawn and files scored again: it is long, and compiled into each place that calls it.
    while True:
        place = lowest(candidates)
        if draws > 0:
            state.marks[_DRAWS] += 1
            file = draw_member(pool, state.seed + 1, state.marks[_DRAWS])
        elif candidates.file[place] == NOTHING:
            draws = 1
            continue
        elif not contains(pool, candidates.file[place]):
            put(candidates, place, NOTHING, np.inf, row)
            continue
        elif candidates.row[place] == row or rescored == _RESCORED:
            return place
        else:
            file = int(candidates.file[place])
        value = score(state, file, row)
        if draws > 0:
            draws -= 1
            offer(candidates, file, value, row)
        else:
            rescored += 1
            put(candidates, place, file, value, row)


@subroutine
def choose_victim(state: State, row: int, owable: float) -> int:
    """The lowest-scored of the annex, and of the common files where so many bytes may be owed; NOTHING for none."""
    cache = state.cache
    victim, lowest_score = NOTHING, np.inf
    if cache.annex.length[0] > 0:
        place = _lowest_scored(state, cache.annex, state.annex, row)
        victim, lowest_score = int(state.annex.file[place]), state.annex.score[place]
    if owable > 0.0 and cache.common.length[0] > 0:
        place = _lowest_scored(state, cache.common, state.common, row)
        file = int(state.common.file[place])
        if state.common.score[place] < lowest_score and cache.plain.size[file] <= owable:
            victim, lowest_score = file, state.common.score[place]
    state.marks[_VICTIM] = victim
    state.lowest[0] = lowest_score
    return victim


@kernel
def find(state: State, file: int, row: int) -> bool:
    """Note the request, and let S3-FIFO serve it."""
    record_request(state.history, file, row)
    state.marks[_VICTIM] = NOTHING
    return shadowed.request(state.cache, file, row)


@kernel
def admit(state: State, file: int, row: int) -> bool:
    """Whether the file is stored; then it is no longer owed."""
    stored = _is_worth_storing(state, file, row)
    if stored:
        shadowed.settle(state.cache, file)
    return stored


@kernel
def _is_worth_storing(state: State, file: int, row: int) -> bool:
    """While there is room, or in the place of files with a lower score, as far as these may leave."""
    cache, size = state.cache, state.cache.plain.size[file]
    excess = shadowed.excess(cache, file)
    if excess <= 0:
        return True
    plain, owable = shadowed.in_plain(cache, file), may_owe(state, row)
    if owable < 0.0:
        return plain
    # A file of S3-FIFO's is owed until it is stored.
    victim = choose_victim(state, row, owable + size if plain else owable)
    if victim == NOTHING:
        return plain
    if score(state, file, row) < state.lowest[0] + state.knobs[_MARGIN]:
        return False
    if plain or excess <= cache.bytes[shadowed.ANNEX]:
        return True
    # Files that may leave have to make room enough, however they are drawn.
    return bool(owable >= excess + cache.bytes[shadowed.LARGEST])


@kernel
def insert(state: State, file: int, _row: int) -> None:
    """The file is in the cache."""
    shadowed.store(state.cache, file)
    record_cached(state.history, file, 1)


@kernel
def evict(state: State, _file: int, row: int) -> int:
    """The lowest-scored file that may leave; any file where only watermarks want more room than the annex has."""
    victim = int(state.marks[_VICTIM])
    if victim == NOTHING:
        victim = choose_victim(state, row, may_owe(state, row))
    if victim == NOTHING:
        state.marks[_DRAWS] += 1
        victim = draw_member(state.cache.common, state.seed + 1, state.marks[_DRAWS])
    state.marks[_VICTIM] = NOTHING
    shadowed.drop(state.cache, victim)
    record_cached(state.history, victim, -1)
    return victim


serve = serve_with(find, admit, insert, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class ScoredS3Fifo:
    """An agent over S3-FIFO.

    Attributes:
        knobs, network: of the score.
        budget: share of S3-FIFO's missed bytes that the agent may lose altogether; infinite without a guard.
        seed: of the draws.
    """

    knobs: Knobs = Knobs()
    network: Network = field(default_factory=lambda: zero_network(len(FEATURES)))
    seed: int = 0
    budget: float = UNGUARDED

    replay = staticmethod(replay)

    def __post_init__(self) -> None:
        if not 0.0 < self.budget <= UNGUARDED:
            raise SimulationError(f"budget is {self.budget}; need more than 0, a share of S3-FIFO's missed bytes")

    @property
    def name(self) -> str:
        """Whether it is guarded."""
        return "scored" if self.budget == UNGUARDED else "guarded"

    def guarded(self, budget: float = 0.01) -> "ScoredS3Fifo":
        """The same agent, which never misses more than S3-FIFO by this share of S3-FIFO's missed bytes."""
        return replace(self, budget=budget)

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """An empty cache that has seen nothing."""
        return State(
            shadowed.empty_shadowed(trace, capacity_bytes),
            empty_history(trace, capacity_bytes),
            evaluator(self.network),
            no_candidates(),
            no_candidates(),
            self.knobs.array(),
            np.array([0, NOTHING], np.int64),
            np.zeros(1),
            np.zeros(len(FEATURES)),
            self.budget,
            self.seed,
        )


HEURISTIC = ScoredS3Fifo(Knobs(share=1.0, recency=-1.0, frequency=0.5))
"""A plain mix of recency and frequency, without any training."""
