"""Events that the hotline has kept, and the ladder that says which come next."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, select, update

from dqm.hotline.level import Ladder
from dqm.hotline.model import Kept
from opint.store.tables import hotline_event, hotline_state
from opint.store.upserts import insert_into
from streams.records import EventFeatures, LumisectionKey


def ladder(tx: Connection, dataset: str, model_version: str, start: Ladder, now_s: float) -> Ladder:
    """The ladder of a dataset, held against others until the transaction ends; ``start`` if there was none."""
    key = {"dataset": dataset, "model_version": model_version}
    row = key | {"ladder": _content(start), "updated_s": now_s}
    # Written first, so that there is a row to be locked.
    tx.execute(insert_into(tx, hotline_state).on_conflict_do_nothing(), row)
    query = select(hotline_state.c.ladder).filter_by(**key).with_for_update()
    content = tx.scalars(query).one()
    recent = tuple(LumisectionKey(run, ls) for run, ls in content.pop("recent"))
    return Ladder(np.array(content.pop("counts")), np.array(content.pop("sums")), **content, recent=recent)


def put(tx: Connection, dataset: str, model_version: str, ladder: Ladder, now_s: float) -> None:
    """Store the ladder of a dataset, which :func:`ladder` has given in this transaction."""
    key = {"dataset": dataset, "model_version": model_version}
    tx.execute(update(hotline_state).filter_by(**key).values(ladder=_content(ladder), updated_s=now_s))


def keep(tx: Connection, events: EventFeatures, kept: Sequence[Kept], model_version: str, now_s: float) -> None:
    """Store events that are kept; one that is known already stays as it is."""
    rows = [
        {
            "dataset": events.dataset,
            "run": events.key.run,
            "ls": events.key.ls,
            "event": one.event,
            "model_version": model_version,
            "score": one.score,
            "p_value": float(np.exp(-one.surprise)),
            "once_in_hours": one.once_in_hours,
            "features": dict(zip(events.features, one.values, strict=True)),
            "unusual": [asdict(each) for each in one.unusual],
            "kept_s": now_s,
        }
        for one in kept
    ]
    if rows:
        tx.execute(insert_into(tx, hotline_event).on_conflict_do_nothing(), rows)


def newest(tx: Connection, limit: int, offset: int = 0) -> Sequence[Row[Any]]:
    """Kept events, the newest first."""
    at = hotline_event.c
    order = at.kept_s.desc(), at.run.desc(), at.ls.desc(), at.event.desc()
    return tx.execute(select(hotline_event).order_by(*order).limit(limit).offset(offset)).all()


def _content(ladder: Ladder) -> dict[str, Any]:
    return {
        "counts": ladder.counts.tolist(),
        "sums": ladder.sums.tolist(),
        "live_s": ladder.live_s,
        "kept": ladder.kept,
        "promised": ladder.promised,
        "watched_s": ladder.watched_s,
        "recent": [(one.run, one.ls) for one in ladder.recent],
    }
