"""Incidents, their occurrences and their history: rows in and out, without any decision."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    func,
    insert,
    select,
    text,
    tuple_,
    union,
    update,
)

from conf.errors import NightshiftError
from opint.store import outbox
from opint.store.tables import audit, incident, occurrence
from streams.keys import LumisectionKey

DATA_LOST = "data-lost"
"""Family of incidents that stand for messages which the broker no longer holds."""

STALLED = "stalled"
"""Messages wait on a partition, and none is processed."""

STALE_MODEL = "stale-model"
"""The model that judges was trained too long ago."""

NOT_JUDGED = "not-judged"
"""Judging a lumisection failed by a fault of nightshift."""

OF_NIGHTSHIFT = (DATA_LOST, STALLED, STALE_MODEL, NOT_JUDGED)
"""Families that stand for nightshift's own running and not for lumisections."""

MOST_EARLIER = 64
"""Incidents of faults that recurred before, which a late lumisection may show to go on."""

IS_ACTIVE = text("state <> 'resolved'")
"""Written out, not bound: only so do both databases use the partial index."""

_row = incident.c
_occurrence = occurrence.c


class UnknownIncidentError(NightshiftError):
    """There is no incident of this number."""


@dataclass(slots=True)
class Incident:
    """One row of the table ``incident``; see opint.store.tables. ``id`` is 0 until it is stored."""

    fingerprint: str
    dataset: str
    subsystem: str
    family: str
    element_group: str
    model_version: str
    opened_s: float
    updated_s: float
    kind: str = ""
    title: str = ""
    explanation: str = ""
    severity: str = "warning"
    state: str = "open"
    first_run: int | None = None
    first_ls: int | None = None
    last_run: int | None = None
    last_ls: int | None = None
    recurring_run: int | None = None
    lumisections: int = 0
    elements: int = 0
    acknowledged_s: float | None = None
    acknowledged_by: str | None = None
    acknowledged_until_s: float | None = None
    acknowledged_basis: str | None = None
    assigned_to: str | None = None
    resolved_s: float | None = None
    resolved_by: str | None = None
    id: int = 0

    @property
    def first(self) -> LumisectionKey | None:
        """Its first occurrence, None if it has none."""
        return (
            None if self.first_run is None or self.first_ls is None else LumisectionKey(self.first_run, self.first_ls)
        )

    @property
    def last(self) -> LumisectionKey | None:
        """Its last occurrence, None if it has none."""
        return None if self.last_run is None or self.last_ls is None else LumisectionKey(self.last_run, self.last_ls)

    def reopen(self) -> None:
        """Forget its end."""
        self.state = "open" if self.acknowledged_by is None else "acknowledged"
        self.resolved_s = self.resolved_by = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of an incident's history; ``action`` is one of opint.incidents.reconcile.Because or an operator's."""

    incident: int
    at_s: float
    actor: str
    action: str
    detail: str = ""


def lock(tx: Connection, dataset: str) -> None:
    """Until the transaction ends, nobody else decides about incidents of this dataset.

    SQLite needs no lock: its writers come one at a time.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(_LOCK, {"name": f"incidents of {dataset}"})


def get(tx: Connection, incident_id: int) -> Incident:
    """One incident; raises UnknownIncidentError if there is none of this number."""
    row = tx.execute(select(incident).where(_row.id == incident_id)).one_or_none()
    if row is None:
        raise UnknownIncidentError(f"there is no incident {incident_id}; see `nightshift incidents list`")
    return _incident(row)


def active(tx: Connection, fingerprint: str) -> Incident | None:
    """The incident of this fingerprint that is not resolved; there is at most one."""
    row = tx.execute(select(incident).where(_row.fingerprint == fingerprint, IS_ACTIVE)).one_or_none()
    return None if row is None else _incident(row)


def active_of(tx: Connection, families: Collection[str]) -> list[Incident]:
    """Incidents of these families that are not resolved, in the order of their numbers."""
    query = select(incident).where(IS_ACTIVE, _row.family.in_(sorted(families))).order_by(_row.id)
    return [_incident(row) for row in tx.execute(query)]


def began_with(tx: Connection, about: Incident, families: Collection[str], within: int) -> list[Incident]:
    """Other active incidents of its dataset and subsystem, of these ``families``, that began with an incident.

    They were first seen in the same run, at most ``within`` lumisections from it.
    """
    if about.first_run is None or about.first_ls is None:
        return []
    query = select(incident).where(
        IS_ACTIVE,
        _row.id != about.id,
        _row.dataset == about.dataset,
        _row.subsystem == about.subsystem,
        _row.family.in_(sorted(families)),
        _row.recurring_run.is_(None),
        _row.first_run == about.first_run,
        _row.first_ls.between(about.first_ls - within, about.first_ls + within),
    )
    return [_incident(row) for row in tx.execute(query.order_by(_row.id))]


