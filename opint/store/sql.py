"""What queries share: records that are only read, ``INSERT ... ON CONFLICT`` of both databases, a join.

Records are the same for pages and for the JSON API. Names ending in ``_s`` are seconds since 1970 (UTC); runs and
lumisections are numbers, with LS 0 for a histogram of the whole run. Fields named like a table's column mean what
:mod:`opint.store.tables` says.
"""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Column, Connection, Table, and_

from opint.store.tables import ls_score, lumisection

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

    Insert = sqlite.Insert | postgresql.Insert


class Record(BaseModel):
    """Base of all records: they do not change."""

    model_config = ConfigDict(frozen=True, from_attributes=True, defer_build=True)


def insert_into(tx: Connection, table: Table) -> "Insert":
    """An insert of the dialect of ``tx``, to which ``on_conflict_...`` can be added."""
    # Only the dialect in use is loaded: that of PostgreSQL takes as long as the rest of a short command.
    if tx.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415

    return sqlite.insert(table)


def replacing(tx: Connection, table: Table) -> "Insert":
    """An insert that overwrites the row with the same primary key."""
    statement = insert_into(tx, table)
    keys = table.primary_key.columns
    changes = {name: statement.excluded[name] for column in table.c if (name := column.name) not in keys}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=changes)


BY_CURRENT = and_(
    lumisection.c.dataset == ls_score.c.dataset,
    lumisection.c.run == ls_score.c.run,
    lumisection.c.ls == ls_score.c.ls,
    lumisection.c.model_version == ls_score.c.model_version,
)
"""Scores of a lumisection by the model that judges it, and not by one in shadow or before."""


def columns_of(table: Table, record: type) -> list[Column[Any]]:
    """The columns of a table that a dataclass holds, in the order of its fields."""
    return [table.c[field.name] for field in fields(record)]
