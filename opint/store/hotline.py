"""The event hotline: events that were kept, what people say of them, and the ladder that decides which come next."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field
from sqlalchemy import Connection, func, insert, select, update

from dqm.events.level import Ladder
from opint.store.sql import Record, insert_into, replacing
from opint.store.tables import model_version
from streams.records import EventFeatures, LumisectionKey

if TYPE_CHECKING:
    from dqm.events.model import SelectedEvent
from sqlalchemy import JSON, BigInteger, Column, Float, ForeignKey, String, Table, Text, UniqueConstraint

from opint.store.tables import Name, metadata, serial

hotline_event = Table(
    "hotline_event",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("dataset", Name, nullable=False),
    Column("run", BigInteger, nullable=False, index=True),
    Column("ls", BigInteger, nullable=False),
    Column("event", BigInteger, nullable=False, comment="unique within a run"),
    Column("model_version", String, nullable=False),
    Column("score", Float, nullable=False, comment="what the model makes of the event; the greater, the stranger"),
    Column("p_value", Float, nullable=False, comment="as calibrated, before the correction for drift"),
    Column("once_in_hours", Float, nullable=False, comment="hours of live time in which one such event was expected"),
    Column("features", JSON, nullable=False, comment="value by name"),
    Column("unusual", JSON, nullable=False, comment="dqm.events.model.Unusual, the dearest first"),
    Column("usual", JSON, nullable=False, comment="by name, the ends of the central 95 % of training events"),
    Column("conditions", JSON, nullable=False, comment="of its lumisection; dcs left out"),
    Column("kept_s", Float, nullable=False, index=True),
    Column("marking", String, nullable=False, comment="the newest of hotline_marking; empty if nobody has looked"),
    UniqueConstraint("dataset", "run", "event"),
)

hotline_marking = Table(
    "hotline_marking",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("event_id", serial, ForeignKey("hotline_event.id"), nullable=False, index=True),
    Column("at_s", Float, nullable=False),
    Column("actor", String, nullable=False),
    Column("marking", String, nullable=False, comment="interesting, known or detector"),
    Column("note", Text, nullable=False),
)

hotline_hour = Table(
    "hotline_hour",
    metadata,
    Column("dataset", Name, primary_key=True),
    Column("model_version", Name, primary_key=True),
    Column("hour", BigInteger, primary_key=True, comment="of live time, counted from 0"),
    Column("live_s", Float, nullable=False),
    Column("judged_events", BigInteger, nullable=False),
    Column("kept_events", BigInteger, nullable=False),
    Column("updated_s", Float, nullable=False, index=True),
)

hotline_state = Table(
    "hotline_state",
    metadata,
    Column("dataset", Name, primary_key=True),
    Column("model_version", Name, primary_key=True),
    Column("ladder", JSON, nullable=False, comment="dqm.events.level.Ladder"),
    Column("updated_s", Float, nullable=False),
)

HOUR_S = 3600.0
CONDITIONS = ("fill", "era", "pileup", "delivered_lumi", "recorded_lumi", "prescale_index", "beams_stable")
"""What is stored of the conditions in which an event was recorded."""

Marking = Literal["interesting", "known", "detector"]
"""What somebody makes of a kept event: worth a second look, a known process, or a fault of the detector."""


@dataclass(frozen=True, slots=True)
class EventCount:
    """Events judged and kept in ``live_s`` of live time."""

    live_s: float
    judged_events: int
    kept_events: int


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
    kept_events: Sequence["SelectedEvent"],
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
        for event in kept_events
    ]
    if rows:
        tx.execute(insert_into(tx, hotline_event).on_conflict_do_nothing(), rows)


def count(tx: Connection, dataset: str, model_version: str, counts: Sequence[EventCount], now_s: float) -> None:
    """Add lumisections, or parts of them, to the hours of live time; call it where :func:`ladder` holds the row."""
    at = hotline_hour.c
    scope = (at.dataset == dataset) & (at.model_version == model_version)
    newest = select(at.hour, at.live_s, at.judged_events, at.kept_events).where(scope).order_by(at.hour.desc()).limit(1)
    newest_row = tx.execute(newest).one_or_none()
    hours = (
        {newest_row.hour: EventCount(newest_row.live_s, newest_row.judged_events, newest_row.kept_events)}
        if newest_row
        else {0: EventCount(0.0, 0, 0)}
    )
    for counted in counts:
        hour, before = max(hours.items())
        if before.live_s >= HOUR_S:
            hour, before = hour + 1, EventCount(0.0, 0, 0)
        hours[hour] = EventCount(
            before.live_s + counted.live_s,
            before.judged_events + counted.judged_events,
            before.kept_events + counted.kept_events,
        )
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
        "kept_events": ladder.kept_events,
        "promised": ladder.promised,
        "watched_s": ladder.watched_s,
        "recent": [(key.run, key.ls) for key in ladder.recent],
    }


class UnusualFeature(Record):
    """One feature of an event, see :class:`dqm.events.model.Unusual`."""

    feature: str
    value: float
    cost: float
    low: float = Field(description="95 % of events lie between low and high")
    high: float
    below: float = Field(description="share of events with a smaller value")


class MarkingView(Record):
    """What somebody made of an event."""

    at_s: float
    actor: str
    marking: str
    note: str


class KeptEvent(Record):
    """An event that was kept."""

    id: int
    dataset: str
    run: int
    ls: int
    event: int
    model_version: str
    score: float
    p_value: float
    once_in_hours: float = Field(description="hours of live time in which one such event was expected")
    features: dict[str, float]
    unusual: list[UnusualFeature]
    usual: dict[str, tuple[float, float]] = Field(description="ends of the central 95 % of training events by feature")
    conditions: dict[str, Any] = Field(description="of its lumisection: fill, era, pileup, luminosities in 1/pb …")
    kept_s: float
    marking: str = Field(description="interesting, known or detector; empty if nobody has looked")


class KeptPage(Record):
    """A page of kept events, newest first; ``next`` is the cursor of the following page, null at the end."""

    items: list[KeptEvent]
    next: str | None


class KeptDetail(Record):
    """A kept event, and all that was said of it, newest first."""

    event: KeptEvent
    markings: list[MarkingView]


class Hour(Record):
    """About an hour of live time: events judged and kept."""

    live_s: float
    judged_events: int
    kept_events: int
    updated_s: float


class JudgedHours(Record):
    """The dataset that was judged last, by which model, and its newest hours, oldest first."""

    dataset: str
    model_version: str
    model_name: str = Field(description="empty if no daemon has said how it calls the model")
    hours: list[Hour]


def page(
    tx: Connection,
    *,
    limit: int,
    before: int | None = None,
    marking: str | None = None,
    run: int | None = None,
    dataset: str | None = None,
) -> KeptPage:
    """Kept events, newest first; an empty ``marking`` asks for those that nobody has looked at."""
    at = hotline_event.c
    query = select(hotline_event).order_by(at.id.desc()).limit(limit + 1)
    for column, value in ((at.marking, marking), (at.run, run), (at.dataset, dataset)):
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(at.id < before)
    rows = tx.execute(query).all()
    items = [KeptEvent.model_validate(row) for row in rows[:limit]]
    return KeptPage(items=items, next=str(items[-1].id) if len(rows) > limit else None)


def detail(tx: Connection, event_id: int) -> KeptDetail | None:
    """One event; None if there is none of this number."""
    row = tx.execute(select(hotline_event).where(hotline_event.c.id == event_id)).one_or_none()
    if row is None:
        return None
    at = hotline_marking.c
    rows = tx.execute(select(hotline_marking).where(at.event_id == event_id).order_by(at.id.desc())).all()
    return KeptDetail(
        event=KeptEvent.model_validate(row), markings=[MarkingView.model_validate(marking) for marking in rows]
    )


def datasets(tx: Connection) -> list[str]:
    """Datasets of which events are kept, in the order of their names."""
    return list(tx.scalars(select(hotline_event.c.dataset).distinct().order_by(hotline_event.c.dataset)))


def newest_hours(tx: Connection, most: int, dataset: str | None = None) -> JudgedHours | None:
    """What was judged last, of ``dataset`` if one is named, with the newest ``most`` hours; None if nothing was."""
    at = hotline_hour.c
    newest = select(at.dataset, at.model_version).order_by(at.updated_s.desc(), at.hour.desc()).limit(1)
    newest_row = tx.execute(newest if dataset is None else newest.where(at.dataset == dataset)).one_or_none()
    if newest_row is None:
        return None
    scope = (at.dataset == newest_row.dataset) & (at.model_version == newest_row.model_version)
    rows = tx.execute(select(hotline_hour).where(scope).order_by(at.hour.desc()).limit(most)).all()
    name = tx.scalar(select(model_version.c.name).where(model_version.c.version == newest_row.model_version))
    return JudgedHours(
        dataset=newest_row.dataset,
        model_version=newest_row.model_version,
        model_name=name or "",
        hours=[Hour.model_validate(row) for row in reversed(rows)],
    )


def marker(tx: Connection) -> int:
    """A number that moves when events are kept or marked."""
    newest_event, newest_marking = func.max(hotline_event.c.id), func.max(hotline_marking.c.id)
    return (tx.scalar(select(newest_event)) or 0) + (tx.scalar(select(newest_marking)) or 0)
