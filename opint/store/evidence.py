"""Evidence of suspicious MEs, stored as JSON: what cannot be finite comes back as NaN, and goes to readers as null."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import Field
from sqlalchemy import Connection, and_, bindparam, delete, select, tuple_

from dqm.core.accepted import AcceptedState
from dqm.core.quality import Certified, Evidence, Reason, WorstBin, WorstFeature
from dqm.core.state import LumisectionState
from dqm.histograms.occupancy.shapes import persistent
from opint.store.sql import Record, replacing
from opint.store.tables import catalogue, evidence, ls_score
from streams.records import Axis, LumisectionKey


class WorstBinView(Record):
    """One bin that speaks against the histogram; ``index`` is the flat cell number."""

    index: int
    observed: float | None
    expected: float | None
    pull: float | None


class PersistentView(Record):
    """What stays in the pulls of a map over lumisections (:func:`dqm.histograms.occupancy.shapes.persistent`)."""

    lumisections: list[int] = Field(description="their numbers, in order")
    pulls: list[float] = Field(description="signed geometric mean, in standard deviations; 0 where the sign changes")


class WorstFeatureView(Record):
    """One number of a histogram that speaks against its lumisection; see :class:`dqm.core.quality.WorstFeature`."""

    name: str
    observed: float | None
    expected: float | None
    error: float | None
    share: float | None


class CertifiedView(Record):
    """What certification says of the whole subsystem; see :class:`dqm.core.quality.Certified`."""

    score: float | None
    spread: float | None = Field(description="standard deviation over the networks of the ensemble")
    p_value: float | None


class EvidenceView(Record):
    """Kept evidence of one ME in one lumisection; see :class:`dqm.core.quality.Evidence`."""

    dataset: str
    subsystem: str
    run: int
    ls: int
    me: str
    reason: str
    kind: str
    sentence: str
    p_value: float | None
    scores: dict[str, float | None] = Field(description="by scorer; greater is worse")
    axes: list[Axis]
    counts: list[float | None]
    reference: list[float | None] = Field(description="scaled to the observed number of counts")
    pulls: list[float | None] = Field(description="signed, in standard deviations")
    entries: float | None
    expected_entries: float | None
    model_version: str
    worst_bins: list[WorstBinView]
    persistent: PersistentView | None = Field(None, description="for maps of which the lumisections before are kept")
    worst_features: list[WorstFeatureView] = Field(
        default=[], description="as certification of the whole lumisection sees it; observed and expected on the axis"
    )
    certified: CertifiedView | None = Field(None, description="None where nothing looks at the subsystem as a whole")


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


def encode(piece: Evidence) -> bytes:
    """The stored form."""
    return orjson.dumps(piece)


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
_STRONGEST = (
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
    .where(_row.me.not_in(_STRONGEST))
)


def _carried(tx: Connection, state: LumisectionState) -> Iterable[tuple[str, Evidence]]:
    for subsystem, part in state.parts.items():
        bare = any(not piece.counts for piece in part.evidence.values())
        stored = load(tx, state.dataset, state.key, subsystem) if bare else {}
        for piece in part.evidence.values():
            yield subsystem, piece if piece.counts else _pictured(piece, stored.get(piece.me))


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


def _as_row(state: LumisectionState, subsystem: str, piece: Evidence) -> dict[str, Any]:
    return {
        "dataset": state.dataset,
        "run": state.key.run,
        "ls": state.key.ls,
        "subsystem": subsystem,
        "me": piece.me,
        "p_value": piece.p_value if isfinite(piece.p_value) else None,
        "body": encode(piece),
    }


def _real(value: float | None) -> float:
    return nan if value is None else float(value)


def _axis(content: Mapping[str, Any]) -> Axis:
    lists = {name: None if content[name] is None else tuple(content[name]) for name in ("edges", "categories")}
    return Axis(**{**content, **lists})


MULTIPLIED = 3
"""Lumisections whose maps are multiplied, as far as evidence of them is kept."""


def evidence_view(tx: Connection, dataset: str, subsystem: str, run: int, ls: int, me: str) -> EvidenceView | None:
    """Evidence of one ME in one lumisection, with the reason of its newest verdict; None if none was kept."""
    place = and_(*(evidence.c[name] == ls_score.c[name] for name in ("dataset", "subsystem", "run", "ls")))
    query = (
        select(evidence.c.body, ls_score.c.verdict_reasons, catalogue.c.elements)
        .outerjoin(ls_score, place)
        .outerjoin(catalogue, catalogue.c.digest == ls_score.c.catalogue)
        .where(
            evidence.c.dataset == dataset,
            evidence.c.subsystem == subsystem,
            evidence.c.run == run,
            evidence.c.ls == ls,
            evidence.c.me == me,
        )
    )
    row = tx.execute(query).first()
    if row is None:
        return None
    body = orjson.loads(row.body)
    body["reason"] = Reason(_verdict_reason(row.verdict_reasons, row.elements, me, body["reason"])).name
    maps = _maps(tx, (dataset, subsystem, run, me), ls, body["axes"])
    return EvidenceView(
        dataset=dataset, subsystem=subsystem, run=run, ls=ls, persistent=_persistent(maps), **_finite(body)
    )


def _maps(tx: Connection, place: tuple[str, str, int, str], ls: int, axes: list[Any]) -> dict[int, list[float]]:
    """Pulls of one ME by LS in the last lumisections up to ``ls``, as far as it is a map of these ``axes``."""
    dataset, subsystem, run, me = place
    if len(axes) != 2:
        return {}
    columns = evidence.c
    query = select(columns.ls, columns.body).where(
        columns.dataset == dataset,
        columns.subsystem == subsystem,
        columns.run == run,
        columns.me == me,
        columns.ls <= ls,
    )
    bodies = {
        at: orjson.loads(body)
        for at, body in tx.execute(query.where(columns.ls > ls - MULTIPLIED).order_by(columns.ls))
    }
    return {at: body["pulls"] for at, body in bodies.items() if body["axes"] == axes and body["pulls"]}


def _persistent(maps: dict[int, list[float]]) -> PersistentView | None:
    if len(maps) < 2:
        return None
    stays = persistent(np.array(list(maps.values()), dtype=np.float64))
    return PersistentView(lumisections=list(maps), pulls=stays.tolist())


def _verdict_reason(reasons: bytes | None, elements: list[dict[str, Any]] | None, me: str, before: int) -> int:
    """What the verdict says of the ME; evidence is kept ``before`` its lumisection is judged as a whole."""
    names = [element["me"] for element in elements or ()]
    return reasons[names.index(me)] if reasons is not None and me in names else before


def places(tx: Connection, dataset: str, subsystem: str, run: int) -> list[tuple[int, str]]:
    """LS and ME name of every evidence that is kept of one subsystem in one run."""
    query = select(evidence.c.ls, evidence.c.me).where(
        evidence.c.dataset == dataset, evidence.c.subsystem == subsystem, evidence.c.run == run
    )
    return [(ls, me) for ls, me in tx.execute(query)]


def counts(
    tx: Connection, dataset: str, subsystem: str, me: str, state: AcceptedState, most: int
) -> dict[int, npt.NDArray[np.float64]]:
    """By run, the counts (L, bins) kept of one ME in the newest ``most`` lumisections of an accepted state."""
    place = tuple_(_row.run, _row.ls)
    query = (
        select(_row.run, _row.body)
        .where(_row.dataset == dataset, _row.subsystem == subsystem, _row.me == me)
        .where(place >= (state.since.run, state.since.ls), place <= (state.until.run, state.until.ls))
        .order_by(_row.run.desc(), _row.ls.desc())
        .limit(most)
    )
    bodies = [(run, orjson.loads(body)) for run, body in tx.execute(query)]
    by_run: dict[int, list[list[float]]] = {}
    for run, body in bodies:
        if body["counts"] and body["axes"] == bodies[0][1]["axes"] and None not in body["counts"]:
            by_run.setdefault(run, []).append(body["counts"])
    return {run: np.array(rows) for run, rows in by_run.items()}


def _finite(value: Any) -> Any:
    """JSON has no NaN or infinity: null says it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
