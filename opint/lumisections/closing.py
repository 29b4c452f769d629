"""Judging lumisections together with what lies around them.

Whether a histogram is frozen depends on the lumisections before, and what a rate should be on those before it in its
run. These may be stored, or part of the same transaction, or come later still, because partitions move at their own
pace: then the followers that are closed already are judged again, so that the order of arrival does not matter in the
end.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from sqlalchemy import Connection

from dqm.core.digests import EMPTY
from dqm.core.state import EarlierRates, LumisectionState, SubsystemScores
from opint.lumisections.judge import Judge
from opint.store import alarm_levels, lumisections
from opint.store.neighbours import Contents, Neighbours, StoredContent, neighbours
from streams.records import LumisectionKey

StateKey = tuple[str, LumisectionKey]
States = Mapping[LumisectionKey, LumisectionState]

REVISED = "revised"


def close(
    tx: Connection,
    pipeline: Judge,
    because: Mapping[StateKey, str],
    states: Mapping[StateKey, LumisectionState],
    reach: int,
    now_s: float,
    version: str | None = None,
) -> list[LumisectionState]:
    """Closed copies of the ``states`` named in ``because`` (which says why), and of followers that change by it.

    ``reach`` is how many lumisections before one decide whether it is frozen, unless the pipeline asks for more;
    ``version`` is that of ``pipeline`` if it judges in shadow. Nothing is written.
    """
    closed: list[LumisectionState] = []
    for dataset in sorted({name for name, _ in because}):
        dataset_states = {key: state for (name, key), state in states.items() if name == dataset}
        why = {key: reason for (name, key), reason in because.items() if name == dataset}
        closed += _close(tx, pipeline, dataset, why, dataset_states, reach, now_s, version)
    return closed


def _close(
    tx: Connection,
    pipeline: Judge,
    dataset: str,
    because: Mapping[LumisectionKey, str],
    states: States,
    reach: int,
    now_s: float,
    version: str | None,
) -> list[LumisectionState]:
    rates, reach = pipeline.sums_rates, pipeline.reach(reach)
    around = neighbours(tx, dataset, because, reach, version, rates=rates)
    earlier = _EarlierContents(around.values(), states, reach)
    due = _at_their_levels(tx, dataset, {key: states[key] for key in because}, pipeline.version)
    closed = {key: pipeline.close(due[key], earlier.history(key), now_s, because[key]) for key in sorted(because)}
    followers = _followers_in_run if rates else _followers_repeating
    late = {follower for key in around for follower in followers(around[key], closed[key])} - closed.keys()
    if late:
        stored = {
            key: states.get(key, state)
            for key, state in lumisections.load(tx, dataset, late, version).items()
            if state.closed_s is not None
        }
        around = neighbours(tx, dataset, stored, reach, version, rates=rates)
        earlier = _EarlierContents(around.values(), states, reach)
        due = _at_their_levels(tx, dataset, stored, pipeline.version)
        for key in sorted(stored):
            closed[key] = pipeline.close(due[key], earlier.history(key), now_s, REVISED)
    return list(closed.values())


def _at_their_levels(tx: Connection, dataset: str, states: States, version: str) -> States:
    """The states, those of whole runs with the alarm level that was chosen for them."""
    runs = [key.run for key in states if key.ls == 0]
    levels = alarm_levels.load(tx, dataset, runs, version) if runs else {}
    return {
        key: replace(state, leniency=levels[key.run].leniency) if key.ls == 0 and key.run in levels else state
        for key, state in states.items()
    }


class _EarlierContents:
    """Contents before each of some lumisections, stored or in this transaction."""

    def __init__(self, around: Iterable[Neighbours], states: States, reach: int) -> None:
        self._reach = reach
        self._found: dict[LumisectionKey, dict[str, StoredContent]] = defaultdict(dict)
        for near in around:
            for name, contents in near.before.items():
                for content in contents:
                    self._found[content.key][name] = content
        for key, state in states.items():
            self._found[key] = _contents(state)
        # A whole run (LS 0) is compared with whole runs, any other lumisection with its like.
        self._keys = {whole: sorted(key for key in self._found if (key.ls == 0) == whole) for whole in (False, True)}

    def history(self, key: LumisectionKey) -> Contents:
        """By subsystem, the contents of the ``reach`` lumisections before ``key``."""
        keys = self._keys[key.ls == 0]
        place = bisect_left(keys, key)
        history: dict[str, list[StoredContent]] = defaultdict(list)
        for near in keys[max(0, place - self._reach) : place]:
            for name, content in self._found[near].items():
                history[name].append(content)
        return history


def _contents(state: LumisectionState) -> dict[str, StoredContent]:
    return {
        name: StoredContent(state.key, part.catalogue.digest, part.digests, _rates(state, part))
        for name, part in state.parts.items()
    }


def _rates(state: LumisectionState, part: SubsystemScores) -> EarlierRates | None:
    return None if part.bands is None else EarlierRates(state.key, state.conditions, part.catalogue.names, part.bands)


def _followers_in_run(around: Neighbours, state: LumisectionState) -> Iterable[LumisectionKey]:
    """Followers of ``state`` in its run, near enough for its rates to count in what they are judged by."""
    return {
        follower.key
        for followers in around.after.values()
        for follower in followers
        if follower.key.run == state.key.run
    }


def _followers_repeating(around: Neighbours, state: LumisectionState) -> Iterable[LumisectionKey]:
    """Followers of ``state`` whose content stands in a lumisection beside them as well.

    Only these can be frozen, or can have been taken for frozen as long as ``state`` was not known.
    """
    own = _contents(state)
    for name, followers in around.after.items():
        compared = [*around.before.get(name, ()), *followers, *([own[name]] if name in own else ())]
        for follower in followers:
            if any(other is not follower and _share_content(follower, other) for other in compared):
                yield follower.key


def _share_content(content: StoredContent, other: StoredContent) -> bool:
    if content.catalogue != other.catalogue:
        return False
    alike = content.digests == other.digests
    # Neither what did not come (0) nor an empty histogram says anything.
    alike &= (content.digests != np.uint64(0)) & (content.digests != np.uint64(EMPTY))
    return bool(alike.any())
