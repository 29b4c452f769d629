"""Kept evidence, for reading."""

import math
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection, and_, select

from dqm.occupancy.maps import persistent
from dqm.quality import Reason
from opint.store.tables import catalogue, evidence, ls_score
from opint.store.views.records import EvidenceView, PersistentView

MULTIPLIED = 3
"""Lumisections whose maps are multiplied, as far as evidence of them is kept."""


def load_view(tx: Connection, dataset: str, subsystem: str, run: int, ls: int, me: str) -> EvidenceView | None:
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
    body["reason"] = Reason(_verdict(row.verdict_reasons, row.elements, me, body["reason"])).name
    kept = _maps(tx, (dataset, subsystem, run, me), ls, body["axes"])
    return EvidenceView(
        dataset=dataset, subsystem=subsystem, run=run, ls=ls, persistent=_persistent(kept), **_finite(body)
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


def _verdict(reasons: bytes | None, elements: list[dict[str, Any]] | None, me: str, before: int) -> int:
    """What the verdict says of the ME; evidence is kept ``before`` its lumisection is judged as a whole."""
    names = [element["me"] for element in elements or ()]
    return reasons[names.index(me)] if reasons is not None and me in names else before


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
