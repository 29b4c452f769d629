"""Stored verdicts of the lumisections around given ones, and what they say of each folder of MEs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, Row, and_, select, tuple_

from dqm.core.quality import Quality, Reason
from opint.incidents.families import FAMILIES, IncidentKey, Width
from opint.incidents.rule import Observation
from opint.store import catalogues
from opint.store.catalogues import REAL, SMALL, unpack
from opint.store.tables import BY_CURRENT, ls_score, lumisection
from streams.records import Catalogue, LumisectionKey

LOOK_BACK = 256
"""An incident last seen more lumisections ago than this counts its good ones from there on."""

LOOK_AHEAD = 256
"""Lumisections after a late one that are looked at again."""

_PAGE = 32

MOST_NAMED = 1000
"""MEs of one folder in one lumisection that are named and counted."""

FAMILY_NUMBERS = {family: index + 1 for index, family in enumerate(sorted({r.family for r in Reason if r.alarms}))}
FAMILY_NAMES = {number: family for family, number in FAMILY_NUMBERS.items()}
FAMILY_OF = np.zeros(256, dtype=np.uint8)
"""Number in FAMILY_NUMBERS by reason; 0 for a reason that does not alarm."""
for _reason in Reason:
    FAMILY_OF[_reason] = FAMILY_NUMBERS.get(_reason.family, 0)

_INSPECTED = np.zeros(256, dtype=np.bool_)
_INSPECTED[[Quality.GOOD, Quality.WARNING]] = True
_score = ls_score.c


class Folders:
    """Rows of a catalogue by folder."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Sort the MEs into their folders."""
        self.names = catalogue.names
        self._index = catalogue.index
        rows: dict[str, list[int]] = {}
        for row, group in enumerate(me.group for me in catalogue.elements):
            rows.setdefault(group, []).append(row)
        self.rows = {group: np.array(members, dtype=np.intp) for group, members in rows.items()}

    def of(self, incident_key: IncidentKey) -> npt.NDArray[np.intp] | None:
        """Rows of the MEs of an incident; None if there are none."""
        width = FAMILIES[incident_key.family].width_in(incident_key.subsystem)
        if width is Width.SUBSYSTEM:
            return np.arange(len(self.names))
        if width is Width.ELEMENT:
            row = self._index.get(incident_key.group)
            return None if row is None else np.array([row], dtype=np.intp)
        return self.rows.get(incident_key.group)


@dataclass(frozen=True, eq=False)
class StoredVerdict:
    """The verdict of one subsystem in one lumisection; arrays in catalogue order."""

    key: LumisectionKey
    folders: Folders
    qualities: npt.NDArray[np.uint8]
    reasons: npt.NDArray[np.uint8]
    p_values: npt.NDArray[np.float32]
    model_version: str

    @cached_property
    def families(self) -> npt.NDArray[np.uint8]:
        """Number of the family of each ME's reason, 0 if that does not alarm."""
        families: npt.NDArray[np.uint8] = FAMILY_OF[self.reasons]
        return families

    def alarming(self, incident_key: IncidentKey) -> list[str]:
        """The MEs of one folder and family that are bad, in catalogue order."""
        rows = self.folders.of(incident_key)
        if rows is None:
            return []
        bad = rows[self.families[rows] == FAMILY_NUMBERS[incident_key.family]]
        return [self.folders.names[row] for row in bad]

    def observation(self, incident_key: IncidentKey) -> Observation:
        """What it says of one folder and family; says nothing of a folder that it does not have."""
        rows = self.folders.of(incident_key)
        if rows is None:
            return Observation(self.key)
        families, names = self.families[rows], self.folders.names
        bad = rows[families == FAMILY_NUMBERS[incident_key.family]]
        worst = bad[np.lexsort((bad, self.p_values[bad]))][:MOST_NAMED]
        p_values = self.p_values[bad]
        finite = p_values[np.isfinite(p_values)]
        inspected = rows[(families == 0) & _INSPECTED[self.qualities[rows]]]
        return Observation(
            key=self.key,
            bad=tuple(names[row] for row in worst),
            ill=frozenset(names[row] for row in rows[families > 0]),
            inspected=frozenset(names[row] for row in inspected),
            size=len(rows),
            p_value=float(finite.min()) if finite.size else None,
            model_version=self.model_version,
        )


@dataclass(frozen=True, slots=True)
class Window:
    """Verdicts of one subsystem around some lumisections, in (run, LS) order.

    ``complete`` says that none follow, ``cut`` that some between it and what was asked for are left out.
    """

    judged: Sequence[StoredVerdict]
    complete: bool
    cut: bool


