"""Kept evidence, for reading."""

import math
from typing import Any

import orjson
from sqlalchemy import Connection, select

from dqm.quality import Reason
from opint.store.tables import evidence
from opint.store.views.records import EvidenceView


def one(tx: Connection, dataset: str, subsystem: str, run: int, ls: int, me: str) -> EvidenceView | None:
    """Evidence of one ME in one lumisection; None if none was kept."""
    query = select(evidence.c.body).where(
        evidence.c.dataset == dataset,
        evidence.c.subsystem == subsystem,
        evidence.c.run == run,
        evidence.c.ls == ls,
        evidence.c.me == me,
    )
    body = tx.execute(query).scalar_one_or_none()
    if body is None:
        return None
    told = orjson.loads(body)
    told["reason"] = Reason(told["reason"]).name
    return EvidenceView(dataset=dataset, subsystem=subsystem, run=run, ls=ls, **_finite(told))


def kept(tx: Connection, dataset: str, subsystem: str, run: int) -> list[tuple[int, str]]:
    """LS and ME name of every evidence that is kept of one subsystem in one run."""
    query = select(evidence.c.ls, evidence.c.me).where(
        evidence.c.dataset == dataset, evidence.c.subsystem == subsystem, evidence.c.run == run
    )
    return [(ls, me) for ls, me in tx.execute(query)]


def _finite(value: Any) -> Any:
    """JSON has no NaN or infinity: null says it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
