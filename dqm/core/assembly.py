"""Adding parts of a lumisection up, whatever their number and order.

``merge`` is idempotent, and parts that do not contradict each other may come in any order: the state
they add up to is the same (property tests in tests/dqm/test_assembly.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from dqm.core.largest_errors import NOTHING, NUMBERS, Largest
from dqm.core.state import LumisectionState, Numbers, ScoredBatch, SubsystemScores
from streams.arrays import Indices, Mask
from streams.records import Catalogue, Conditions

_Item = TypeVar("_Item", bound=np.generic)
_Numbers = TypeVar("_Numbers", bound=Numbers)
_UNKNOWN = Conditions()


@dataclass(frozen=True, slots=True)
class Merged:
    """The state after a part; ``conflicts`` names the MEs of the part that contradict it and were left out."""

    state: LumisectionState
    changed: bool
    conflicts: tuple[str, ...] = ()


def merge(state: LumisectionState | None, scored: ScoredBatch, now_s: float, origin: str = "") -> Merged:
    """Add one scored batch, which came from partition ``origin``, to what is known of its lumisection.

    ``state`` None means that nothing is known yet.

    An ME that came before with the same content is ignored; with other content it is a conflict, and
    the first one stands.
    """
    if state is None:
        parts = {scored.subsystem: scored.scores}
        fresh = LumisectionState(
            scored.dataset, scored.key, scored.conditions, scored.model_version, parts, now_s, origin
        )
        return Merged(fresh, True)
    added, conflicts = _add(state.parts.get(scored.subsystem), scored.scores)
    if added is None:
        return Merged(state, False, conflicts)
    conditions = scored.conditions if state.conditions == _UNKNOWN else state.conditions
    parts = {**state.parts, scored.subsystem: added}
    return Merged(replace(state, parts=parts, conditions=conditions), True, conflicts)


def complete(state: LumisectionState, expected: Mapping[str, Catalogue]) -> bool:
    """Whether every expected ME of every expected subsystem has come."""
    return all(_has(state.parts.get(subsystem), catalogue) for subsystem, catalogue in expected.items())


def widen(part: SubsystemScores, catalogue: Catalogue | None) -> SubsystemScores:
    """The part over the union of its catalogue and ``catalogue``; itself if that adds nothing."""
    if catalogue is None or catalogue is part.catalogue or catalogue.digest == part.catalogue.digest:
        return part
    if all(name in part.catalogue.index for name in catalogue.names):
        return part
    elements = {me.name: me for me in (*catalogue.elements, *part.catalogue.elements)}
    return _spread(part, Catalogue.of(tuple(elements.values())), part.scorers)


def _has(part: SubsystemScores | None, catalogue: Catalogue) -> bool:
    if part is None:
        return False
    if part.catalogue == catalogue:
        return bool(part.present.all())
    index = part.catalogue.index
    return all(name in index and bool(part.present[index[name]]) for name in catalogue.names)


def _add(stored: SubsystemScores | None, part: SubsystemScores) -> tuple[SubsystemScores | None, tuple[str, ...]]:
    """The sum, or None if the part adds nothing; and the names of the MEs that conflict."""
    if stored is None:
        return part, ()
    stored, part = _aligned(stored, part)
    both = stored.present & part.present
    conflicting = both & (stored.digests != part.digests)
    names = tuple(stored.catalogue.names[row] for row in np.flatnonzero(conflicting))
    new = part.present & ~stored.present
    largest = _largest(stored, part, conflicting)
    if not new.any() and largest is stored.largest:
        return None, names
    missing = {part.catalogue.names[row] for row in np.flatnonzero(new)}
    return (
        SubsystemScores(
            catalogue=stored.catalogue,
            scorers=stored.scorers,
            present=stored.present | new,
            p_values=np.where(new, part.p_values, stored.p_values),
            scores=np.where(new, part.scores, stored.scores),
            digests=np.where(new, part.digests, stored.digests),
            reasons=np.where(new, part.reasons, stored.reasons),
            evidence={**stored.evidence, **{me: record for me, record in part.evidence.items() if me in missing}},
            largest=largest,
            bands=_numbers(stored.bands, part.bands, new),
            amounts=_numbers(stored.amounts, part.amounts, new),
        ),
        names,
    )


def _largest(stored: SubsystemScores, part: SubsystemScores, conflicting: Mask) -> Largest | None:
    """The largest errors of both but for MEs that conflict; that of ``stored`` itself if the part adds nothing.

    MEs that came before take part: the error of an ME depends on which others came in the same message, and the
    larger one must win whichever was first.
    """
    if stored.largest is None or part.largest is None:
        return stored.largest if part.largest is None else part.largest
    added = part.largest
    if conflicting.any():
        added = added.moved(np.where(conflicting, NOTHING, np.arange(len(conflicting))), NUMBERS)
    merged = stored.largest.merged(added)
    return stored.largest if merged.same(stored.largest) else merged


def _numbers(stored: _Numbers | None, part: _Numbers | None, new: Mask) -> _Numbers | None:
    """Those of ``part`` in its ``new`` rows, of ``stored`` in the others."""
    if part is None:
        return stored
    before = type(part).nothing(len(new)) if stored is None else stored
    return type(part).from_array(np.where(new, part.as_array(), before.as_array()))


def _aligned(first: SubsystemScores, second: SubsystemScores) -> tuple[SubsystemScores, SubsystemScores]:
    """Both over the union of their catalogues and scorers; the common case costs nothing."""
    if first.catalogue is second.catalogue or first.catalogue == second.catalogue:
        catalogue = first.catalogue
    else:
        elements = {me.name: me for me in (*second.catalogue.elements, *first.catalogue.elements)}
        catalogue = Catalogue.of(tuple(elements.values()))
    scorers = first.scorers + tuple(name for name in second.scorers if name not in first.scorers)
    return _spread(first, catalogue, scorers), _spread(second, catalogue, scorers)


def _spread(part: SubsystemScores, catalogue: Catalogue, scorers: tuple[str, ...]) -> SubsystemScores:
    if part.catalogue == catalogue and part.scorers == scorers:
        return part
    index = catalogue.index
    rows = np.array([index[name] for name in part.catalogue.names], dtype=np.intp)
    n = len(catalogue)
    scores = np.full((len(scorers), n), np.nan, dtype=np.float32)
    for old, name in enumerate(part.scorers):
        scores[scorers.index(name), rows] = part.scores[old]
    return replace(
        part,
        catalogue=catalogue,
        scorers=scorers,
        present=_scatter(part.present, rows, np.zeros(n, dtype=np.bool_)),
        p_values=_scatter(part.p_values, rows, np.full(n, np.nan, dtype=np.float32)),
        scores=scores,
        digests=_scatter(part.digests, rows, np.zeros(n, dtype=np.uint64)),
        reasons=_scatter(part.reasons, rows, np.zeros(n, dtype=np.uint8)),
        largest=None if part.largest is None else part.largest.moved(rows, NUMBERS),
        bands=None if part.bands is None else part.bands.moved(rows, n),
        amounts=None if part.amounts is None else part.amounts.moved(rows, n),
    )


def _scatter(values: npt.NDArray[_Item], rows: Indices, into: npt.NDArray[_Item]) -> npt.NDArray[_Item]:
    into[rows] = values
    return into
