"""The alarm level of each whole run, written once before its histograms are stored, and what it is learned from."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, Column, Connection, Float, Integer, Table, and_, select

from dqm.core.control import AlarmLevel
from opint.store import catalogues
from opint.store.catalogues import REAL, SMALL, unpack
from opint.store.feedback import Verdict
from opint.store.sql import insert_into
from opint.store.tables import Name, feedback, incident, ls_score, lumisection, metadata, occurrence
from streams.records import Catalogue

alarm_level = Table(
    "alarm_level",
    metadata,
    Column("dataset", Name, primary_key=True),
    Column("run", BigInteger, primary_key=True),
    Column("model_version", Name, primary_key=True),
    Column("p_value", Float, nullable=False, comment="at or below which its content alarms"),
    Column("declared", Float, nullable=False, comment="that of the budget"),
    Column("good_runs", Integer, nullable=False, comment="called good when it was chosen"),
    Column("chosen_s", Float, nullable=False, index=True),
)

_row = alarm_level.c


@dataclass(frozen=True, slots=True, eq=False)
class JudgedSubsystem:
    """One subsystem of a whole run: p-values and verdicts (:class:`dqm.core.quality.Reason`) in catalogue order."""

    subsystem: str
    catalogue: Catalogue
    p_values: npt.NDArray[np.float32]
    reasons: npt.NDArray[np.uint8]


def record(tx: Connection, dataset: str, run: int, version: str, level: AlarmLevel, now_s: float) -> None:
    """Write the level of a run down, unless one stands already."""
    values = {
        "dataset": dataset,
        "run": run,
        "model_version": version,
        "p_value": level.p_value,
        "declared": level.declared,
        "good_runs": level.good_runs,
        "chosen_s": now_s,
    }
    tx.execute(insert_into(tx, alarm_level).on_conflict_do_nothing(), values)


def load(tx: Connection, dataset: str, runs: Collection[int], version: str) -> dict[int, AlarmLevel]:
    """Those of some runs that stand, by run."""
    query = select(_row.run, _row.p_value, _row.declared, _row.good_runs)
    where = and_(_row.dataset == dataset, _row.run.in_(runs), _row.model_version == version)
    return {run: AlarmLevel(*values) for run, *values in tx.execute(query.where(where))}


def shown(tx: Connection, dataset: str, run: int) -> AlarmLevel | None:
    """The level by which a whole run was judged; None where there is none."""
    same = and_(
        lumisection.c.dataset == _row.dataset,
        lumisection.c.run == _row.run,
        lumisection.c.model_version == _row.model_version,
    )
    query = select(_row.p_value, _row.declared, _row.good_runs).join(lumisection, same)
    values = tx.execute(query.where(_row.dataset == dataset, _row.run == run)).first()
    return None if values is None else AlarmLevel(*values)


def newest(tx: Connection, version: str) -> dict[str, AlarmLevel]:
    """By dataset, the level of the run whose level was chosen last."""
    query = select(_row.dataset, _row.p_value, _row.declared, _row.good_runs).where(_row.model_version == version)
    return {dataset: AlarmLevel(*values) for dataset, *values in tx.execute(query.order_by(_row.chosen_s))}


def runs_before(tx: Connection, dataset: str, run: int, version: str, most: int) -> list[int]:
    """The latest whole runs before one that were judged by a model, ascending."""
    score = ls_score.c
    query = (
        select(score.run)
        .where(score.dataset == dataset, score.run < run, score.ls == 0, score.model_version == version)
        .where(score.verdict_reasons.is_not(None))
        .distinct()
        .order_by(score.run.desc())
        .limit(most)
    )
    return sorted(tx.scalars(query))


def verdicts(tx: Connection, dataset: str, runs: Collection[int], version: str) -> dict[int, list[JudgedSubsystem]]:
    """By run in order, what a model says of these whole runs."""
    score = ls_score.c
    query = (
        select(score.run, score.subsystem, score.catalogue, score.p_values, score.verdict_reasons)
        .where(score.dataset == dataset, score.run.in_(runs), score.ls == 0, score.model_version == version)
        .where(score.verdict_reasons.is_not(None))
        .order_by(score.run, score.subsystem)
    )
    rows = tx.execute(query).all()
    menus = catalogues.load(tx, {row.catalogue for row in rows})
    judged: dict[int, list[JudgedSubsystem]] = {}
    for row in rows:
        menu = menus[row.catalogue]
        shape = (len(menu),)
        p_values, reasons = unpack(row.p_values, REAL, shape), unpack(row.verdict_reasons, SMALL, shape)
        judged.setdefault(row.run, []).append(JudgedSubsystem(row.subsystem, menu, p_values, reasons))
    return judged


def confirmed(tx: Connection, dataset: str, runs: Collection[int]) -> set[int]:
    """Those of some whole runs with an incident that an operator called a true alarm."""
    query = (
        select(occurrence.c.run)
        .join(incident, incident.c.id == occurrence.c.incident_id)
        .join(feedback, feedback.c.incident_id == incident.c.id)
        .where(incident.c.dataset == dataset, feedback.c.verdict == Verdict.TRUE.value)
        .where(occurrence.c.ls == 0, occurrence.c.run.in_(runs))
    )
    return set(tx.scalars(query))
