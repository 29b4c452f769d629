"""People's labels of lumisections, by the source that they were imported from, and what was settled since."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Connection, Float, String, Table, Text, case, delete, func, insert, select
from sqlalchemy.sql.elements import ColumnElement

from opint.store.tables import Name, metadata, serial

SETTLED = "settled"
"""The source of labels that people give on the page, where they and a verdict disagree."""

label = Table(
    "label",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("source", Name, nullable=False, comment="name given at the import; 'settled' for what was decided here"),
    Column("run", BigInteger, nullable=False, index=True),
    Column("first_ls", BigInteger, nullable=False),
    Column("last_ls", BigInteger, nullable=False, comment="2^53 for all that follow"),
    Column("subsystem", Name, nullable=False, comment="empty: all of the detector"),
    Column("flag", String, nullable=False, comment="good or bad"),
    Column("cause", Text, nullable=False),
    Column("actor", String, nullable=False),
    Column("at_s", Float, nullable=False),
)

_row = label.c


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """A row: who labelled what, when (s since 1970)."""

    run: int
    first_ls: int
    last_ls: int
    subsystem: str
    flag: str
    cause: str
    actor: str
    at_s: float


@dataclass(frozen=True, slots=True)
class LabelSource:
    """One source and the extent of its labels."""

    name: str
    labels: int
    bad: int
    first_run: int
    last_run: int
    at_s: float


def replace(tx: Connection, source: str, rows: Iterable[StoredLabel]) -> None:
    """Store a source's labels in place of its earlier ones."""
    tx.execute(delete(label).where(_row.source == source))
    add(tx, source, rows)


def add(tx: Connection, source: str, rows: Iterable[StoredLabel]) -> None:
    """Store labels beside those that a source has."""
    values = [{"source": source} | {name: getattr(row, name) for name in StoredLabel.__slots__} for row in rows]
    if values:
        tx.execute(insert(label), values)


def sources(tx: Connection) -> list[LabelSource]:
    """All sources, the newest first."""
    bad: ColumnElement[int] = func.sum(case((_row.flag == "bad", 1), else_=0))
    query = select(
        _row.source, func.count(), bad, func.min(_row.run), func.max(_row.run), func.max(_row.at_s)
    ).group_by(_row.source)
    return [LabelSource(*values) for values in tx.execute(query.order_by(func.max(_row.at_s).desc(), _row.source))]


def of_source(tx: Connection, source: str, runs: Sequence[int] | None = None) -> list[StoredLabel]:
    """The labels of a source in the order in which they were stored, of these runs only if they are given."""
    query = select(*(_row[name] for name in StoredLabel.__slots__)).where(_row.source == source).order_by(_row.id)
    if runs is not None:
        query = query.where(_row.run.in_(runs))
    return [StoredLabel(*values) for values in tx.execute(query)]


def runs_of(tx: Connection, source: str) -> set[int]:
    """The runs that a source has labelled."""
    return set(tx.execute(select(_row.run).where(_row.source == source).distinct()).scalars())