def reaching(tx: Connection, dataset: str, key: LumisectionKey) -> list[Incident]:
    """Incidents of a dataset, in the order of their numbers, that are active or were seen at ``key`` or later.

    Those of nightshift's own running, and of faults that recur, are left out.
    """
    about = and_(_row.dataset == dataset, _row.family.not_in(OF_NIGHTSHIFT), _row.recurring_run.is_(None))
    # Two seeks instead of a scan, which OR would make.
    query = union(
        select(incident).where(IS_ACTIVE, about),
        select(incident).where(about, tuple_(_row.last_run, _row.last_ls) >= (key.run, key.ls)),
    )
    return sorted((_incident(row) for row in tx.execute(query)), key=lambda record: record.id)


def recurring(tx: Connection, dataset: str, key: LumisectionKey) -> list[Incident]:
    """Incidents of a dataset that stand for short faults which recur, in the order of their numbers.

    Those that are active, that were seen at ``key`` or later, and the newest MOST_EARLIER that were seen before.
    """
    about = and_(_row.dataset == dataset, _row.recurring_run.is_not(None))
    place = tuple_(_row.last_run, _row.last_ls)
    earlier = select(_row.id).where(about, place < (key.run, key.ls))
    newest = earlier.order_by(_row.last_run.desc(), _row.last_ls.desc()).limit(MOST_EARLIER).subquery()
    query = union(
        select(incident).where(IS_ACTIVE, about),
        select(incident).where(about, place >= (key.run, key.ls)),
        select(incident).where(_row.id.in_(select(newest.c.id))),
    )
    return sorted((_incident(row) for row in tx.execute(query)), key=lambda record: record.id)


def latest_before(tx: Connection, fingerprints: Collection[str], key: LumisectionKey) -> list[Incident]:
    """Of each fingerprint, the incident that was seen last before ``key`` and not again since."""
    newest_first = (_row.last_run.desc(), _row.last_ls.desc(), _row.id.desc())
    ranked = (
        select(_row.id, func.row_number().over(partition_by=_row.fingerprint, order_by=newest_first).label("place"))
        .where(_row.fingerprint.in_(sorted(fingerprints)), tuple_(_row.last_run, _row.last_ls) < (key.run, key.ls))
        .subquery()
    )
    query = select(incident).join(ranked, and_(ranked.c.id == _row.id, ranked.c.place == 1)).order_by(_row.id)
    return [_incident(row) for row in tx.execute(query)]


def overdue_acknowledgements(tx: Connection, now_s: float) -> list[int]:
    """Numbers of the incidents whose acknowledgement was given for a time that is over."""
    overdue = _row.state == "acknowledged", _row.acknowledged_until_s <= now_s
    return list(tx.scalars(select(_row.id).where(*overdue).order_by(_row.id)))


def insert_new(tx: Connection, records: Sequence[Incident]) -> None:
    """Store new incidents, which are given their numbers."""
    if not records:
        return
    rows = [_values(record, without=("id",)) for record in records]
    numbers = tx.execute(insert(incident).returning(_row.id, sort_by_parameter_order=True), rows).scalars()
    for record, number in zip(records, numbers, strict=True):
        record.id = number


def overwrite(tx: Connection, changed: Collection[Incident]) -> None:
    """Store changed incidents."""
    if changed:
        tx.execute(_OVERWRITE, [_values(record, without=_FIXED) | {"number": record.id} for record in changed])


def write_history(tx: Connection, entries: Sequence[HistoryEntry]) -> None:
    """Append to the history of incidents, and put what concerns people into the outbox."""
    columns = "at_s", "actor", "action", "detail"
    rows = [{"incident_id": entry.incident} | {name: getattr(entry, name) for name in columns} for entry in entries]
    if rows:
        tx.execute(insert(audit), rows)
    outbox.add(tx, [(entry.incident, entry.at_s, entry.action, entry.detail) for entry in entries])


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_FIXED = ("id", "fingerprint", "dataset", "subsystem", "family", "element_group", "recurring_run", "opened_s")
_NAMES = [field.name for field in fields(Incident)]
_OVERWRITE = (
    update(incident)
    .where(_row.id == bindparam("number"))
    .values({name: bindparam(name) for name in _NAMES if name not in _FIXED})
)


def _values(record: Incident, without: Collection[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _NAMES if name not in without}


def _incident(row: Row[Any]) -> Incident:
    return Incident(**row._mapping)
