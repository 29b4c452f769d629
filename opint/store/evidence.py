"""Evidence of suspicious MEs, stored as JSON: what cannot be finite comes back as NaN."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, delete, select

from dqm.quality import Certified, Evidence, Reason, WorstBin, WorstFeature
from dqm.scored import LumisectionState
from opint.store.tables import evidence
from opint.store.upserts import replacing
from streams.records import Axis, LumisectionKey

MOST_PER_SUBSYSTEM = 64
"""Pieces of evidence of one subsystem in one lumisection; the least likely MEs stay."""

_row = evidence.c


def save(tx: Connection, states: Iterable[LumisectionState]) -> None:
    """Add the evidence that the states carry to what is stored.

    The newer of one ME stands; if it has no picture, because it was written when counts were no longer at hand, it
    takes over the stored one's.
    """
    rows = [_as_row(state, name, part) for state in states for name, part in _carried(tx, state)]
    if not rows:
        return
    tx.execute(replacing(tx, evidence), rows)
    names = ("dataset", "run", "ls", "subsystem")
    touched = {tuple(row[name] for name in names) for row in rows}
    tx.execute(_SURPLUS, [dict(zip(("d", "r", "l", "s"), key, strict=True)) for key in sorted(touched)])


def load(tx: Connection, dataset: str, key: LumisectionKey, subsystem: str) -> dict[str, Evidence]:
    """Stored evidence of one subsystem in one lumisection, by ME."""
    query = select(_row.me, _row.body).where(
        _row.dataset == dataset, _row.run == key.run, _row.ls == key.ls, _row.subsystem == subsystem
    )
    return {me: decode(body) for me, body in tx.execute(query)}


@dataclass(frozen=True, slots=True)
class Hint:
    """The words of one piece of evidence."""

    kind: str
    sentence: str


def hints(tx: Connection, dataset: str, key: LumisectionKey, subsystem: str) -> dict[str, Hint]:
    """Kind and sentence of the stored evidence of one subsystem in one lumisection, by ME."""
    query = select(_row.me, _row.body).where(
        _row.dataset == dataset, _row.run == key.run, _row.ls == key.ls, _row.subsystem == subsystem
    )
    bodies = ((me, orjson.loads(body)) for me, body in tx.execute(query))
    return {me: Hint(body["kind"], body["sentence"]) for me, body in bodies}


def encode(shown: Evidence) -> bytes:
    """The stored form."""
    return orjson.dumps(shown)


def decode(body: bytes) -> Evidence:
    """Inverse of :func:`encode`."""
    content: Mapping[str, Any] = orjson.loads(body)
    reals = {name: tuple(map(_real, content[name])) for name in ("counts", "reference", "pulls")}
    worst = (WorstBin(cell["index"], *(_real(cell[name]) for name in _WORST)) for cell in content["worst_bins"])
    return Evidence(
        **{
            **content,
            **reals,
            "reason": Reason(content["reason"]),
            "p_value": _real(content["p_value"]),
            "entries": _real(content["entries"]),
            "scores": {name: _real(score) for name, score in content["scores"].items()},
            "axes": tuple(map(_axis, content["axes"])),
            "worst_bins": tuple(worst),
            "worst_features": tuple(WorstFeature(**feature) for feature in content.get("worst_features", ())),
            "certified": None if content.get("certified") is None else Certified(**content["certified"]),
        }
    )


_WORST = ("observed", "expected", "pull")
# An ME without p-value (missing, frozen) is kept first.
_KEPT = (
    select(_row.me)
    .where(_row.dataset == bindparam("d"), _row.run == bindparam("r"))
    .where(_row.ls == bindparam("l"), _row.subsystem == bindparam("s"))
    .order_by(_row.p_value.is_not(None), _row.p_value, _row.me)
    .limit(MOST_PER_SUBSYSTEM)
)
_SURPLUS = (
    delete(evidence)
    .where(_row.dataset == bindparam("d"), _row.run == bindparam("r"))
    .where(_row.ls == bindparam("l"), _row.subsystem == bindparam("s"))
    .where(_row.me.not_in(_KEPT))
)


def _carried(tx: Connection, state: LumisectionState) -> Iterable[tuple[str, Evidence]]:
    for subsystem, part in state.parts.items():
        bare = any(not kept.counts for kept in part.evidence.values())
        stored = load(tx, state.dataset, state.key, subsystem) if bare else {}
        for kept in part.evidence.values():
            yield subsystem, kept if kept.counts else _pictured(kept, stored.get(kept.me))


def _pictured(fresh: Evidence, stored: Evidence | None) -> Evidence:
    if stored is None or not stored.counts:
        return fresh
    return replace(
        fresh,
        counts=stored.counts,
        reference=stored.reference,
        pulls=stored.pulls,
        worst_bins=stored.worst_bins,
        entries=stored.entries,
        expected_entries=stored.expected_entries,
    )


def _as_row(state: LumisectionState, subsystem: str, kept: Evidence) -> dict[str, Any]:
    return {
        "dataset": state.dataset,
        "run": state.key.run,
        "ls": state.key.ls,
        "subsystem": subsystem,
        "me": kept.me,
        "p_value": kept.p_value if isfinite(kept.p_value) else None,
        "body": encode(kept),
    }


def _real(value: float | None) -> float:
    return nan if value is None else float(value)


def _axis(content: Mapping[str, Any]) -> Axis:
    lists = {name: None if content[name] is None else tuple(content[name]) for name in ("edges", "categories")}
    return Axis(**{**content, **lists})
