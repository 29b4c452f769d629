"""What operators have accepted as a new reference: an element that moved for good is learned anew from where it did.

A stream of any kind uses it: an element is a monitoring element or a trigger rate. A run is judged by the acceptances
that stood when its first lumisection came, so that a daemon that starts again, and another one beside it, judge alike.
Trigger rates that are judged one by one learn a level anew from the next stretch of lumisections on, and have the one
before back from the next stretch after it was revoked on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import orjson
from pydantic import Field
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Float,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)

from dqm.core.accepted import AcceptedState
from opint.store.sql import columns_of
from opint.store.tables import Name, evidence, incident, lumisection, metadata, occurrence, serial
from streams.keys import LumisectionKey

if TYPE_CHECKING:
    from dqm.core.stability import StableState

reference_acceptance = Table(
    "reference_acceptance",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("stream", Name, nullable=False, comment="kind of stream"),
    Column("dataset", Name, nullable=False),
    Column("subsystem", Name, nullable=False),
    Column("element", Name, nullable=False, comment="the monitoring element or rate whose state is accepted"),
    Column("since_run", BigInteger, nullable=False, comment="learned from this lumisection on"),
    Column("since_ls", BigInteger, nullable=False),
    Column("until_run", BigInteger, nullable=False, comment="where it was accepted: good up to there"),
    Column("until_ls", BigInteger, nullable=False),
    Column("incident_id", serial, ForeignKey("incident.id"), nullable=False, index=True),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_s", Float, nullable=False),
    Column("revoked_s", Float, nullable=True, comment="null: it stands"),
    Index("ix_reference_acceptance_stream_dataset", "stream", "dataset"),
)

_row = reference_acceptance.c


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One element whose state since a lumisection is accepted, by whom, why and when (s since 1970)."""

    stream: str
    dataset: str
    subsystem: str
    element: str
    since_run: int
    since_ls: int
    until_run: int
    until_ls: int
    incident_id: int
    actor: str
    reason: str
    at_s: float
    revoked_s: float | None = None


def add(tx: Connection, accepted: Iterable[Acceptance]) -> None:
    """Store new ones."""
    if rows := [asdict(acceptance) for acceptance in accepted]:
        tx.execute(insert(reference_acceptance), rows)


def revoke(tx: Connection, incident_id: int, now_s: float) -> int:
    """End those of an incident; how many there were."""
    unrevoked = and_(_row.incident_id == incident_id, _row.revoked_s.is_(None))
    return tx.execute(update(reference_acceptance).where(unrevoked).values(revoked_s=now_s)).rowcount


def of_incident(tx: Connection, incident_id: int) -> Sequence[Acceptance]:
    """Those of an incident that stand, by element."""
    unrevoked = and_(_row.incident_id == incident_id, _row.revoked_s.is_(None))
    query = select(*columns_of(reference_acceptance, Acceptance)).where(unrevoked).order_by(_row.element)
    return [Acceptance(**row._mapping) for row in tx.execute(query)]


def move(tx: Connection, number: int, into: int) -> None:
    """Give the acceptances of one incident to another that takes it in."""
    tx.execute(update(reference_acceptance).where(_row.incident_id == number).values(incident_id=into))


def accepted_after(tx: Connection, stream: str, dataset: str, after_s: float) -> set[str]:
    """Elements of a dataset whose state was accepted after ``after_s`` and still is."""
    where = and_(_row.stream == stream, _row.dataset == dataset, _row.at_s > after_s, _row.revoked_s.is_(None))
    return set(tx.scalars(select(_row.element).where(where)))


def revoked_after(tx: Connection, stream: str, dataset: str, after_s: float) -> dict[str, float]:
    """When elements of a dataset were accepted (s since 1970) that no acceptance holds any more since ``after_s``.

    Of several for one element the earliest that none later outlives.
    """
    since: dict[str, float] = {}
    elements = set()
    where = and_(_row.stream == stream, _row.dataset == dataset, _row.at_s <= after_s)
    for row in tx.execute(select(_row.element, _row.at_s, _row.revoked_s).where(where).order_by(_row.at_s.desc())):
        if row.revoked_s is None:
            elements.add(row.element)
        elif row.revoked_s > after_s and row.element not in elements:
            since[row.element] = row.at_s
    return since


