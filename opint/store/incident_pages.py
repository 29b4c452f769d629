"""Incidents as pages and the API show them: lists, counts, and one with all that belongs to it."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select
from sqlalchemy.sql.util import ClauseAdapter

from opint.store import acceptances, feedback
from opint.store.acceptances import StableSince
from opint.store.feedback import Feedback
from opint.store.incidents import IS_ACTIVE
from opint.store.sql import Record
from opint.store.tables import audit, evidence, incident, lumisection, occurrence
from streams.keys import LumisectionKey

State = Literal["open", "acknowledged", "resolved"]


class Incident(Record):
    """One incident: one family of trouble in one folder of monitoring elements (MEs)."""

    id: int
    dataset: str
    subsystem: str
    family: str = Field(
        description="what it is about: content, moved, frozen, missing, starved, overfull, shape, status, path, seed …"
    )
    element_group: str = Field(description="the folder of monitoring elements")
    kind: str = Field(description="best guess at the fault")
    title: str
    explanation: str
    severity: str = Field(description="warning or critical")
    state: State
    first_run: int | None
    first_ls: int | None
    last_run: int | None
    last_ls: int | None
    last_seen_s: float | None = Field(
        description="when its last bad lumisection was published; null where that is not stored any more"
    )
    lumisections: int = Field(description="how many lumisections it was seen in")
    elements: int = Field(description="most monitoring elements in one lumisection")
    model_version: str
    opened_s: float
    updated_s: float
    acknowledged_s: float | None
    acknowledged_by: str | None
    acknowledged_until_s: float | None
    assigned_to: str | None
    resolved_s: float | None
    resolved_by: str | None


Order = Literal["gravest", "newest", "seen", "longest"]


class IncidentPage(Record):
    """A page of incidents; ``next`` is the cursor of the following page, null at the end."""

    items: list[Incident]
    next: str | None


class IncidentOccurrence(Record):
    """One lumisection in which an incident was seen; ``elements`` are ME names, worst first."""

    run: int
    ls: int
    elements: list[str]
    p_value: float | None
    kind: str


class AuditEntry(Record):
    """One line of an incident's history."""

    id: int
    at_s: float
    actor: str
    action: str
    detail: str


class EvidenceKey(Record):
    """Where a piece of kept evidence is found."""

    run: int
    ls: int
    me: str
    p_value: float | None


class AcceptedReference(Record):
    """The state of an incident that is the reference now: ``elements`` are learned from ``since`` on."""

    elements: list[str]
    since_run: int
    since_ls: int
    actor: str
    reason: str
    at_s: float


class IncidentDetail(Incident):
    """An incident with its newest occurrences, its audit trail (oldest first), its evidence and its verdict."""

    feedback: Feedback | None
    acceptance: Annotated[AcceptedReference | None, Field(description="null: not accepted, or revoked")]
    stable_since: Annotated[
        StableSince | None, Field(description="null where what is kept of its newest lumisections does not agree")
    ]
    occurrences: list[IncidentOccurrence]
    folders: list[str] = Field(description="folders of the monitoring elements of the newest occurrence")
    audit: list[AuditEntry]
    evidence: list[EvidenceKey]


MOST_OCCURRENCES = 1000
"""Newest occurrences that are given with one incident."""

MOST_AUDIT = 500
"""Newest audit entries that are given with one incident."""


_LAST_SEEN = (
    select(lumisection.c.published_s)
    .where(
        lumisection.c.dataset == incident.c.dataset,
        lumisection.c.run == incident.c.last_run,
        lumisection.c.ls == incident.c.last_ls,
    )
    .scalar_subquery()
    .label("last_seen_s")
)


_ORDERS: dict[Order, tuple[ColumnElement[Any], ...]] = {
    "newest": (),
    "gravest": (case((incident.c.state == "resolved", 2), (incident.c.severity == "critical", 0), else_=1),),
    "seen": (-func.coalesce(incident.c.last_run, 0), -func.coalesce(incident.c.last_ls, 0)),
    "longest": (-incident.c.lumisections,),
}
"""By order, what is compared before the number; the least comes first, and of equal ones the newest."""


