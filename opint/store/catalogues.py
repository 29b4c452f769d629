"""Catalogues, stored once by digest and kept in the process, because they hardly ever change."""

from collections import OrderedDict
from collections.abc import Collection
from threading import Lock

from sqlalchemy import Connection, select

from opint.store.sql import insert_into
from opint.store.tables import catalogue
from streams.records import Catalogue

MOST_KEPT = 64
"""Catalogues in memory; one of 846 MEs takes about 1 MB."""

# By digest, hence the same for every database.
_kept: OrderedDict[str, Catalogue] = OrderedDict()
_guard = Lock()


def save(tx: Connection, catalogues: Collection[Catalogue]) -> None:
    """Store those that are not stored yet."""
    by_digest = {record.digest: record for record in catalogues}
    for record in by_digest.values():
        _keep(record)
    stored = set(tx.scalars(select(catalogue.c.digest).where(catalogue.c.digest.in_(list(by_digest)))))
    rows = [
        {"digest": digest, "elements": record.as_json()} for digest, record in by_digest.items() if digest not in stored
    ]
    if rows:
        tx.execute(insert_into(tx, catalogue).on_conflict_do_nothing(), rows)


def load(tx: Connection, digests: Collection[str]) -> dict[str, Catalogue]:
    """Catalogues by digest; raises KeyError for one that is not stored."""
    loaded = {digest: kept for digest in set(digests) if (kept := _get(digest)) is not None}
    missing = set(digests) - loaded.keys()
    if missing:
        query = select(catalogue.c.digest, catalogue.c.elements).where(catalogue.c.digest.in_(sorted(missing)))
        for digest, elements in tx.execute(query):
            loaded[digest] = Catalogue.from_json(elements)
            _keep(loaded[digest])
    return {digest: loaded[digest] for digest in digests}


def _get(digest: str) -> Catalogue | None:
    with _guard:
        kept = _kept.get(digest)
        if kept is not None:
            _kept.move_to_end(digest)
        return kept


def _keep(record: Catalogue) -> None:
    with _guard:
        _kept[record.digest] = record
        _kept.move_to_end(record.digest)
        if len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
