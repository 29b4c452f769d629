"""Messages that could not be used: kept with the reason and the first bytes, to look at and to try again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, func, select, update

from conf.errors import NightshiftError
from opint.store.sql import Record, indexable, insert_into, storable
from opint.store.tables import dead_letter
from streams.errors import DecodeError
from streams.source import Message, Partition


class DeadLetterSummary(Record):
    """A message that could not be used; ``preview`` shows its first bytes as text, the rest as escapes."""

    id: int
    cluster: str
    topic: str
    partition: int
    message_offset: int
    reason: str
    field: str
    detail: str
    origin: str
    preview: str
    raw_size: int
    received_s: float
    replayed_s: float | None


class DeadLetterPage(Record):
    """A page of dead letters, newest first."""

    items: list[DeadLetterSummary]
    next: str | None


MOST_BYTES = 1024 * 1024
"""No more of one message is stored, whatever ``stream.dead_letter_bytes`` says."""

MOST_CHARACTERS = 2000
"""Longest detail or origin, and the longest name or value of a header."""

MOST_NAME_BYTES = 512
"""Longest reason and field, which are part of what a letter is known by."""

PREVIEW_BYTES = 240
"""How much of a dead letter's raw bytes a page shows."""

MOST_HEADERS = 32
MOST_KEY_BYTES = 1024
_row = dead_letter.c


class UnknownLetterError(NightshiftError):
    """There is no dead letter of this number."""


class CutLetterError(NightshiftError):
    """Only a part of the message was kept, so it cannot be published again."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One unusable message, or one unusable part of it.

    ``reason`` and ``field`` are those of :class:`streams.errors.DecodeError`, ``detail`` is its text.
    ``raw`` holds the first bytes of ``raw_size``. ``id`` is None until it is stored.
    """

    partition: Partition
    offset: int
    reason: str
    field: str
    detail: str
    origin: str
    headers: Mapping[str, str]
    key: bytes | None
    raw: bytes
    raw_size: int
    received_s: float
    replayed_s: float | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Dead letters, newest first; ``next`` goes into ``before`` of the next page, None at the end."""

    items: Sequence[DeadLetter]
    next: int | None


def letter_of(message: Message, error: DecodeError, keep_bytes: int, now_s: float) -> DeadLetter:
    """The letter of a message that is unusable, with its first ``keep_bytes`` bytes."""
    raw = message.value if isinstance(message.value, bytes) else b""
    return DeadLetter(
        partition=message.partition,
        offset=message.offset,
        reason=error.reason,
        field=error.field,
        detail=str(error),
        origin=message.origin,
        headers=dict(message.headers),
        key=message.key,
        raw=raw[:keep_bytes],
        raw_size=len(raw),
        received_s=now_s,
    )


def add(tx: Connection, letters: Iterable[DeadLetter]) -> None:
    """Store the letters, cut to the limits above.

    A letter of the same message, reason and field that is stored already stays as it is.
    """
    rows = [_as_row(letter) for letter in letters]
    if rows:
        tx.execute(insert_into(tx, dead_letter).on_conflict_do_nothing(), rows)


def list_(tx: Connection, reason: str | None = None, before: int | None = None, limit: int = 50) -> Page:
    """At most ``limit`` letters with numbers below ``before``, newest first."""
    query = select(dead_letter).order_by(_row.id.desc()).limit(limit + 1)
    if reason is not None:
        query = query.where(_row.reason == reason)
    if before is not None:
        query = query.where(_row.id < before)
    rows = tx.execute(query).all()
    return Page([_from_row(row) for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None)


def get(tx: Connection, letter_id: int) -> DeadLetter:
    """One letter; raises UnknownLetterError if there is none of this number."""
    row = tx.execute(select(dead_letter).where(_row.id == letter_id)).one_or_none()
    if row is None:
        raise UnknownLetterError(f"there is no dead letter {letter_id}; see `nightshift deadletters list`")
    return _from_row(row)


def require_whole(letter: DeadLetter) -> None:
    """Raise CutLetterError unless all bytes of the message were kept."""
    if len(letter.raw) < letter.raw_size or not letter.raw:
        raise CutLetterError(
            f"dead letter {letter.id} holds {len(letter.raw)} of {letter.raw_size} bytes, so it cannot be published "
            f"again; publish its source again ({letter.origin}), or raise stream.dead_letter_bytes for later ones"
        )


def mark_replayed(tx: Connection, letter_id: int, now_s: float) -> None:
    """Note when the letter was published again; raises UnknownLetterError."""
    changed = tx.execute(update(dead_letter).where(_row.id == letter_id).values(replayed_s=now_s))
    if changed.rowcount == 0:
        raise UnknownLetterError(f"there is no dead letter {letter_id}; see `nightshift deadletters list`")


def _as_row(letter: DeadLetter) -> dict[str, object]:
    headers = list(letter.headers.items())[:MOST_HEADERS]
    return {
        "cluster": letter.partition.cluster,
        "topic": letter.partition.topic,
        "partition": letter.partition.partition,
        "message_offset": letter.offset,
        "reason": indexable(letter.reason, MOST_NAME_BYTES),
        "field": indexable(letter.field, MOST_NAME_BYTES),
        "detail": _text(letter.detail),
        "origin": _text(letter.origin),
        "headers": {_text(name): _text(value) for name, value in headers},
        "message_key": None if letter.key is None else letter.key[:MOST_KEY_BYTES],
        "raw": letter.raw[:MOST_BYTES],
        "raw_size": letter.raw_size,
        "received_s": letter.received_s,
        "replayed_s": letter.replayed_s,
    }


def _text(value: str) -> str:
    return storable(value, MOST_CHARACTERS)


def _from_row(row: Row[tuple[object, ...]]) -> DeadLetter:
    return DeadLetter(
        partition=Partition(row.cluster, row.topic, row.partition),
        offset=row.message_offset,
        reason=row.reason,
        field=row.field,
        detail=row.detail,
        origin=row.origin,
        headers=row.headers,
        key=row.message_key,
        raw=row.raw,
        raw_size=row.raw_size,
        received_s=row.received_s,
        replayed_s=row.replayed_s,
        id=row.id,
    )


def page(tx: Connection, *, limit: int, before: int | None = None) -> DeadLetterPage:
    """Dead letters, newest first; ``before`` is the number that the last page's cursor names."""
    columns = [column for column in dead_letter.c if column.name not in {"raw", "headers", "message_key"}]
    head = func.substr(dead_letter.c.raw, 1, PREVIEW_BYTES).label("head")
    query = select(*columns, head).order_by(dead_letter.c.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(dead_letter.c.id < before)
    rows = tx.execute(query).mappings().all()
    # SQLite's substr of an empty blob is null.
    items = [DeadLetterSummary(**row, preview=_preview(bytes(row["head"] or b""))) for row in rows[:limit]]
    return DeadLetterPage(items=items, next=str(items[-1].id) if len(rows) > limit else None)


def _preview(raw: bytes) -> str:
    """Text that cannot move a cursor, ring or hide: what does not print is written as an escape."""
    decoded = raw.decode("utf-8", "backslashreplace")
    return "".join(
        character if character.isprintable() or character in "\n\t" else character.encode("unicode_escape").decode()
        for character in decoded
    )