def read_window(
    tx: Connection,
    dataset: str,
    subsystem: str,
    about: Sequence[LumisectionKey],
    near: int,
    since: LumisectionKey | None,
) -> Window:
    """Verdicts from before the first to after the last of ``about`` (sorted).

    Before the first come those after ``since``, at most LOOK_BACK, and in any case ``near`` of them.
    """
    first, last = about[0], about[-1]
    scope = and_(_score.dataset == dataset, _score.subsystem == subsystem)
    earlier = _rows(tx, scope & _before(first), newest=near)
    cut = False
    border = _key(earlier[0]) if earlier else first
    if since is not None and since < border:
        beyond = _rows(tx, scope & _before(border) & _after(since), newest=LOOK_BACK)
        cut = len(beyond) == LOOK_BACK
        earlier = [*beyond, *earlier]
    amid = _rows(tx, scope & ~_before(first) & ~_after(last))
    later = _rows(tx, scope & _after(last), oldest=LOOK_AHEAD + 1)
    rows = [*earlier, *amid, *later[:LOOK_AHEAD]]
    catalogue_by_digest = catalogues.load(tx, {row.catalogue for row in rows})
    folders = {digest: Folders(catalogue) for digest, catalogue in catalogue_by_digest.items()}
    return Window([_verdict(row, folders) for row in rows], len(later) <= LOOK_AHEAD, cut)


def lumisection_before(tx: Connection, dataset: str, subsystem: str, key: LumisectionKey, near: int) -> LumisectionKey:
    """The lumisection with a verdict ``near`` places before ``key``, or as far back as there are any."""
    query = (
        select(_score.run, _score.ls)
        .where(_score.dataset == dataset, _score.subsystem == subsystem, _before(key))
        .where(_score.verdict_reasons.is_not(None))
        .order_by(_score.run.desc(), _score.ls.desc())
        .limit(near)
    )
    return min((LumisectionKey(*row) for row in tx.execute(query)), default=key)


def observations_after(tx: Connection, incident_key: IncidentKey, key: LumisectionKey) -> Iterator[Observation]:
    """What the lumisections after ``key`` say of an incident, in order; they are read a few at a time."""
    scope = and_(_score.dataset == incident_key.dataset, _score.subsystem == incident_key.subsystem)
    while rows := _rows(tx, scope & _after(key), oldest=_PAGE):
        by_digest = catalogues.load(tx, {row.catalogue for row in rows})
        folders = {digest: Folders(catalogue) for digest, catalogue in by_digest.items()}
        yield from (_verdict(row, folders).observation(incident_key) for row in rows)
        key = _key(rows[-1])


def _before(key: LumisectionKey) -> ColumnElement[bool]:
    return tuple_(_score.run, _score.ls) < (key.run, key.ls)


def _after(key: LumisectionKey) -> ColumnElement[bool]:
    return tuple_(_score.run, _score.ls) > (key.run, key.ls)


def _rows(
    tx: Connection, where: ColumnElement[bool], newest: int | None = None, oldest: int | None = None
) -> Sequence[Any]:
    """Verdicts of the current model version in (run, LS) order."""
    query = (
        select(
            _score.run,
            _score.ls,
            _score.catalogue,
            _score.model_version,
            _score.p_values,
            _score.verdict_qualities,
            _score.verdict_reasons,
        )
        .join(lumisection, BY_CURRENT)
        .where(where, _score.verdict_reasons.is_not(None))
    )
    if newest is not None:
        return tx.execute(query.order_by(_score.run.desc(), _score.ls.desc()).limit(newest)).all()[::-1]
    return tx.execute(query.order_by(_score.run, _score.ls).limit(oldest)).all()


def _key(row: Row[Any]) -> LumisectionKey:
    return LumisectionKey(row.run, row.ls)


def _verdict(row: Row[Any], folders: Mapping[str, Folders]) -> StoredVerdict:
    folders_of_catalogue = folders[row.catalogue]
    n = len(folders_of_catalogue.names)
    return StoredVerdict(
        key=_key(row),
        folders=folders_of_catalogue,
        qualities=unpack(row.verdict_qualities, SMALL, (n,)),
        reasons=unpack(row.verdict_reasons, SMALL, (n,)),
        p_values=unpack(row.p_values, REAL, (n,)),
        model_version=row.model_version,
    )


def alarming_elements(tx: Connection, incident_key: IncidentKey, key: LumisectionKey) -> tuple[str, ...]:
    """All MEs of an incident that are bad in a lumisection, however many; empty where its verdict is no longer kept."""
    scope = and_(_score.dataset == incident_key.dataset, _score.subsystem == incident_key.subsystem)
    rows = _rows(tx, scope & (_score.run == key.run) & (_score.ls == key.ls))
    by_digest = catalogues.load(tx, {row.catalogue for row in rows})
    folders = {digest: Folders(catalogue) for digest, catalogue in by_digest.items()}
    return tuple(name for row in rows for name in _verdict(row, folders).alarming(incident_key))


def clusters(keys: Iterable[LumisectionKey]) -> list[list[LumisectionKey]]:
    """Sorted keys in groups that lie close together, each to be looked at with one window."""
    groups: list[list[LumisectionKey]] = []
    for key in sorted(set(keys)):
        last = groups[-1][-1] if groups else None
        if last is None or last.run != key.run or key.ls - last.ls > LOOK_AHEAD // 2:
            groups.append([])
        groups[-1].append(key)
    return groups
