"""How far each partition has been processed, and which consumer may say so.

An offset is written in the transaction of the effects of the messages below it. ``claim`` makes a consumer
the owner; from then on ``lock`` and ``advance`` of any other consumer raise FencedError, so that one which
stopped for a while and woke up (a *zombie*) writes nothing.
"""

from collections.abc import Iterable, Sequence
from typing import NoReturn

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, delete, select, tuple_, update

from opint.store.sql import Record, insert_into
from opint.store.tables import source_offset
from streams.errors import FencedError
from streams.source import Message, Partition


class StoredOffset(Record):
    """How far one partition has been processed, and by whom."""

    cluster: str
    consumer_group: str
    topic: str
    partition: int
    next_offset: int | None
    owner: str
    updated_s: float


_row = source_offset.c
_NAMED = and_(
    _row.cluster == bindparam("of_cluster"),
    _row.consumer_group == bindparam("of_group"),
    _row.topic == bindparam("of_topic"),
    _row.partition == bindparam("of_partition"),
)
# Built once: each poll executes them for each of its partitions.
_LOCK = select(_row.owner, _row.next_offset).where(_NAMED).with_for_update()
_FORWARD = case((_row.next_offset > bindparam("offset"), _row.next_offset), else_=bindparam("offset"))
_ADVANCE = (
    update(source_offset)
    .where(_NAMED, _row.owner == bindparam("of_owner"))
    .values(next_offset=_FORWARD, updated_s=bindparam("now_s"))
)


def claim(tx: Connection, partition: Partition, group: str, owner: str, now_s: float) -> int | None:
    """Make ``owner`` the one that may write; the next wanted offset, None if nothing was processed yet."""
    statement = insert_into(tx, source_offset)
    stored: int | None = tx.execute(
        statement.on_conflict_do_update(
            index_elements=list(source_offset.primary_key.columns),
            set_={"owner": statement.excluded.owner, "updated_s": statement.excluded.updated_s},
        ).returning(_row.next_offset),
        {
            "cluster": partition.cluster,
            "consumer_group": group,
            "topic": partition.topic,
            "partition": partition.partition,
            "next_offset": None,
            "owner": owner,
            "updated_s": now_s,
        },
    ).scalar_one()
    return stored


def adopt_topic(tx: Connection, partition: Partition, group: str) -> bool:
    """Note to which topic of this name the offset belongs; whether it belonged to another until now."""
    row = and_(_is(partition, group), _row.topic_id != partition.topic_id)
    before = tx.execute(select(_row.topic_id).where(row)).scalar_one_or_none()
    if before is None or not partition.topic_id:
        return False
    tx.execute(update(source_offset).where(row).values(topic_id=partition.topic_id))
    return bool(before)


def lock(tx: Connection, partition: Partition, group: str, owner: str) -> int | None:
    """The next wanted offset, held against other consumers until the transaction ends.

    Raises FencedError if the partition belongs to somebody else.
    """
    row = tx.execute(_LOCK, _names(partition, group)).one_or_none()
    if row is None or row.owner != owner:
        _fenced(partition, None if row is None else row.owner)
    stored: int | None = row.next_offset
    return stored


def stored(tx: Connection, partitions: Sequence[Partition], group: str) -> dict[Partition, int | None]:
    """The next wanted offset of those of the partitions that were ever claimed."""
    if not partitions:
        return {}
    query = select(_row.cluster, _row.topic, _row.partition, _row.next_offset).where(
        _row.consumer_group == group,
        tuple_(_row.cluster, _row.topic, _row.partition).in_(
            [(partition.cluster, partition.topic, partition.partition) for partition in partitions]
        ),
    )
    return {Partition(*where): offset for *where, offset in tx.execute(query)}


def advance(tx: Connection, partition: Partition, group: str, owner: str, next_offset: int, now_s: float) -> None:
    """Store the next wanted offset; a smaller one than is stored changes nothing.

    Raises FencedError if the partition belongs to somebody else.
    """
    values = {"of_owner": owner, "offset": next_offset, "now_s": now_s}
    changed = tx.execute(_ADVANCE, _names(partition, group) | values)
    if changed.rowcount == 0:
        _fenced(partition, None)


def move(tx: Connection, partition: Partition, group: str, owner: str, next_offset: int, now_s: float) -> None:
    """Store the next wanted offset, even if it is smaller: the broker has lost messages and counts anew.

    Raises FencedError if the partition belongs to somebody else.
    """
    changed = tx.execute(
        update(source_offset)
        .where(_is(partition, group), _row.owner == owner)
        .values(next_offset=next_offset, updated_s=now_s)
    )
    if changed.rowcount == 0:
        _fenced(partition, None)


def forget_other_clusters(tx: Connection, cluster: str) -> None:
    """Remove the offsets of every other cluster, for a broker whose topics ended with it."""
    tx.execute(delete(source_offset).where(source_offset.c.cluster != cluster))


def behind(messages: Iterable[Message]) -> dict[Partition, int]:
    """The offset behind the last message of each partition."""
    offsets: dict[Partition, int] = {}
    for message in messages:
        offsets[message.partition] = max(offsets.get(message.partition, 0), message.offset + 1)
    return offsets


def _is(partition: Partition, group: str) -> ColumnElement[bool]:
    return and_(
        _row.cluster == partition.cluster,
        _row.consumer_group == group,
        _row.topic == partition.topic,
        _row.partition == partition.partition,
    )


def _names(partition: Partition, group: str) -> dict[str, str | int]:
    return {
        "of_cluster": partition.cluster,
        "of_group": group,
        "of_topic": partition.topic,
        "of_partition": partition.partition,
    }


def _fenced(partition: Partition, owner: str | None) -> NoReturn:
    to_whom = "nobody here" if owner is None else owner
    raise FencedError(f"{partition.topic}[{partition.partition}] belongs to {to_whom} now", partition)


def every(tx: Connection) -> list[StoredOffset]:
    """All stored offsets, in the order of their partitions."""
    rows = tx.execute(select(source_offset).order_by(_row.cluster, _row.topic, _row.partition))
    return [StoredOffset.model_validate(row) for row in rows]