def in_force(tx: Connection, stream: str, dataset: str, run: int) -> dict[str, dict[str, AcceptedState]]:
    """By subsystem and element, what a run of a dataset is judged by; of several for one element the last counts."""
    query = select(func.min(lumisection.c.first_seen_s)).where(
        lumisection.c.dataset == dataset, lumisection.c.run == run
    )
    began_s = tx.scalar(query)
    unrevoked: ColumnElement[bool] = _row.revoked_s.is_(None)
    if began_s is not None:
        unrevoked = and_(_row.at_s < began_s, or_(unrevoked, _row.revoked_s >= began_s))
    where = and_(_row.stream == stream, _row.dataset == dataset, _row.since_run <= run, unrevoked)
    accepted: dict[str, dict[str, AcceptedState]] = {}
    for row in tx.execute(select(reference_acceptance).where(where).order_by(_row.id)):
        since, until = LumisectionKey(row.since_run, row.since_ls), LumisectionKey(row.until_run, row.until_ls)
        accepted.setdefault(row.subsystem, {})[row.element] = AcceptedState(since, until)
    return accepted


MOST_COMPARED = 64
"""Newest lumisections of an incident that are compared."""
OF_CONTENT = ("content", "moved")
"""Families of incidents whose histograms are there and differ from their references."""

_evidence = evidence.c


@dataclass(frozen=True, slots=True)
class StableSince:
    """The monitoring element ``me`` has looked alike in ``lumisections`` since run and LS."""

    run: int
    ls: int
    me: str
    lumisections: int
    moved: Annotated[bool, Field(description="whether it moved as a whole, and not in a few bins")]


def stable_since(tx: Connection, incident_id: int, last: LumisectionKey | None) -> StableSince | None:
    """Of the worst element of its ``last`` occurrence; None where its newest lumisections do not agree.

    Only content has a state: what repeats itself, is missing or has few entries is the same for another reason.
    """
    if last is None:
        return None
    of_incident = and_(
        incident.c.id == incident_id,
        incident.c.family.in_(OF_CONTENT),
        incident.c.dataset == _evidence.dataset,
        incident.c.subsystem == _evidence.subsystem,
    )
    occurs = and_(
        occurrence.c.incident_id == incident_id, occurrence.c.run == _evidence.run, occurrence.c.ls == _evidence.ls
    )
    shown = (
        select(_evidence.me, occurrence.c.elements)
        .join(incident, of_incident)
        .join(occurrence, occurs)
        .where(_evidence.run == last.run, _evidence.ls == last.ls)
        .order_by(_evidence.p_value, _evidence.me)
    )
    me = next((me for me, elements in tx.execute(shown) if me in elements), None)
    if me is None:
        return None
    query = (
        select(_evidence.run, _evidence.ls, _evidence.body)
        .join(incident, of_incident)
        .join(occurrence, occurs)
        .where(_evidence.me == me)
        .order_by(_evidence.run.desc(), _evidence.ls.desc())
        .limit(MOST_COMPARED)
    )
    bodies = [(run, ls, orjson.loads(body)) for run, ls, body in tx.execute(query)][::-1]
    pictured = [(run, ls, body) for run, ls, body in bodies if body["counts"] and None not in body["reference"]]
    if not pictured or pictured[-1][:2] != (last.run, last.ls):
        return None
    state = _state([body for _, _, body in pictured], whole_runs=last.ls == 0)
    if state is None:
        return None
    run, ls, _ = pictured[-state.length]
    return StableSince(run, ls, me, state.length, state.moved)


def _state(bodies: list[dict[str, list[float]]], *, whole_runs: bool) -> "StableState | None":
    """Of the newest histograms that have the axes of the last one."""
    import numpy as np  # noqa: PLC0415 - a list of incidents needs neither

    from dqm.core.stability import LEAST_LUMISECTIONS, LEAST_RUNS, stable_state  # noqa: PLC0415 - as above

    alike = [body for body in bodies if body["axes"] == bodies[-1]["axes"]]
    counts, references = ([np.array(body[name]) for body in alike] for name in ("counts", "reference"))
    return stable_state(counts, references, LEAST_RUNS if whole_runs else LEAST_LUMISECTIONS)
