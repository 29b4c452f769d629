"""States of lumisections (LS), in and out of the database."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import groupby
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select, text, tuple_, update

from dqm.core.quality import Quality
from dqm.core.state import Amounts, Bands, LumisectionState, SubsystemScores, SubsystemVerdict
from opint.store import catalogues, evidence
from opint.store.catalogues import (
    DIGEST,
    FLAG,
    REAL,
    SMALL,
    pack,
    pack_largest,
    pack_numbers,
    unpack,
    unpack_largest,
    unpack_numbers,
)
from opint.store.sql import insert_into, replacing
from opint.store.tables import ls_score, ls_summary, lumisection, shadow_summary
from streams.records import Catalogue, Conditions, LumisectionKey

if TYPE_CHECKING:
    from opint.store.sql import Insert

StateKey = tuple[str, LumisectionKey]
"""Dataset and lumisection."""

MOST_DUE = 256
"""Lumisections that one call of :func:`due` names; the rest comes with the next."""

OVERTAKEN = "overtaken"
TIMED_OUT = "timed out"
SET_ASIDE = "could not be judged"


def load(
    tx: Connection, dataset: str, keys: Collection[LumisectionKey], version: str | None = None
) -> dict[LumisectionKey, LumisectionState]:
    """States that are stored, without their evidence; as the model ``version`` in shadow sees them if it is given.

    Until the transaction ends, no other one can load the same keys, stored or not: two daemons that hold
    parts of one lumisection add them up one after the other.
    """
    _lock(tx, dataset, keys)
    heads = {LumisectionKey(row.run, row.ls): row for row in _rows_of(tx, dataset, keys)}
    scores = _scores_of(tx, dataset, heads, version)
    return {key: _state(row, scores.get(key, []), version or row.model_version) for key, row in heads.items()}


def save(
    tx: Connection, states: Sequence[LumisectionState], published_s: Mapping[StateKey, float], now_s: float
) -> None:
    """Insert new states and overwrite changed ones.

    ``published_s`` is when the newest part of each was published (s since 1970); a state without one keeps
    what is stored. Evidence that a state carries is added to what is stored.
    """
    if not states:
        return
    tx.execute(
        _head_upsert(tx), [_head(state, published_s.get((state.dataset, state.key), 0.0), now_s) for state in states]
    )
    _save_scores(tx, states)
    summaries = [_summary(state, name, verdict) for state in states for name, verdict in state.verdicts.items()]
    if summaries:
        tx.execute(replacing(tx, ls_summary), summaries)
    evidence.save(tx, states)


def save_shadow(tx: Connection, states: Sequence[LumisectionState]) -> None:
    """Store what a model in shadow makes of lumisections that are stored already, under its own version."""
    if not states:
        return
    _save_scores(tx, states)
    summaries = [
        _summary(state, name, verdict) | {"model_version": state.model_version}
        for state in states
        for name, verdict in state.verdicts.items()
    ]
    if summaries:
        tx.execute(replacing(tx, shadow_summary), summaries)


def set_aside(tx: Connection, dataset: str, key: LumisectionKey, now_s: float) -> None:
    """Close a stored lumisection without verdicts: no subsystem of it is inspected.

    What is stored of it is not looked at, since that may be what is wrong with it.
    """
    _lock(tx, dataset, [key])
    head, score = lumisection.c, ls_score.c
    is_head = (head.dataset == dataset) & (head.run == key.run) & (head.ls == key.ls)
    is_score = (score.dataset == dataset) & (score.run == key.run) & (score.ls == key.ls)
    closing = {"closed_s": now_s, "closed_because": SET_ASIDE, "revision": head.revision + 1, "updated_s": now_s}
    tx.execute(update(lumisection).where(is_head).values(closing))
    tx.execute(update(ls_score).where(is_score).values(verdict_p=None, verdict_qualities=None, verdict_reasons=None))
    current = select(score.subsystem, func.length(score.present)).join(lumisection, _SAME).where(is_score)
    summaries = [
        {
            "dataset": dataset,
            "run": key.run,
            "ls": key.ls,
            "subsystem": subsystem,
            "quality": int(Quality.NOT_INSPECTED),
            "p_value": None,
            "good": 0,
            "warning": 0,
            "bad": 0,
            "not_inspected": elements,
        }
        for subsystem, elements in tx.execute(current.where(score.model_version == head.model_version))
    ]
    if summaries:
        tx.execute(replacing(tx, ls_summary), summaries)


def due(tx: Connection, now_s: float, timeout_s: float, watermark: int) -> dict[StateKey, str]:
    """Open lumisections that wait no longer, with the reason, at most MOST_DUE.

    ``overtaken``: ``watermark`` (≥ 1) later LS of the same dataset and origin have been seen; for a whole-run
    histogram (LS 0) they must belong to later runs. ``timed out``: first seen ``timeout_s`` ago.
    """
    head, later = lumisection.c, lumisection.alias("later").c
    overtaken = (
        select(later.run)
        .where(later.dataset == head.dataset, tuple_(later.run, later.ls) > tuple_(head.run, head.ls))
        .where(later.origin == head.origin, (head.ls > 0) | (later.run > head.run))
        .offset(watermark - 1)
        .limit(1)
        .exists()
    )
    timed_out = head.first_seen_s <= now_s - timeout_s
    query = (
        select(head.dataset, head.run, head.ls, case((timed_out, TIMED_OUT), else_=OVERTAKEN))
        .where(_IS_OPEN, timed_out | overtaken)
        .order_by(head.first_seen_s)
        .limit(MOST_DUE)
    )
    return {(dataset, LumisectionKey(run, ls)): because for dataset, run, ls, because in tx.execute(query)}


_IS_OPEN = lumisection.c.closed_s.is_(None)
_SAME = and_(
    lumisection.c.dataset == ls_score.c.dataset,
    lumisection.c.run == ls_score.c.run,
    lumisection.c.ls == ls_score.c.ls,
)
_SUMMARY, _SHADOW = (
    and_(
        table.c.dataset == ls_score.c.dataset,
        table.c.subsystem == ls_score.c.subsystem,
        table.c.run == ls_score.c.run,
        table.c.ls == ls_score.c.ls,
    )
    for table in (ls_summary, shadow_summary)
)
_PLAIN = [field.name for field in fields(Conditions) if field.name != "dcs"]
# Locks are taken in the order of the keys, so that two transactions cannot wait for each other.
_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(:dataset || ' ' || one, 0))"
    " FROM unnest(CAST(:keys AS text[])) WITH ORDINALITY AS wanted(one, place) ORDER BY place"
)


def _lock(tx: Connection, dataset: str, keys: Collection[LumisectionKey]) -> None:
    """SQLite needs none: its writers come one at a time."""
    if keys and tx.dialect.name == "postgresql":
        tx.execute(_LOCK, {"dataset": dataset, "keys": [f"{key.run}:{key.ls}" for key in sorted(keys)]})


def _by_run(keys: Collection[LumisectionKey]) -> Iterator[tuple[int, list[int]]]:
    """Both databases seek for one run and a list of LS, but SQLite scans for a list of pairs."""
    for run, group in groupby(sorted(keys), key=lambda key: key.run):
        yield run, [key.ls for key in group]


def _rows_of(tx: Connection, dataset: str, keys: Collection[LumisectionKey]) -> Iterator[Row[Any]]:
    head = lumisection.c
    for run, numbers in _by_run(keys):
        query = select(lumisection).where(head.dataset == dataset, head.run == run, head.ls.in_(numbers))
        yield from tx.execute(query)


def _scores_of(
    tx: Connection, dataset: str, keys: Collection[LumisectionKey], version: str | None
) -> dict[LumisectionKey, list[Any]]:
    """Rows of one model version, None: the current one, with the quality in their summary, and their catalogue."""
    score = ls_score.c
    if version is None:
        made_by, summary, same = lumisection.c.model_version == score.model_version, ls_summary, _SUMMARY
    else:
        made_by, summary = score.model_version == version, shadow_summary
        same = _SHADOW & (shadow_summary.c.model_version == score.model_version)
    rows: list[Row[Any]] = []
    for run, numbers in _by_run(keys):
        query = (
            select(ls_score, summary.c.quality)
            .join(lumisection, _SAME & made_by)
            .outerjoin(summary, same)
            .where(score.dataset == dataset, score.run == run, score.ls.in_(numbers))
        )
        rows += tx.execute(query)
    catalogue_by_digest = catalogues.load(tx, {row.catalogue for row in rows})
    by_key: dict[LumisectionKey, list[Any]] = {}
    for row in rows:
        by_key.setdefault(LumisectionKey(row.run, row.ls), []).append((row, catalogue_by_digest[row.catalogue]))
    return by_key


def _state(head: Row[Any], scores: Sequence[tuple[Row[Any], Catalogue]], version: str) -> LumisectionState:
    return LumisectionState(
        dataset=head.dataset,
        key=LumisectionKey(head.run, head.ls),
        conditions=Conditions(**head.conditions),
        model_version=version,
        parts={row.subsystem: _part(row, catalogue) for row, catalogue in scores},
        first_seen_s=head.first_seen_s,
        origin=head.origin,
        closed_s=head.closed_s,
        closed_because=head.closed_because,
        revision=head.revision,
        verdicts={
            row.subsystem: _verdict(row, len(catalogue)) for row, catalogue in scores if row.verdict_reasons is not None
        },
    )


def _part(row: Row[Any], catalogue: Catalogue) -> SubsystemScores:
    n = len(catalogue)
    return SubsystemScores(
        catalogue=catalogue,
        scorers=tuple(row.scorers),
        present=unpack(row.present, FLAG, (n,)),
        p_values=unpack(row.p_values, REAL, (n,)),
        scores=unpack(row.scores, REAL, (len(row.scorers), n)),
        digests=unpack(row.digests, DIGEST, (n,)),
        reasons=unpack(row.reasons, SMALL, (n,)),
        largest=None if row.largest is None else unpack_largest(row.largest),
        bands=None if row.bands is None else unpack_numbers(Bands, row.bands, n),
        amounts=None if row.amounts is None else unpack_numbers(Amounts, row.amounts, n),
    )


def _verdict(row: Row[Any], n: int) -> SubsystemVerdict:
    qualities = unpack(row.verdict_qualities, SMALL, (n,))
    p_value = float("nan") if row.verdict_p is None else row.verdict_p
    return SubsystemVerdict(Quality(row.quality), p_value, qualities, unpack(row.verdict_reasons, SMALL, (n,)))


def _save_scores(tx: Connection, states: Sequence[LumisectionState]) -> None:
    catalogues.save(
        tx, {id(part.catalogue): part.catalogue for state in states for part in state.parts.values()}.values()
    )
    scores = [_score(state, name) for state in states for name in state.parts]
    if scores:
        tx.execute(replacing(tx, ls_score), scores)


def _head_upsert(tx: Connection) -> "Insert":
    statement = insert_into(tx, lumisection)
    new, old = statement.excluded, lumisection.c
    keys = lumisection.primary_key.columns
    changes: dict[str, ColumnElement[Any]] = {
        name: new[name] for column in lumisection.c if (name := column.name) not in keys
    }
    changes["published_s"] = case((new.published_s > old.published_s, new.published_s), else_=old.published_s)
    return statement.on_conflict_do_update(index_elements=list(keys), set_=changes)


def _head(state: LumisectionState, published_s: float, now_s: float) -> dict[str, Any]:
    return {
        "dataset": state.dataset,
        "run": state.key.run,
        "ls": state.key.ls,
        "conditions": {name: getattr(state.conditions, name) for name in _PLAIN} | {"dcs": dict(state.conditions.dcs)},
        "model_version": state.model_version,
        "origin": state.origin,
        "first_seen_s": state.first_seen_s,
        "published_s": published_s,
        "updated_s": now_s,
        "closed_s": state.closed_s,
        "closed_because": state.closed_because,
        "revision": state.revision,
    }


def _score(state: LumisectionState, subsystem: str) -> dict[str, Any]:
    part = state.parts[subsystem]
    verdict = state.verdicts.get(subsystem)
    return {
        "dataset": state.dataset,
        "run": state.key.run,
        "ls": state.key.ls,
        "subsystem": subsystem,
        "model_version": state.model_version,
        "catalogue": part.catalogue.digest,
        "scorers": list(part.scorers),
        "present": pack(part.present, FLAG),
        "p_values": pack(part.p_values, REAL),
        "scores": pack(part.scores, REAL),
        "digests": pack(part.digests, DIGEST),
        "reasons": pack(part.reasons, SMALL),
        "largest": None if part.largest is None else pack_largest(part.largest),
        "bands": None if part.bands is None else pack_numbers(part.bands),
        "amounts": None if part.amounts is None else pack_numbers(part.amounts),
        "verdict_p": None if verdict is None else _or_null(verdict.p_value),
        "verdict_qualities": None if verdict is None else pack(verdict.qualities, SMALL),
        "verdict_reasons": None if verdict is None else pack(verdict.reasons, SMALL),
    }


def _summary(state: LumisectionState, subsystem: str, verdict: SubsystemVerdict) -> dict[str, Any]:
    if subsystem not in state.parts:
        raise ValueError(f"{state.key}: verdict for {subsystem!r}, of which the state has no part")
    counts = np.bincount(verdict.qualities, minlength=len(Quality))
    return {
        "dataset": state.dataset,
        "run": state.key.run,
        "ls": state.key.ls,
        "subsystem": subsystem,
        "quality": int(verdict.quality),
        "p_value": _or_null(verdict.p_value),
        "good": int(counts[Quality.GOOD]),
        "warning": int(counts[Quality.WARNING]),
        "bad": int(counts[Quality.BAD]),
        "not_inspected": int(counts[Quality.NOT_INSPECTED]),
    }


def _or_null(value: float) -> float | None:
    return float(value) if isfinite(value) else None
