"""What the hotline has kept and how it has kept its rate, for reading."""

from typing import Any

from pydantic import Field
from sqlalchemy import Connection, func, select

from opint.store.tables import hotline_event, hotline_hour, hotline_marking, model_version
from opint.store.views.records import Record


class Unusual(Record):
    """One feature of an event, as :class:`dqm.hotline.unusual.Unusual` says."""

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
    unusual: list[Unusual]
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
    """About an hour of live time: events seen and kept."""

    live_s: float
    seen: int
    kept: int
    updated_s: float


class Judging(Record):
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


def judging(tx: Connection, most: int, dataset: str | None = None) -> Judging | None:
    """What was judged last, of ``dataset`` if one is named, with the newest ``most`` hours; None if nothing was."""
    at = hotline_hour.c
    newest = select(at.dataset, at.model_version).order_by(at.updated_s.desc(), at.hour.desc()).limit(1)
    newest_row = tx.execute(newest if dataset is None else newest.where(at.dataset == dataset)).one_or_none()
    if newest_row is None:
        return None
    scope = (at.dataset == newest_row.dataset) & (at.model_version == newest_row.model_version)
    rows = tx.execute(select(hotline_hour).where(scope).order_by(at.hour.desc()).limit(most)).all()
    name = tx.scalar(select(model_version.c.name).where(model_version.c.version == newest_row.model_version))
    return Judging(
        dataset=newest_row.dataset,
        model_version=newest_row.model_version,
        model_name=name or "",
        hours=[Hour.model_validate(row) for row in reversed(rows)],
    )


def marker(tx: Connection) -> int:
    """A number that moves when events are kept or marked."""
    kept, marked = func.max(hotline_event.c.id), func.max(hotline_marking.c.id)
    return (tx.scalar(select(kept)) or 0) + (tx.scalar(select(marked)) or 0)
