"""Events that the hotline has kept, what people say of them, and the ladder that says which come next."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sqlalchemy import Connection, insert, select, update

from dqm.hotline.level import Ladder
from opint.store.tables import hotline_event, hotline_hour, hotline_marking, hotline_state
from opint.store.upserts import insert_into, replacing
from streams.records import EventFeatures, LumisectionKey

if TYPE_CHECKING:
    from dqm.hotline.model import Kept

HOUR_S = 3600.0
CONDITIONS = ("fill", "era", "pileup", "delivered_lumi", "recorded_lumi", "prescale_index", "beams_stable")
"""What is stored of the conditions in which an event was recorded."""

Marking = Literal["interesting", "known", "detector"]
"""What somebody makes of a kept event: worth a second look, a known process, or a fault of the detector."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Events ``seen`` and ``kept`` in ``live_s`` of live time."""

    live_s: float
    seen: int
    kept: int


def ladder(tx: Connection, dataset: str, model_version: str, start: Ladder, now_s: float) -> Ladder:
    """The ladder of a dataset, held against others until the transaction ends; ``start`` if there was none."""
    key = {"dataset": dataset, "model_version": model_version}
    row = key | {"ladder": _content(start), "updated_s": now_s}
    # Written first, so that there is a row to be locked.
    tx.execute(insert_into(tx, hotline_state).on_conflict_do_nothing(), row)
    return _ladder(tx.scalars(select(hotline_state.c.ladder).filter_by(**key).with_for_update()).one())


def present(tx: Connection, dataset: str, model_version: str) -> Ladder | None:
    """The ladder of a dataset, to be looked at; None if there is none."""
    query = select(hotline_state.c.ladder).filter_by(dataset=dataset, model_version=model_version)
    content = tx.scalars(query).one_or_none()
    return None if content is None else _ladder(content)


def put(tx: Connection, dataset: str, model_version: str, ladder: Ladder, now_s: float) -> None:
    """Store the ladder of a dataset, which :func:`ladder` has given in this transaction."""
    key = {"dataset": dataset, "model_version": model_version}
    tx.execute(update(hotline_state).filter_by(**key).values(ladder=_content(ladder), updated_s=now_s))


def keep(
    tx: Connection,
    events: EventFeatures,
    kept: Sequence["Kept"],
    usual: Mapping[str, Sequence[float]],
    model_version: str,
    now_s: float,
) -> None:
    """Store events that are kept; one that is known already stays as it is.

    ``usual`` has, for each feature, the ends of the central 95 % of training events.
    """
    conditions = {name: getattr(events.conditions, name) for name in CONDITIONS}
    rows = [
        {
            "dataset": events.dataset,
            "run": events.key.run,
            "ls": events.key.ls,
            "event": event.event,
            "model_version": model_version,
            "score": event.score,
            "p_value": float(np.exp(-event.surprise)),
            "once_in_hours": event.once_in_hours,
            "features": dict(zip(events.features, event.values, strict=True)),
            "unusual": [asdict(value) for value in event.unusual],
            "usual": {name: list(usual[name]) for name in events.features},
            "conditions": conditions,
            "kept_s": now_s,
            "marking": "",
        }
        for event in kept
    ]
    if rows:
        tx.execute(insert_into(tx, hotline_event).on_conflict_do_nothing(), rows)


def count(tx: Connection, dataset: str, model_version: str, judged: Sequence[Counted], now_s: float) -> None:
    """Add lumisections, or parts of them, to the hours of live time; call it where :func:`ladder` holds the row."""
    at = hotline_hour.c
    scope = (at.dataset == dataset) & (at.model_version == model_version)
    newest = select(at.hour, at.live_s, at.seen, at.kept).where(scope).order_by(at.hour.desc()).limit(1)
    newest_row = tx.execute(newest).one_or_none()
    hours = (
        {newest_row.hour: Counted(newest_row.live_s, newest_row.seen, newest_row.kept)}
        if newest_row
        else {0: Counted(0.0, 0, 0)}
    )
    for counted in judged:
        hour, before = max(hours.items())
        if before.live_s >= HOUR_S:
            hour, before = hour + 1, Counted(0.0, 0, 0)
        hours[hour] = Counted(before.live_s + counted.live_s, before.seen + counted.seen, before.kept + counted.kept)
    key = {"dataset": dataset, "model_version": model_version, "updated_s": now_s}
    for hour, counted in hours.items():
        tx.execute(replacing(tx, hotline_hour), key | {"hour": hour} | asdict(counted))


def mark(tx: Connection, event_id: int, marking: Marking, actor: str, note: str, now_s: float) -> bool:
    """Store what ``actor`` makes of an event; False if there is no such event. Earlier markings stay on record."""
    at = hotline_event.c
    if not tx.execute(update(hotline_event).where(at.id == event_id).values(marking=marking)).rowcount:
        return False
    row = {"event_id": event_id, "at_s": now_s, "actor": actor, "marking": marking, "note": note}
    tx.execute(insert(hotline_marking), row)
    return True


def _ladder(content: dict[str, Any]) -> Ladder:
    recent = tuple(LumisectionKey(run, ls) for run, ls in content.pop("recent"))
    return Ladder(np.array(content.pop("counts")), np.array(content.pop("sums")), **content, recent=recent)


def _content(ladder: Ladder) -> dict[str, Any]:
    return {
        "counts": ladder.counts.tolist(),
        "sums": ladder.sums.tolist(),
        "live_s": ladder.live_s,
        "kept": ladder.kept,
        "promised": ladder.promised,
        "watched_s": ladder.watched_s,
        "recent": [(key.run, key.ls) for key in ladder.recent],
    }
