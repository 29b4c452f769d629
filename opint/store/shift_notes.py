"""Free notes that people write during a shift; they are never changed, and stay as long as incidents do."""

from dataclasses import dataclass

from sqlalchemy import Column, Connection, Float, String, Table, Text, insert, select

from opint.store.tables import metadata, serial

shift_note = Table(
    "shift_note",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("at_s", Float, nullable=False, index=True),
    Column("actor", String, nullable=False),
    Column("text", Text, nullable=False, comment="Markdown"),
)


@dataclass(frozen=True, slots=True)
class ShiftNote:
    """Who wrote what (Markdown), when (s since 1970)."""

    at_s: float
    actor: str
    text: str


def add(tx: Connection, note: ShiftNote) -> None:
    """Keep a note."""
    tx.execute(insert(shift_note), {"at_s": note.at_s, "actor": note.actor, "text": note.text})


def between(tx: Connection, begin_s: float, end_s: float) -> list[ShiftNote]:
    """Notes from one moment to before another, oldest first."""
    row = shift_note.c
    query = select(row.at_s, row.actor, row.text).where(row.at_s >= begin_s, row.at_s < end_s)
    return [ShiftNote(*values) for values in tx.execute(query.order_by(row.at_s, row.id))]
