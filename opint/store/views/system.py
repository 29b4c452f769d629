"""Daemons, offsets, dead letters, models and the database itself, for reading."""

from typing import NamedTuple

from sqlalchemy import Connection, func, inspect, select, text

from opint.store import feedback
from opint.store.tables import (
    audit,
    dead_letter,
    heartbeat,
    incident,
    lumisection,
    model_version,
    promotion,
    source_offset,
)
from opint.store.views import hotline
from opint.store.views.records import (
    AgreementView,
    Daemon,
    DeadLetter,
    DeadLetterPage,
    Model,
    Offset,
    PromotionView,
    System,
)

PREVIEW_BYTES = 240
"""How much of a dead letter's raw bytes is shown."""


MOST_PROMOTIONS = 10
"""Newest promotions that are shown."""


class Marker(NamedTuple):
    """Numbers that move when the store changes; equal markers mean that a page need not be read again."""

    incidents: int
    lumisections: int
    dead_letters: int
    heartbeat: int
    hotline: int


def marker(tx: Connection) -> Marker:
    """Where the store stands. Six seeks and two small counts: cheap enough for every second.

    Audit entries and incidents are counted as well, because a transaction that commits late may bring a
    smaller number than one already seen.
    """
    entries, newest = tx.execute(select(func.count(), func.max(audit.c.id))).one()
    number, changed = tx.execute(select(func.count(), func.max(incident.c.updated_s))).one()
    return Marker(
        incidents=entries + (newest or 0) + number + _milliseconds(changed),
        lumisections=_milliseconds(tx.execute(select(func.max(lumisection.c.updated_s))).scalar_one()),
        dead_letters=tx.execute(select(func.max(dead_letter.c.id))).scalar_one() or 0,
        heartbeat=_milliseconds(tx.execute(select(func.max(heartbeat.c.at_s))).scalar_one()),
        hotline=hotline.marker(tx),
    )


def daemons(tx: Connection) -> list[Daemon]:
    """All daemons, the one heard last first."""
    rows = tx.execute(select(heartbeat).order_by(heartbeat.c.at_s.desc()))
    return [Daemon.model_validate(row) for row in rows]


def closed_since(tx: Connection, since_s: float) -> tuple[int, list[float]]:
    """How many lumisections changed after ``since_s``, and the s from publication to verdict of those closed."""
    row = lumisection.c
    rows = tx.execute(select(row.published_s, row.closed_s).where(row.updated_s > since_s)).all()
    return len(rows), [closed - published for published, closed in rows if closed is not None]


def dead_letters(tx: Connection, *, limit: int, before: int | None = None) -> DeadLetterPage:
    """Dead letters, newest first; ``before`` is the number that the last page's cursor names."""
    columns = [column for column in dead_letter.c if column.name not in {"raw", "headers", "message_key"}]
    head = func.substr(dead_letter.c.raw, 1, PREVIEW_BYTES).label("head")
    query = select(*columns, head).order_by(dead_letter.c.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(dead_letter.c.id < before)
    rows = tx.execute(query).mappings().all()
    # SQLite's substr of an empty blob is null.
    items = [DeadLetter(**row, preview=_preview(bytes(row["head"] or b""))) for row in rows[:limit]]
    return DeadLetterPage(items=items, next=str(items[-1].id) if len(rows) > limit else None)


def system(tx: Connection) -> System:
    """The state of the machinery, and how far operators agree with it."""
    offset = source_offset.c
    rows = tx.execute(select(source_offset).order_by(offset.cluster, offset.topic, offset.partition))
    return System(
        daemons=daemons(tx),
        offsets=[Offset.model_validate(row) for row in rows],
        models=_models(tx),
        promotions=_promotions(tx),
        agreement=[AgreementView.model_validate(row) for row in feedback.agreement(tx)],
        dead_letters=tx.execute(select(func.count()).select_from(dead_letter)).scalar_one(),
        database=f"{tx.dialect.name} {'.'.join(map(str, tx.dialect.server_version_info or ()))}".strip(),
        schema_version=_schema_version(tx),
    )


def _models(tx: Connection) -> list[Model]:
    rows = tx.execute(select(model_version).order_by(model_version.c.first_used_s.desc()))
    return [Model.model_validate(row) for row in rows]


def _promotions(tx: Connection) -> list[PromotionView]:
    rows = tx.execute(select(promotion).order_by(promotion.c.id.desc()).limit(MOST_PROMOTIONS))
    return [PromotionView.model_validate(row) for row in rows]


def _schema_version(tx: Connection) -> str | None:
    if not inspect(tx).has_table("alembic_version"):
        return None
    return tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _preview(raw: bytes) -> str:
    """Text that cannot move a cursor, ring or hide: what does not print is written as an escape."""
    decoded = raw.decode("utf-8", "backslashreplace")
    return "".join(
        character if character.isprintable() or character in "\n\t" else character.encode("unicode_escape").decode()
        for character in decoded
    )


def _milliseconds(seconds: float | None) -> int:
    return 0 if seconds is None else round(seconds * 1000)
