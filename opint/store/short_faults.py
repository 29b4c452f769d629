"""Faults that one lumisection shows for certain, whether or not an incident stands for them.

A row is a function of the verdicts of its lumisection and is written in their transaction. A *short fault* is a row
that no ordinary incident has as an occurrence: whoever reads asks for those, so that one vanishes with the incident
that opens over it and is back if that is withdrawn.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from pydantic import Field
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
)

from opint.store.sql import Record
from opint.store.tables import Name, incident, metadata, occurrence
from streams.keys import LumisectionKey

short_fault = Table(
    "short_fault",
    metadata,
    Column("dataset", Name, primary_key=True),
    Column("run", BigInteger, primary_key=True),
    Column("ls", BigInteger, primary_key=True),
    Column("fingerprint", Name, primary_key=True, comment="of the incident that may take it in"),
    Column("subsystem", Name, nullable=False),
    Column("family", String, nullable=False),
    Column("element_group", String, nullable=False),
    Column("elements", JSON, nullable=False, comment="names of the MEs, worst first"),
    Column("size", Integer, nullable=False, comment="MEs of the folder"),
    Column("p_value", Float, nullable=True),
    Column("kind", String, nullable=False),
    Column("model_version", String, nullable=False),
    Index("ix_short_fault_returns", "fingerprint", "run"),
)

_row = short_fault.c


@dataclass(frozen=True, slots=True)
class StoredFault:
    """One row: a folder (``element_group``) of MEs in one lumisection; ``elements`` are the bad ones, worst first."""

    dataset: str
    key: LumisectionKey
    fingerprint: str
    subsystem: str
    family: str
    element_group: str
    elements: tuple[str, ...]
    size: int
    p_value: float | None
    kind: str
    model_version: str


class ShortFault(Record):
    """A fault of one lumisection that belongs to no ordinary incident."""

    dataset: str
    run: int
    ls: int
    subsystem: str
    family: str = Field(description="as of an incident: content, frozen, missing, starved, overfull, shape, status …")
    element_group: str = Field(description="the folder of monitoring elements")
    kind: str = Field(description="best guess at the fault")
    elements: list[str] = Field(description="names of the bad monitoring elements, worst first")
    size: int = Field(description="how many monitoring elements the folder has")
    p_value: float | None = Field(description="the smallest of the bad ones; null where none is needed")
    incident: int | None = Field(description="the incident that says that it recurs; null if there is none")


class ShortFaults(Record):
    """The short faults of a run, oldest first."""

    items: list[ShortFault]


def replace(
    tx: Connection, dataset: str, revised: Iterable[LumisectionKey], faults: Sequence[StoredFault]
) -> list[StoredFault]:
    """Store ``faults`` in place of what is stored of the ``revised`` lumisections, which is returned."""
    rows = [{"d": dataset, "r": key.run, "n": key.ls} for key in revised]
    earlier = [_stored(row) for at in rows for row in tx.execute(select(short_fault).where(_AT), at)]
    if earlier:
        tx.execute(delete(short_fault).where(_AT), rows)
    if faults:
        tx.execute(insert(short_fault), [_values(fault) for fault in faults])
    return earlier


def at(tx: Connection, dataset: str, keys: Collection[LumisectionKey]) -> list[StoredFault]:
    """The short faults of these lumisections."""
    runs = {key.run for key in keys}
    query = select(short_fault).where(_row.dataset == dataset, _row.run.in_(runs), ~_claimed())
    within = query.where(_row.ls >= min(key.ls for key in keys), _row.ls <= max(key.ls for key in keys))
    return [fault for row in tx.execute(within) if (fault := _stored(row)).key in keys]


def of_folders(
    tx: Connection, fingerprints: Collection[str], runs: Collection[int]
) -> dict[tuple[str, int], list[StoredFault]]:
    """By fingerprint and run, the short faults of these in some runs, oldest first."""
    query = select(short_fault).where(_row.fingerprint.in_(sorted(fingerprints)), _row.run.in_(sorted(runs)))
    by_folder: dict[tuple[str, int], list[StoredFault]] = defaultdict(list)
    for row in tx.execute(query.where(~_claimed()).order_by(_row.run, _row.ls)):
        by_folder[row.fingerprint, row.run].append(_stored(row))
    return by_folder


def of_run(tx: Connection, dataset: str, run: int, limit: int | None = None) -> list[ShortFault]:
    """The short faults of a run, oldest first; the first ``limit`` of them if it is given."""
    query = _views().where(_row.dataset == dataset, _row.run == run)
    return _records(tx, query.order_by(_row.ls, _row.subsystem, _row.family, _row.element_group).limit(limit))


def count(tx: Connection, dataset: str, run: int) -> int:
    """How many short faults a run has."""
    where = and_(_row.dataset == dataset, _row.run == run, ~_claimed())
    return tx.scalar(select(func.count()).select_from(short_fault).where(where)) or 0


def every(tx: Connection) -> list[ShortFault]:
    """All short faults, by dataset, oldest first."""
    return _records(tx, _views().order_by(_row.dataset, _row.run, _row.ls, _row.subsystem, _row.element_group))


def _claimed() -> ColumnElement[bool]:
    """Whether an ordinary incident has it as an occurrence; one of a fault that recurs has another fingerprint."""
    claim = (
        select(occurrence.c.ls)
        .join(incident, incident.c.id == occurrence.c.incident_id)
        .where(incident.c.fingerprint == _row.fingerprint)
        .where(incident.c.last_run >= _row.run, incident.c.first_run <= _row.run)
        .where(occurrence.c.run == _row.run, occurrence.c.ls == _row.ls)
    )
    return claim.exists()


def _views() -> Select[tuple[object, ...]]:
    recurs = and_(
        incident.c.dataset == _row.dataset,
        incident.c.recurring_run == _row.run,
        incident.c.last_run >= _row.run,
        incident.c.subsystem == _row.subsystem,
        incident.c.family == _row.family,
        incident.c.element_group == _row.element_group,
    )
    number = (
        select(func.max(incident.c.id))
        .select_from(incident)
        .join(occurrence, and_(occurrence.c.incident_id == incident.c.id, occurrence.c.ls == _row.ls))
        .where(recurs, occurrence.c.run == _row.run)
        .scalar_subquery()
    )
    return select(short_fault, number.label("incident")).where(~_claimed())


def _records(tx: Connection, query: Select[tuple[object, ...]]) -> list[ShortFault]:
    return [ShortFault.model_validate(dict(row)) for row in tx.execute(query).mappings()]


_AT = and_(_row.dataset == bindparam("d"), _row.run == bindparam("r"), _row.ls == bindparam("n"))


def _values(fault: StoredFault) -> dict[str, object]:
    return {
        "dataset": fault.dataset,
        "run": fault.key.run,
        "ls": fault.key.ls,
        "fingerprint": fault.fingerprint,
        "subsystem": fault.subsystem,
        "family": fault.family,
        "element_group": fault.element_group,
        "elements": list(fault.elements),
        "size": fault.size,
        "p_value": fault.p_value,
        "kind": fault.kind,
        "model_version": fault.model_version,
    }


def _stored(row: Row[tuple[object, ...]]) -> StoredFault:
    values = dict(row._mapping)
    key = LumisectionKey(values.pop("run"), values.pop("ls"))
    return StoredFault(key=key, **values | {"elements": tuple(values["elements"])})
