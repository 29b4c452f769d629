"""Runs and lumisections, for reading."""

from itertools import islice

from sqlalchemy import Connection, Integer, Row, and_, case, func, select

from dqm.quality import Quality
from opint.store.tables import ls_summary, lumisection
from opint.store.views.records import Cell, Incident, Lumisection, Run, RunDetail, RunPage, Strip, SubsystemSummary
from opint.store.views.seeks import datasets, datasets_with, runs_before, subsystems

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
    items = [run_summary for run in numbers[:limit] for name in named if (run_summary := summary(tx, name, run))]
    return RunPage(items=items, next=str(numbers[limit - 1]) if len(numbers) > limit else None)


def summary(tx: Connection, dataset: str, run: int) -> Run | None:
    """One run of one dataset; None if nothing of it has come."""
    ls = lumisection.c
    query = select(func.count(), func.max(ls.ls), func.min(ls.first_seen_s), func.max(ls.updated_s)).where(
        ls.dataset == dataset, ls.run == run
    )
    number, last, first_seen, updated = tx.execute(query).one()
    if not number:
        return None
    worst = [0, 0, 0, 0]
    for quality in _worst_qualities(tx, dataset, run):
        worst[quality] += 1
    return Run(
        dataset=dataset,
        run=run,
        lumisections=number,
        last_ls=last,
        first_seen_s=first_seen,
        updated_s=updated,
        not_inspected=worst[Quality.NOT_INSPECTED],
        good=worst[Quality.GOOD],
        warning=worst[Quality.WARNING],
        bad=worst[Quality.BAD],
    )


def detail(tx: Connection, run: int, dataset: str | None) -> RunDetail | None:
    """One run in full; without ``dataset`` the first one that has this run. None if there is none."""
    having = datasets_with(tx, run)
    chosen = dataset if dataset in having else (having[0] if having and dataset is None else None)
    run_summary = None if chosen is None else summary(tx, chosen, run)
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
    row_by_key = {(row.run, row.ls): row for row in _since(tx, dataset, subsystem, keys[0])}
    return [_cell(key, row_by_key.get(key)) for key in keys]


def _since(tx: Connection, dataset: str, subsystem: str, key: tuple[int, int]) -> list[Row[tuple[object, ...]]]:
    row = ls_summary.c
    later = (row.run > key[0]) | ((row.run == key[0]) & (row.ls >= key[1]))
    # The bound on the run alone lets both databases seek in the primary key.
    query = select(ls_summary).where(row.dataset == dataset, row.subsystem == subsystem, row.run >= key[0], later)
    return list(tx.execute(query))


def _cell(key: tuple[int, int], row: Row[tuple[object, ...]] | None) -> Cell:
    if row is None:
        return Cell(run=key[0], ls=key[1], quality=Quality.NOT_INSPECTED)
    return Cell.model_validate(row)


def _worst_qualities(tx: Connection, dataset: str, run: int) -> list[int]:
    row = ls_summary.c
    worst: dict[int, int] = {}
    for subsystem in subsystems(tx, dataset):
        query = select(row.ls, row.quality).where(row.dataset == dataset, row.subsystem == subsystem, row.run == run)
        for ls, quality in tx.execute(query):
            worst[ls] = max(worst.get(ls, 0), quality)
    return list(worst.values())


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
