"""Since when the state that an incident is about has not changed, from the evidence that is kept of it."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import orjson
from pydantic import Field
from sqlalchemy import Connection, and_, select

from opint.store.tables import evidence, incident, occurrence
from streams.keys import LumisectionKey

if TYPE_CHECKING:
    from dqm.core.stability import StableState

MOST_COMPARED = 64
"""Newest lumisections of an incident that are compared."""


@dataclass(frozen=True, slots=True)
class StableSince:
    """The monitoring element ``me`` has looked alike in ``lumisections`` since run and LS."""

    run: int
    ls: int
    me: str
    lumisections: int
    moved: Annotated[bool, Field(description="whether it moved as a whole, and not in a few bins")]


def stable_since(tx: Connection, incident_id: int, last: LumisectionKey | None) -> StableSince | None:
    """Of the element of which most evidence is kept; None where its newest lumisections do not agree.

    ``last`` is the incident's last occurrence.
    """
    if last is None:
        return None
    places = (
        select(occurrence.c.run, occurrence.c.ls)
        .where(occurrence.c.incident_id == incident_id)
        .order_by(occurrence.c.run.desc(), occurrence.c.ls.desc())
        .limit(MOST_COMPARED)
        .subquery()
    )
    row = evidence.c
    query = (
        select(row.run, row.ls, row.me, row.body, occurrence.c.elements)
        .join(places, and_(places.c.run == row.run, places.c.ls == row.ls))
        .join(incident, and_(incident.c.dataset == row.dataset, incident.c.subsystem == row.subsystem))
        .join(
            occurrence,
            and_(occurrence.c.incident_id == incident.c.id, occurrence.c.run == row.run, occurrence.c.ls == row.ls),
        )
        .where(incident.c.id == incident_id)
        .order_by(row.run, row.ls)
    )
    kept = [shown for shown in tx.execute(query) if shown.me in shown.elements]
    if not kept:
        return None
    me = Counter(shown.me for shown in kept).most_common(1)[0][0]
    bodies = [(shown.run, shown.ls, orjson.loads(shown.body)) for shown in kept if shown.me == me]
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
