"""Classes of error messages, and how often each came from each site on each day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import Field
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Integer,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    update,
)

from opint.store.sql import Record, insert_into
from opint.store.tables import Name, metadata

message_class = Table(
    "message_class",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("template", Text, nullable=False, comment="what its messages share; <*> where they differ"),
    Column("example", Text, nullable=False, comment="its first message"),
    Column("first_s", Float, nullable=False),
    Column("last_s", Float, nullable=False, index=True),
    Column("messages", BigInteger, nullable=False),
    Column("jobs", BigInteger, nullable=False, comment="that gave these messages"),
    Column("flagged_s", Float, nullable=True, comment="when it became an incident; null: never"),
)

message_count = Table(
    "message_count",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("site", Name, primary_key=True, comment="empty where not told"),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="days since 1970"),
    Column("messages", BigInteger, nullable=False),
    Column("jobs", BigInteger, nullable=False),
)

DAY_S = 86_400.0


class ClassRevision(NamedTuple):
    """Numbers that move when classes change: equal ones mean that the classes in memory are those stored."""

    classes: int
    messages: int


@dataclass(slots=True)
class ClassTally:
    """New messages of a class: its template now, their first text, and (messages, jobs) by site and day."""

    template: str
    example: str
    by_site_and_day: dict[tuple[str, int], tuple[int, int]]

    def add(self, site: str, time_s: float, jobs: int) -> None:
        """Count a message that ``jobs`` jobs gave."""
        key = site, int(time_s // DAY_S)
        messages, before = self.by_site_and_day.get(key, (0, 0))
        self.by_site_and_day[key] = messages + 1, before + jobs


class MessageClassView(Record):
    """A class of error messages."""

    number: int
    template: str = Field(description="what its messages share; <*> where they differ")
    example: str
    first_s: float
    last_s: float
    messages: int
    jobs: int
    flagged_s: float | None = Field(description="when it became an incident; null if it never did")


def revision(tx: Connection) -> ClassRevision:
    """Where the classes stand."""
    at = message_class.c
    classes, messages = tx.execute(select(func.count(), func.coalesce(func.sum(at.messages), 0))).one()
    return ClassRevision(classes, int(messages))


def every(tx: Connection) -> list[MessageClassView]:
    """All classes, by number."""
    rows = tx.execute(select(message_class).order_by(message_class.c.number))
    return [MessageClassView.model_validate(row) for row in rows]


def most_frequent(tx: Connection, limit: int) -> list[MessageClassView]:
    """Classes, the one of most jobs first."""
    at = message_class.c
    rows = tx.execute(select(message_class).order_by(at.jobs.desc(), at.number).limit(limit))
    return [MessageClassView.model_validate(row) for row in rows]


def began(tx: Connection) -> float | None:
    """When the first class began; None if there is none."""
    began_s: float | None = tx.scalar(select(func.min(message_class.c.first_s)))
    return began_s


def named(tx: Connection, numbers: Sequence[int]) -> dict[int, MessageClassView]:
    """These classes, by number."""
    rows = tx.execute(select(message_class).where(message_class.c.number.in_(numbers)))
    return {row.number: MessageClassView.model_validate(row) for row in rows}


def count(tx: Connection, tallies: Mapping[int, ClassTally], now_s: float) -> None:
    """Add new messages, by the number of their class; classes that are not stored yet begin with them."""
    if not tallies:
        return
    totals = [
        {
            "number": number,
            "template": tally.template,
            "example": tally.example,
            "first_s": now_s,
            "last_s": now_s,
            "messages": sum(messages for messages, _ in tally.by_site_and_day.values()),
            "jobs": sum(jobs for _, jobs in tally.by_site_and_day.values()),
        }
        for number, tally in sorted(tallies.items())
    ]
    statement = insert_into(tx, message_class)
    at, new = message_class.c, statement.excluded
    changes: dict[str, Any] = {"template": new.template, "last_s": new.last_s}
    changes |= {"messages": at.messages + new.messages, "jobs": at.jobs + new.jobs}
    tx.execute(statement.on_conflict_do_update(index_elements=[at.number], set_=changes), totals)
    rows = [
        {"number": number, "site": site, "day": day, "messages": messages, "jobs": jobs}
        for number, tally in sorted(tallies.items())
        for (site, day), (messages, jobs) in sorted(tally.by_site_and_day.items())
    ]
    statement = insert_into(tx, message_count)
    counted, more = message_count.c, statement.excluded
    sums = {"messages": counted.messages + more.messages, "jobs": counted.jobs + more.jobs}
    tx.execute(
        statement.on_conflict_do_update(index_elements=[counted.number, counted.site, counted.day], set_=sums), rows
    )


def flag(tx: Connection, numbers: Iterable[int], now_s: float) -> None:
    """Note that these classes have become incidents."""
    rows = [{"class": number} for number in numbers]
    if rows:
        at = message_class.c
        tx.execute(update(message_class).where(at.number == bindparam("class")).values(flagged_s=now_s), rows)


def by_day(tx: Connection, number: int, since_s: float) -> list[tuple[int, str, int]]:
    """Day (since 1970), site and jobs of a class, the newest day first."""
    at = message_count.c
    query = select(at.day, at.site, at.jobs).where(at.number == number, at.day >= int(since_s // DAY_S))
    return [(day, site, jobs) for day, site, jobs in tx.execute(query.order_by(at.day.desc(), at.jobs.desc()))]


def forget(tx: Connection, before_s: float) -> None:
    """Delete the counts of days that are over; classes stay, since their numbers stand for them."""
    tx.execute(delete(message_count).where(message_count.c.day < int(before_s // DAY_S)))
