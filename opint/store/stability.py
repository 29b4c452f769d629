"""Since when the state that an incident is about has not changed, from the evidence that is kept of it."""

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
CONTENT = "content"
"""The family of incidents whose histograms are there and differ from their references."""

_row = evidence.c


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
        incident.c.family == CONTENT,
        incident.c.dataset == _row.dataset,
        incident.c.subsystem == _row.subsystem,
    )
    seen = and_(occurrence.c.incident_id == incident_id, occurrence.c.run == _row.run, occurrence.c.ls == _row.ls)
    shown = (
        select(_row.me, occurrence.c.elements)
        .join(incident, of_incident)
        .join(occurrence, seen)
        .where(_row.run == last.run, _row.ls == last.ls)
        .order_by(_row.p_value, _row.me)
    )
    me = next((me for me, elements in tx.execute(shown) if me in elements), None)
    if me is None:
        return None
    query = (
        select(_row.run, _row.ls, _row.body)
        .join(incident, of_incident)
        .join(occurrence, seen)
        .where(_row.me == me)
        .order_by(_row.run.desc(), _row.ls.desc())
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
