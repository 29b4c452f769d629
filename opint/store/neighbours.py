"""Content of the lumisections around given ones, with which frozen histograms are found.

Not only those before: partitions move at their own pace, so that a lumisection may be stored after the ones
that follow it, and these may turn out to be frozen only then.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, and_, select, tuple_

from dqm.core.state import Bands, EarlierRates
from opint.store import catalogues
from opint.store.catalogues import DIGEST, unpack, unpack_numbers
from opint.store.tables import ls_score, lumisection
from streams.records import Catalogue, Conditions, LumisectionKey

_CONTENT = (ls_score.c.run, ls_score.c.ls, ls_score.c.subsystem, ls_score.c.catalogue, ls_score.c.digests)
FARTHEST = 64
"""Lumisections of one run that lie farther apart are looked up one by one."""

_head = lumisection.c
_score = ls_score.c


@dataclass(frozen=True, slots=True, eq=False)
class StoredContent:
    """Digests (n,) uint64 of one subsystem in one lumisection, in the order of the catalogue of this digest.

    ``rates`` are those of a trigger, where they are asked for.
    """

    key: LumisectionKey
    catalogue: str
    digests: npt.NDArray[np.uint64]
    rates: EarlierRates | None = None


Contents = Mapping[str, Sequence[StoredContent]]
"""By subsystem, in (run, LS) order."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """What is stored just before and just after one lumisection; a subsystem may lack some of them."""

    before: Contents
    after: Contents


def neighbours(
    tx: Connection,
    dataset: str,
    keys: Collection[LumisectionKey],
    n: int,
    version: str | None = None,
    *,
    rates: bool = False,
) -> dict[LumisectionKey, Neighbours]:
    """For every key, the content of the ``n`` stored lumisections before and after it in (run, LS) order.

    Content is that of the current model, or of the model ``version`` in shadow, with ``rates`` on request. A whole-run
    histogram (LS 0) is compared with those of other runs, any other with LS above 0.
    """
    around: dict[LumisectionKey, Neighbours] = {}
    for cluster in _clusters(keys):
        first, last = cluster[0], cluster[-1]
        before, after = _around(tx, dataset, first, n, before=True), _around(tx, dataset, last, n, before=False)
        rows = _rows(tx, dataset, before[-1] if before else first, after[-1] if after else last, version, rates)
        ordered = sorted(rows)
        for key in cluster:
            start, stop = bisect_left(ordered, key), bisect_right(ordered, key)
            around[key] = Neighbours(
                _by_subsystem([row for near in ordered[max(start - n, 0) : start] for row in rows[near]]),
                _by_subsystem([row for near in ordered[stop : stop + n] for row in rows[near]]),
            )
    return around


def _clusters(keys: Collection[LumisectionKey]) -> Iterator[list[LumisectionKey]]:
    """Groups of keys that one range of lumisections serves."""
    cluster: list[LumisectionKey] = []
    for key in sorted(set(keys)):
        last = cluster[-1] if cluster else None
        if last and (last.run != key.run or last.ls == 0 or key.ls - last.ls > FARTHEST):
            yield cluster
            cluster = []
        cluster.append(key)
    if cluster:
        yield cluster


def _alike(key: LumisectionKey) -> ColumnElement[bool]:
    return _head.ls == 0 if key.ls == 0 else _head.ls > 0


def _around(tx: Connection, dataset: str, key: LumisectionKey, n: int, *, before: bool) -> list[LumisectionKey]:
    """The ``n`` lumisections before or after ``key``, the nearest first."""
    place, position = tuple_(_head.run, _head.ls), (key.run, key.ls)
    query = select(_head.run, _head.ls).where(_head.dataset == dataset, _alike(key)).limit(n)
    if before:
        query = query.where(place < position).order_by(_head.run.desc(), _head.ls.desc())
    else:
        query = query.where(place > position).order_by(_head.run, _head.ls)
    return [LumisectionKey(*row) for row in tx.execute(query)]


def _rows(
    tx: Connection, dataset: str, first: LumisectionKey, last: LumisectionKey, version: str | None, rates: bool
) -> dict[LumisectionKey, list[tuple[str, StoredContent]]]:
    """Content from ``first`` to ``last``, both included."""
    made_by = and_(
        _head.dataset == _score.dataset,
        _head.run == _score.run,
        _head.ls == _score.ls,
        _score.model_version == (_head.model_version if version is None else version),
    )
    query = (
        select(*_CONTENT, *((_score.bands, _head.conditions) if rates else ()))
        .join(lumisection, made_by)
        .where(
            _score.dataset == dataset,
            tuple_(_score.run, _score.ls) >= (first.run, first.ls),
            tuple_(_score.run, _score.ls) <= (last.run, last.ls),
            _alike(last),
        )
    )
    rows: dict[LumisectionKey, list[tuple[str, StoredContent]]] = defaultdict(list)
    read = list(tx.execute(query))
    menus = catalogues.load(tx, {row.catalogue for row in read}) if rates else {}
    for row in read:
        key = LumisectionKey(row.run, row.ls)
        digests = unpack(row.digests, DIGEST, (len(row.digests) // DIGEST.itemsize,))
        earlier = None
        if rates and row.bands is not None:
            earlier = earlier_rates(key, row.conditions, menus[row.catalogue], row.bands)
        rows[key].append((row.subsystem, StoredContent(key, row.catalogue, digests, earlier)))
    return rows


def earlier_rates(key: LumisectionKey, conditions: Mapping[str, Any], menu: Catalogue, raw: bytes) -> EarlierRates:
    """Rates as they are stored: ``raw`` bands in the order of ``menu``."""
    return EarlierRates(key, Conditions(**conditions), menu.names, unpack_numbers(Bands, raw, len(menu)))


def _by_subsystem(contents: Sequence[tuple[str, StoredContent]]) -> Contents:
    ordered: dict[str, list[StoredContent]] = defaultdict(list)
    for subsystem, content in contents:
        ordered[subsystem].append(content)
    return ordered
