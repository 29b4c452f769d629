"""Runs and their lumisections, as pages show them.

``SELECT DISTINCT`` reads every row of a table that grows by thousands a day. So datasets, subsystems and runs are
found by asking an index again and again for the next value: one seek each, and there are few of them.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, Connection, Integer, Row, and_, case, func, select

from dqm.core.quality import Quality
from opint.store.incident_pages import Incident
from opint.store.sql import Record
from opint.store.tables import ls_summary, lumisection


class Cell(Record):
    """One subsystem in one lumisection: its quality and how many MEs have which."""

    run: int
    ls: int
    quality: Quality = Field(description="0 not inspected, 1 good, 2 warning, 3 bad")
    p_value: float | None = None
    good: int = 0
    warning: int = 0
    bad: int = 0
    not_inspected: int = 0


class Strip(Record):
    """The newest lumisections of one subsystem, oldest first."""

    dataset: str
    subsystem: str
    cells: list[Cell]


class Lumisection(Record):
    """One lumisection and what the machine did; ``closed_s`` is null while it is being assembled."""

    dataset: str
    run: int
    ls: int
    conditions: dict[str, Any]
    model_version: str
    first_seen_s: float
    published_s: float
    updated_s: float
    closed_s: float | None
    closed_because: str
    revision: int


class LatestLumisections(Record):
    """The newest lumisections, newest first."""

    items: list[Lumisection]


class Run(Record):
    """One run of one dataset; ``bad`` and ``warning`` count lumisections whose worst subsystem is so."""

    dataset: str
    run: int
    lumisections: int
    last_ls: int
    first_seen_s: float
    updated_s: float
    good: int
    warning: int
    bad: int
    not_inspected: int


class RunPage(Record):
    """A page of runs, newest first."""

    items: list[Run]
    next: str | None


class SubsystemSummary(Record):
    """How many lumisections of a run one subsystem spent in each quality."""

    subsystem: str
    good: int
    warning: int
    bad: int
    not_inspected: int


class RunDetail(Record):
    """One run: its lumisections with conditions, oldest first, and its subsystems."""

    run: Run
    datasets: list[str] = Field(description="all datasets that have this run")
    subsystems: list[SubsystemSummary]
    lumisections: list[Lumisection]


def datasets(tx: Connection) -> list[str]:
    """Names of all datasets with lumisections, sorted."""
    return list(_distinct(tx, lumisection.c.dataset))


def subsystems(tx: Connection, dataset: str) -> list[str]:
    """Names of all judged subsystems of a dataset, sorted."""
    return list(_distinct(tx, ls_summary.c.subsystem, ls_summary.c.dataset == dataset))


def datasets_with(tx: Connection, run: int) -> list[str]:
    """Names of the datasets that have this run, sorted."""
    return [name for name in datasets(tx) if next(runs_before(tx, name, run + 1), None) == run]


def newest_among(tx: Connection, runs: Collection[int], limit: int) -> list[int]:
    """The newest of ``runs`` of which anything has come, at most ``limit``, ascending."""
    newest: set[int] = set()
    for name in datasets(tx):
        newest.update(islice((run for run in runs_before(tx, name, None) if run in runs), limit))
    return sorted(newest)[-limit:]


def runs_before(tx: Connection, dataset: str, run: int | None) -> Iterator[int]:
    """Runs of a dataset, newest first, those below ``run`` only if it is given."""
    scope = lumisection.c.dataset == dataset
    while True:
        bound = scope if run is None else scope & (lumisection.c.run < run)
        run = tx.execute(select(func.max(lumisection.c.run)).where(bound)).scalar_one()
        if run is None:
            return
        yield run


def _distinct(tx: Connection, column: ColumnElement[str], *where: ColumnElement[bool]) -> Iterator[str]:
    value = tx.execute(select(func.min(column)).where(*where)).scalar_one()
    while value is not None:
        yield value
        value = tx.execute(select(func.min(column)).where(*where, column > value)).scalar_one()


MARGIN = 10
"""Lumisections shown before and after an incident."""


def latest(tx: Connection, limit: int) -> list[Lumisection]:
    """The lumisections that changed last, newest change first."""
    query = select(lumisection).order_by(lumisection.c.updated_s.desc()).limit(limit)
    return [Lumisection.model_validate(row) for row in tx.execute(query)]


def page(tx: Connection, *, limit: int, before: int | None = None) -> RunPage:
    """Runs of all datasets, newest first; ``before`` is the run that the last page's cursor names.

    A run that several datasets have comes once for each and is never torn apart by a page's end.
    """
    named = datasets(tx)
    numbers = sorted({run for name in named for run in islice(runs_before(tx, name, before), limit + 1)}, reverse=True)
    by_dataset = {name: _summaries(tx, name, numbers[:limit]) for name in named}
    items = [by_dataset[name][run] for run in numbers[:limit] for name in named if run in by_dataset[name]]
    return RunPage(items=items, next=str(numbers[limit - 1]) if len(numbers) > limit else None)


def _summaries(tx: Connection, dataset: str, numbers: Sequence[int]) -> dict[int, Run]:
    """By number, these runs of one dataset; without those of which nothing has come."""
    ls, of_runs = lumisection.c, lumisection.c.run.in_(numbers)
    heads = select(ls.run, func.count(), func.max(ls.ls), func.min(ls.first_seen_s), func.max(ls.updated_s))
    worst = _worst_qualities(tx, dataset, numbers)
    return {
        run: Run(
            dataset=dataset,
            run=run,
            lumisections=number,
            last_ls=last,
            first_seen_s=first_seen,
            updated_s=updated,
            not_inspected=worst[run, Quality.NOT_INSPECTED],
            good=worst[run, Quality.GOOD],
            warning=worst[run, Quality.WARNING],
            bad=worst[run, Quality.BAD],
        )
        for run, number, last, first_seen, updated in tx.execute(
            heads.where(ls.dataset == dataset, of_runs).group_by(ls.run)
        )
    }


def detail(tx: Connection, run: int, dataset: str | None) -> RunDetail | None:
    """One run in full; without ``dataset`` the first one that has this run. None if there is none."""
    having = datasets_with(tx, run)
    chosen = dataset if dataset in having else (having[0] if having and dataset is None else None)
    run_summary = None if chosen is None else _summaries(tx, chosen, [run]).get(run)
    if chosen is None or run_summary is None:
        return None
    return RunDetail(
        run=run_summary,
        datasets=having,
        subsystems=_subsystem_summaries(tx, chosen, run),
        lumisections=_lumisections(tx, chosen, run),
    )


def strips(tx: Connection, length: int) -> list[Strip]:
    """For each subsystem of each dataset, its newest ``length`` lumisections, oldest first.

    All strips of a dataset have the same columns: a lumisection for which a subsystem has no verdict
    yet is a NOT_INSPECTED cell, so that silence shows.
    """
    return [strip for name in datasets(tx) for strip in _strips_of(tx, name, length)]


def around(tx: Connection, incident: Incident, length: int) -> list[Cell]:
    """The subsystem's lumisections from shortly before an incident to shortly after it, oldest first.

    At most ``length``, the newest; empty for an incident that belongs to no lumisection.
    """
    if incident.first_run is None or incident.first_ls is None or incident.last_run is None or incident.last_ls is None:
        return []
    begin = (incident.first_run, max(0, incident.first_ls - MARGIN))
    end = (incident.last_run, incident.last_ls + MARGIN)
    row = lumisection.c
    query = (
        select(row.run, row.ls)
        .where(row.dataset == incident.dataset, row.run >= begin[0], row.run <= end[0])
        .where((row.run > begin[0]) | (row.ls >= begin[1]), (row.run < end[0]) | (row.ls <= end[1]))
        .order_by(row.run.desc(), row.ls.desc())
        .limit(length)
    )
    keys = [(run, ls) for run, ls in tx.execute(query)][::-1]
    return _cells(tx, incident.dataset, incident.subsystem, keys)


def _strips_of(tx: Connection, dataset: str, length: int) -> list[Strip]:
    newest = (
        select(lumisection.c.run, lumisection.c.ls)
        .where(lumisection.c.dataset == dataset)
        .order_by(lumisection.c.run.desc(), lumisection.c.ls.desc())
        .limit(length)
    )
    keys = [(run, ls) for run, ls in tx.execute(newest)][::-1]
    return [
        Strip(dataset=dataset, subsystem=subsystem, cells=_cells(tx, dataset, subsystem, keys))
        for subsystem in subsystems(tx, dataset)
    ]


def _cells(tx: Connection, dataset: str, subsystem: str, keys: list[tuple[int, int]]) -> list[Cell]:
    """One cell for each lumisection of ``keys``, which are sorted."""
    if not keys:
        return []
    row_by_key = {(row.run, row.ls): row for row in _between(tx, dataset, subsystem, keys[0], keys[-1])}
    return [_cell(key, row_by_key.get(key)) for key in keys]


def _between(
    tx: Connection, dataset: str, subsystem: str, first: tuple[int, int], last: tuple[int, int]
) -> list[Row[tuple[object, ...]]]:
    row = ls_summary.c
    later = (row.run > first[0]) | (row.ls >= first[1])
    earlier = (row.run < last[0]) | (row.ls <= last[1])
    # The bounds on the run alone let both databases seek in the primary key.
    runs = (row.run >= first[0]) & (row.run <= last[0])
    query = select(ls_summary).where(row.dataset == dataset, row.subsystem == subsystem, runs, later, earlier)
    return list(tx.execute(query))


def _cell(key: tuple[int, int], row: Row[tuple[object, ...]] | None) -> Cell:
    if row is None:
        return Cell(run=key[0], ls=key[1], quality=Quality.NOT_INSPECTED)
    return Cell.model_validate(row)


def _worst_qualities(tx: Connection, dataset: str, numbers: Sequence[int]) -> Counter[tuple[int, int]]:
    """How many lumisections of each run have each quality as the worst of their subsystems."""
    row = ls_summary.c
    worst = (
        select(row.run, func.max(row.quality).label("quality"))
        # With the names of all subsystems both databases seek in the key; without them they scan.
        .where(row.dataset == dataset, row.subsystem.in_(subsystems(tx, dataset)), row.run.in_(numbers))
        .group_by(row.run, row.ls)
        .subquery()
    )
    counts = select(worst.c.run, worst.c.quality, func.count()).group_by(worst.c.run, worst.c.quality)
    return Counter({(run, quality): number for run, quality, number in tx.execute(counts)})


def _subsystem_summaries(tx: Connection, dataset: str, run: int) -> list[SubsystemSummary]:
    row = ls_summary.c
    of = {quality: func.sum(case((row.quality == int(quality), 1), else_=0), type_=Integer) for quality in Quality}
    cells = []
    for subsystem in subsystems(tx, dataset):
        query = select(of[Quality.GOOD], of[Quality.WARNING], of[Quality.BAD], of[Quality.NOT_INSPECTED]).where(
            and_(row.dataset == dataset, row.subsystem == subsystem, row.run == run)
        )
        good, warning, bad, unseen = tx.execute(query).one()
        if good is not None:
            cells.append(
                SubsystemSummary(subsystem=subsystem, good=good, warning=warning, bad=bad, not_inspected=unseen)
            )
    return cells


def _lumisections(tx: Connection, dataset: str, run: int) -> list[Lumisection]:
    row = lumisection.c
    query = select(lumisection).where(row.dataset == dataset, row.run == run).order_by(row.ls)
    return [Lumisection.model_validate(row) for row in tx.execute(query)]