def page(
    tx: Connection,
    *,
    limit: int,
    before: int | None = None,
    states: tuple[str, ...] = (),
    subsystem: str | None = None,
    run: int | None = None,
    dataset: str | None = None,
    words: str | None = None,
    operator: str | None = None,
    order: Order = "newest",
) -> IncidentPage:
    """Incidents in this order, at most ``limit``; ``before`` is the number that the last page's cursor names.

    ``gravest`` first are those not resolved, the critical ones before all; ``seen`` are those of the last lumisections,
    ``longest`` those of most. ``run`` keeps those that were seen in it. ``subsystem`` and ``dataset`` are names or,
    where no incident has that name, parts of one; ``words`` are a part of the title, the explanation or the folder. All
    are in whatever case. ``whose`` keeps those that a person has acknowledged or that are assigned to that person.
    """
    keys = _ORDERS[order]
    # Numbers alone are put in order, from an index where there is one; of the page's own the rest is read.
    query = select(incident.c.id).order_by(*keys, incident.c.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(_follows(before, keys))
    if states:
        query = query.where(incident.c.state.in_(states))
    if subsystem is not None:
        query = query.where(_named(incident.c.subsystem, subsystem))
    if dataset is not None:
        query = query.where(_named(incident.c.dataset, dataset))
    if run is not None:
        query = query.where(_seen_in(run))
    if words is not None:
        columns = incident.c.title, incident.c.explanation, incident.c.element_group
        query = query.where(or_(*(_contains(column, words) for column in columns)))
    if operator is not None:
        query = query.where(or_(incident.c.acknowledged_by == operator, incident.c.assigned_to == operator))
    numbers = list(tx.scalars(query))
    details = {row.id: row for row in tx.execute(select(incident, _LAST_SEEN).where(incident.c.id.in_(numbers)))}
    items = [Incident.model_validate(details[number]) for number in numbers[:limit]]
    return IncidentPage(items=items, next=str(numbers[limit - 1]) if len(numbers) > limit else None)


def of_numbers(tx: Connection, numbers: Sequence[int]) -> list[Incident]:
    """Incidents of these numbers, newest first."""
    query = select(incident, _LAST_SEEN).where(incident.c.id.in_(list(numbers))).order_by(incident.c.id.desc())
    return [Incident.model_validate(row) for row in tx.execute(query)]


def subsystems(tx: Connection) -> list[str]:
    """Names of the subsystems that had an incident, in order."""
    query = select(incident.c.subsystem).where(incident.c.subsystem != "").distinct().order_by(incident.c.subsystem)
    return list(tx.scalars(query))


def _follows(number: int, keys: tuple[ColumnElement[Any], ...]) -> ColumnElement[bool]:
    """Whether an incident comes after that of this number."""
    last = incident.alias()
    condition = incident.c.id < number
    for key in reversed(keys):
        there = select(ClauseAdapter(last).traverse(key)).where(last.c.id == number).scalar_subquery()
        condition = or_(key > there, and_(key == there, condition))
    return condition


def _named(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    there = incident.alias()
    exists = select(there.c.id).where(func.lower(there.c[str(column.key)]) == text.lower()).exists()
    return or_(func.lower(column) == text.lower(), and_(~exists, _contains(column, text)))


def _contains(column: ColumnElement[str], part: str) -> ColumnElement[bool]:
    return func.lower(column).contains(part.lower(), autoescape=True)


def gravest(tx: Connection, limit: int) -> list[Incident]:
    """The incidents that are not resolved, critical ones first, then the newest first."""
    query = select(incident, _LAST_SEEN).where(IS_ACTIVE)
    query = query.order_by(incident.c.severity != "critical", incident.c.id.desc()).limit(limit)
    return [Incident.model_validate(row) for row in tx.execute(query)]


def count(tx: Connection, run: int, dataset: str) -> int:
    """How many incidents were seen in a run of a dataset."""
    query = select(func.count()).select_from(incident).where(incident.c.dataset == dataset, _seen_in(run))
    return tx.execute(query).scalar_one()


def counts(tx: Connection) -> dict[str, int]:
    """How many incidents are in each state."""
    rows = tx.execute(select(incident.c.state, func.count().label("number")).group_by(incident.c.state))
    return {row.state: row.number for row in rows}


def recently_resolved(tx: Connection, limit: int) -> list[Incident]:
    """The incidents that ended last, newest end first."""
    query = (
        select(incident, _LAST_SEEN)
        .where(incident.c.resolved_s.is_not(None))
        .order_by(incident.c.resolved_s.desc())
        .limit(limit)
    )
    return [Incident.model_validate(row) for row in tx.execute(query)]


def exists(tx: Connection, incident_id: int) -> bool:
    """Whether there is an incident of this number."""
    return tx.execute(select(incident.c.id).where(incident.c.id == incident_id)).one_or_none() is not None


def detail(tx: Connection, incident_id: int) -> IncidentDetail | None:
    """One incident with all that belongs to it; None if there is none of this number."""
    row = tx.execute(select(incident, _LAST_SEEN).where(incident.c.id == incident_id)).mappings().one_or_none()
    if row is None:
        return None
    occurrences = _occurrences(tx, incident_id)
    return IncidentDetail(
        **row,
        occurrences=occurrences,
        folders=sorted({me.rpartition("/")[0] for occurrence in occurrences[:1] for me in occurrence.elements}),
        audit=_audit(tx, incident_id),
        evidence=_evidence(tx, incident_id, occurrences),
        feedback=feedback.load(tx, incident_id),
        acceptance=_acceptance(tx, incident_id),
        stable_since=_stable_since(tx, incident_id, occurrences),
    )


def _acceptance(tx: Connection, incident_id: int) -> AcceptedReference | None:
    accepted = acceptances.of_incident(tx, incident_id)
    if not accepted:
        return None
    return AcceptedReference(
        elements=[acceptance.element for acceptance in accepted],
        **{name: getattr(accepted[0], name) for name in ("since_run", "since_ls", "actor", "reason", "at_s")},
    )


def _stable_since(tx: Connection, incident_id: int, occurrences: list[IncidentOccurrence]) -> StableSince | None:
    last = LumisectionKey(occurrences[0].run, occurrences[0].ls) if occurrences else None
    return acceptances.stable_since(tx, incident_id, last)


def _seen_in(run: int) -> ColumnElement[bool]:
    occurred = select(occurrence.c.run).where(occurrence.c.incident_id == incident.c.id, occurrence.c.run == run)
    # Its extent is in an index, so that the occurrences of few incidents are looked at.
    extent = and_(incident.c.first_run <= run, incident.c.last_run >= run)
    return and_(extent, or_(incident.c.first_run == run, occurred.exists()))


def _occurrences(tx: Connection, incident_id: int) -> list[IncidentOccurrence]:
    query = (
        select(occurrence)
        .where(occurrence.c.incident_id == incident_id)
        .order_by(occurrence.c.run.desc(), occurrence.c.ls.desc())
        .limit(MOST_OCCURRENCES)
    )
    return [IncidentOccurrence.model_validate(row) for row in tx.execute(query)]


def _audit(tx: Connection, incident_id: int) -> list[AuditEntry]:
    query = select(audit).where(audit.c.incident_id == incident_id).order_by(audit.c.id.desc()).limit(MOST_AUDIT)
    return [AuditEntry.model_validate(row) for row in tx.execute(query)][::-1]


def _evidence(tx: Connection, incident_id: int, occurrences: list[IncidentOccurrence]) -> list[EvidenceKey]:
    """Kept evidence of the MEs of an incident, newest lumisection first and most unlikely ME first."""
    elements = {(record.run, record.ls): set(record.elements) for record in occurrences}
    query = (
        select(evidence.c.run, evidence.c.ls, evidence.c.me, evidence.c.p_value)
        .join(incident, and_(incident.c.dataset == evidence.c.dataset, incident.c.subsystem == evidence.c.subsystem))
        .join(
            occurrence,
            and_(
                occurrence.c.incident_id == incident.c.id,
                occurrence.c.run == evidence.c.run,
                occurrence.c.ls == evidence.c.ls,
            ),
        )
        .where(incident.c.id == incident_id)
        .order_by(evidence.c.run.desc(), evidence.c.ls.desc(), evidence.c.p_value, evidence.c.me)
    )
    keys = (EvidenceKey.model_validate(row) for row in tx.execute(query))
    return [key for key in keys if key.me in elements.get((key.run, key.ls), ())]
