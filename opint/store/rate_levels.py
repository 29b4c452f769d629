"""Levels of trigger rates before each stretch of lumisections, written once and never changed."""

import math
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, and_, or_, select, tuple_

from dqm.core.state import EarlierRates
from dqm.rates.levels.state import STRETCH, Levels
from opint.store import catalogues
from opint.store.neighbours import earlier_rates
from opint.store.sql import insert_into
from opint.store.tables import BY_CURRENT, ls_score, lumisection, rate_level
from opint.store.trigger_rates import SUBSYSTEM
from streams.records import LumisectionKey

_at = rate_level.c


@dataclass(frozen=True, slots=True, eq=False)
class StoredLevels:
    """The ``levels`` before the first lumisection of a ``stretch`` of a ``run``, as of ``updated_s``.

    ``fresh`` says that some of them begin anew here, because an operator has accepted what is as the new level, or has
    revoked that.
    """

    run: int
    stretch: int
    levels: Levels
    updated_s: float
    fresh: bool = False

    @property
    def begin(self) -> LumisectionKey:
        """Where the stretch begins."""
        return LumisectionKey(self.run, self.stretch * STRETCH)


def load(tx: Connection, dataset: str, version: str, run: int, stretch: int) -> StoredLevels | None:
    """Those before a stretch, as the model ``version`` has them; None if none stand yet."""
    row = tx.execute(_of(dataset, version).where(_at.run == run, _at.stretch == stretch)).first()
    return None if row is None else _stored(row)


def before(
    tx: Connection, dataset: str, version: str, run: int, stretch: int, until_s: float = math.inf
) -> StoredLevels | None:
    """The newest before those of a stretch that stood before ``until_s``, s since 1970; None if there are none."""
    earlier = or_(_at.run < run, and_(_at.run == run, _at.stretch < stretch))
    if until_s < math.inf:
        earlier = and_(earlier, _at.updated_s < until_s)
    query = _of(dataset, version).where(earlier).order_by(_at.run.desc(), _at.stretch.desc()).limit(1)
    row = tx.execute(query).first()
    return None if row is None else _stored(row)


def record(tx: Connection, stored: StoredLevels, dataset: str, version: str) -> None:
    """Write the levels before a stretch down, unless some stand already."""
    values = {"dataset": dataset, "run": stored.run, "stretch": stored.stretch, "model_version": version}
    content = orjson.dumps(stored.levels.as_json() | {"fresh": stored.fresh})
    packed = {"levels": content, "updated_s": stored.updated_s}
    tx.execute(insert_into(tx, rate_level).on_conflict_do_nothing(), values | packed)


def rates_between(
    tx: Connection, dataset: str, version: str, first: LumisectionKey, end: LumisectionKey
) -> list[EarlierRates]:
    """Rates of closed lumisections from ``first`` on and before ``end``, in order."""
    score, head = ls_score.c, lumisection.c
    place = tuple_(score.run, score.ls)
    query = (
        select(score.run, score.ls, score.catalogue, score.bands, head.conditions)
        .join(lumisection, BY_CURRENT)
        .where(score.dataset == dataset, score.subsystem == SUBSYSTEM, score.model_version == version)
        .where(place >= (first.run, first.ls), place < (end.run, end.ls), score.bands.is_not(None))
        .order_by(score.run, score.ls)
    )
    rows = list(tx.execute(query))
    menus = catalogues.load(tx, {row.catalogue for row in rows})
    return [
        earlier_rates(LumisectionKey(row.run, row.ls), row.conditions, menus[row.catalogue], row.bands) for row in rows
    ]


def _of(dataset: str, version: str) -> Any:
    return select(rate_level).where(_at.dataset == dataset, _at.model_version == version)


def _stored(row: Row[Any]) -> StoredLevels:
    content = orjson.loads(row.levels)
    return StoredLevels(row.run, row.stretch, Levels.from_json(content), row.updated_s, bool(content["fresh"]))
