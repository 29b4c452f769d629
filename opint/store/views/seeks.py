"""Distinct values of an index's leading columns, by seeks instead of a scan.

``SELECT DISTINCT`` reads every row of a table that grows by thousands a day. Asking an index again and
again for the next greater value costs one seek a value, and there are few datasets and subsystems.
"""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, func, select

from opint.store.tables import ls_summary, lumisection


def datasets(tx: Connection) -> list[str]:
    """Names of all datasets with lumisections, sorted."""
    return list(_distinct(tx, lumisection.c.dataset))


def subsystems(tx: Connection, dataset: str) -> list[str]:
    """Names of all judged subsystems of a dataset, sorted."""
    return list(_distinct(tx, ls_summary.c.subsystem, ls_summary.c.dataset == dataset))


def datasets_with(tx: Connection, run: int) -> list[str]:
    """Names of the datasets that have this run, sorted."""
    return [name for name in datasets(tx) if next(runs_before(tx, name, run + 1), None) == run]


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
