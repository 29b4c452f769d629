"""A second model beside the one that judges: it sees the same messages and raises nothing.

Its scores and verdicts are stored under its own version, in the transaction of the current model's, so that both
have seen the same when they are compared.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection

from dqm.core.assembly import merge
from dqm.core.state import LumisectionState, ScoredBatch, SubsystemScores
from opint.lumisections.closing import StateKey, close
from opint.lumisections.judge import Judge
from opint.lumisections.references import learned_counts
from opint.store import lumisections, references
from opint.store.references import Part
from streams.records import LumisectionKey


class Shadow:
    """Judges what the current model judges."""

    def __init__(self, pipeline: Judge, reach: int) -> None:
        """``reach`` is how many lumisections before one decide whether it is frozen."""
        self.pipeline = pipeline
        self._reach = reach

    def write(
        self, tx: Connection, scored: Sequence[ScoredBatch], judged: Sequence[LumisectionState], now_s: float
    ) -> None:
        """Add scored batches to what is known, and judge those lumisections that have just been ``judged``.

        The current model's states must have been stored. A lumisection of which the shadow has not seen all that
        the current model has seen, because it came later, gets no verdict.
        """
        states = self._states(tx, scored, judged)
        changed: dict[StateKey, LumisectionState] = {}
        for batch in scored:
            place = (batch.dataset, batch.key)
            learned = learned_counts(states[place], batch, self.pipeline)
            part = Part(batch.dataset, batch.key.run, batch.subsystem, batch.model_version)
            if learned.residuals is not None:
                references.add_residuals(tx, part, learned.residuals, now_s)
            if learned.sums is not None:
                references.add(tx, part, learned.sums, now_s)
            merged = merge(states[place], batch, now_s)
            if merged.changed:
                states[place] = changed[place] = merged.state
        because = {
            (state.dataset, state.key): state.closed_because
            for state in judged
            if _has_all_parts(states[state.dataset, state.key], state)
        }
        closed = close(tx, self.pipeline, because, states, self._reach, now_s, self.pipeline.version)
        changed |= {(state.dataset, state.key): state for state in closed}
        lumisections.save_shadow(tx, list(changed.values()))

    def _states(
        self, tx: Connection, scored: Sequence[ScoredBatch], judged: Sequence[LumisectionState]
    ) -> dict[StateKey, LumisectionState]:
        keys: dict[str, set[LumisectionKey]] = defaultdict(set)
        for dataset, key in [
            *((state.dataset, state.key) for state in scored),
            *((state.dataset, state.key) for state in judged),
        ]:
            keys[dataset].add(key)
        return {
            (dataset, key): state
            for dataset, dataset_keys in sorted(keys.items())
            for key, state in lumisections.load(tx, dataset, dataset_keys, self.pipeline.version).items()
        }


def _has_all_parts(shadow: LumisectionState, current: LumisectionState) -> bool:
    """Whether the shadow has the content of all monitoring elements that the current model has."""
    return all(_covers(shadow.parts.get(name), part) for name, part in current.parts.items() if part.present.any())


def _covers(shadow: SubsystemScores | None, part: SubsystemScores) -> bool:
    if shadow is None:
        return False
    if shadow.catalogue == part.catalogue:
        return bool(np.array_equal(shadow.digests[part.present], part.digests[part.present]))
    index = shadow.catalogue.index
    rows = np.flatnonzero(part.present)
    return all(
        (place := index.get(part.catalogue.names[row])) is not None and shadow.digests[place] == part.digests[row]
        for row in rows
    )
