"""Catalogues, stored once by digest and kept in the process, because they hardly ever change."""

from collections import OrderedDict
from collections.abc import Collection
from threading import Lock

from sqlalchemy import Connection, select

from opint.store.tables import catalogue
from opint.store.upserts import insert_into
from streams.records import Catalogue

MOST_KEPT = 64
"""Catalogues in memory; one of 846 MEs takes about 1 MB."""

# By digest, hence the same for every database.
_kept: OrderedDict[str, Catalogue] = OrderedDict()
_guard = Lock()


def save(tx: Connection, catalogues: Collection[Catalogue]) -> None:
    """Store those that are not stored yet."""
    wanted = {one.digest: one for one in catalogues}
    for one in wanted.values():
        _keep(one)
    stored = set(tx.scalars(select(catalogue.c.digest).where(catalogue.c.digest.in_(list(wanted)))))
    rows = [{"digest": digest, "elements": one.as_json()} for digest, one in wanted.items() if digest not in stored]
    if rows:
        tx.execute(insert_into(tx, catalogue).on_conflict_do_nothing(), rows)


def load(tx: Connection, digests: Collection[str]) -> dict[str, Catalogue]:
    """Catalogues by digest; raises KeyError for one that is not stored."""
    found = {digest: one for digest in set(digests) if (one := _get(digest)) is not None}
    missing = set(digests) - found.keys()
    if missing:
        query = select(catalogue.c.digest, catalogue.c.elements).where(catalogue.c.digest.in_(sorted(missing)))
        for digest, elements in tx.execute(query):
            found[digest] = Catalogue.from_json(elements)
            _keep(found[digest])
    return {digest: found[digest] for digest in digests}


def _get(digest: str) -> Catalogue | None:
    with _guard:
        found = _kept.get(digest)
        if found is not None:
            _kept.move_to_end(digest)
        return found


def _keep(one: Catalogue) -> None:
    with _guard:
        _kept[one.digest] = one
        _kept.move_to_end(one.digest)
        if len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
