"""People's labels of lumisections, by the source that they came from, what was settled, and the verdicts they meet."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    String,
    Table,
    Text,
    and_,
    case,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.sql.elements import ColumnElement

from dqm.core.quality import SPEAK_FOR_THEMSELVES, Quality, Reason
from opint.store.tables import BY_CURRENT, Name, ls_score, ls_summary, lumisection, metadata, serial
from streams.keys import LumisectionKey

SETTLED = "settled"
"""The source of labels that people give on the page, where they and a verdict disagree."""

label = Table(
    "label",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("source", Name, nullable=False, comment="name given at the import; 'settled' for what was decided here"),
    Column("run", BigInteger, nullable=False, index=True),
    Column("first_ls", BigInteger, nullable=False),
    Column("last_ls", BigInteger, nullable=False, comment="2^53 for all that follow"),
    Column("subsystem", Name, nullable=False, comment="empty: all of the detector"),
    Column("flag", String, nullable=False, comment="good or bad"),
    Column("cause", Text, nullable=False),
    Column("actor", String, nullable=False),
    Column("at_s", Float, nullable=False),
)

_row = label.c


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """A row: who labelled what, when (s since 1970)."""

    run: int
    first_ls: int
    last_ls: int
    subsystem: str
    flag: str
    cause: str
    actor: str
    at_s: float


@dataclass(frozen=True, slots=True)
class LabelSource:
    """One source and the extent of its labels."""

    name: str
    labels: int
    bad: int
    first_run: int
    last_run: int
    at_s: float


def replace(tx: Connection, source: str, rows: Iterable[StoredLabel]) -> None:
    """Store a source's labels in place of its earlier ones."""
    tx.execute(delete(label).where(_row.source == source))
    add(tx, source, rows)


def add(tx: Connection, source: str, rows: Iterable[StoredLabel]) -> None:
    """Store labels beside those that a source has."""
    values = [{"source": source} | {name: getattr(row, name) for name in StoredLabel.__slots__} for row in rows]
    if values:
        tx.execute(insert(label), values)


def sources(tx: Connection) -> list[LabelSource]:
    """All sources, the newest first."""
    bad: ColumnElement[int] = func.sum(case((_row.flag == "bad", 1), else_=0))
    query = select(
        _row.source, func.count(), bad, func.min(_row.run), func.max(_row.run), func.max(_row.at_s)
    ).group_by(_row.source)
    return [LabelSource(*values) for values in tx.execute(query.order_by(func.max(_row.at_s).desc(), _row.source))]


def of_source(tx: Connection, source: str, runs: Sequence[int] | None = None) -> list[StoredLabel]:
    """The labels of a source in the order in which they were stored, of these runs only if they are given."""
    query = select(*(_row[name] for name in StoredLabel.__slots__)).where(_row.source == source).order_by(_row.id)
    if runs is not None:
        query = query.where(_row.run.in_(runs))
    return [StoredLabel(*values) for values in tx.execute(query)]


def of_runs(tx: Connection, runs: Sequence[int]) -> list[tuple[str, StoredLabel]]:
    """The labels of all sources of these runs, each with its source, in the order in which they were stored."""
    columns = (_row[name] for name in StoredLabel.__slots__)
    query = select(_row.source, *columns).where(_row.run.in_(runs)).order_by(_row.id)
    return [(source, StoredLabel(*values)) for source, *values in tx.execute(query)]


def runs_of(tx: Connection, source: str) -> set[int]:
    """The runs that a source has labelled."""
    return set(tx.execute(select(_row.run).where(_row.source == source).distinct()).scalars())


_BEYOND = 1000.0
"""More than -ln of any p-value."""


class Answer(StrEnum):
    """What a verdict means for whoever must act on it."""

    ALARM = "alarm"
    """Bad, or not inspected for a reason that raises incidents, such as missing."""
    SUSPECT = "suspect"
    GOOD = "GOOD"
    NOT_INSPECTED = "not inspected"


WORST_FIRST = (Answer.ALARM, Answer.SUSPECT, Answer.NOT_INSPECTED, Answer.GOOD)
"""A lumisection is as good as its worst subsystem, and what nobody looked at is not good."""


@dataclass(frozen=True, slots=True)
class VerdictSummary:
    """The verdict on one subsystem in one lumisection.

    ``reason`` is the most frequent one among the monitoring elements of that quality; ``p_value`` that of the
    subsystem, None where nothing was inspected.
    """

    dataset: str
    subsystem: str
    key: LumisectionKey
    quality: Quality
    reason: Reason
    p_value: float | None

    @property
    def answer(self) -> Answer:
        """What it means."""
        if self.quality is Quality.BAD or (self.quality is Quality.NOT_INSPECTED and self.reason.alarms):
            return Answer.ALARM
        return {Quality.WARNING: Answer.SUSPECT, Quality.GOOD: Answer.GOOD}.get(self.quality, Answer.NOT_INSPECTED)

    @property
    def surprise(self) -> float:
        """-ln of the p-value; above all others for an alarm that needs none, NaN where nothing is known."""
        certain = self.answer is Answer.ALARM and self.reason in SPEAK_FOR_THEMSELVES
        if self.p_value is not None and not certain:
            return -math.log(max(self.p_value, 1e-300))
        return _BEYOND if self.answer is Answer.ALARM else math.nan


def read_verdicts(tx: Connection, runs: Iterable[int]) -> Iterator[VerdictSummary]:
    """Verdicts on all subsystems of closed lumisections of these runs, run by run."""
    row, score = ls_summary.c, ls_score.c
    same = and_(
        score.dataset == row.dataset,
        score.run == row.run,
        score.ls == row.ls,
        score.subsystem == row.subsystem,
    )
    query = (
        select(
            row.dataset,
            row.subsystem,
            row.run,
            row.ls,
            row.quality,
            row.p_value,
            score.verdict_qualities,
            score.verdict_reasons,
        )
        .select_from(ls_summary.join(ls_score, same).join(lumisection, BY_CURRENT))
        .where(score.verdict_qualities.is_not(None))
        .order_by(row.ls, row.dataset, row.subsystem)
    )
    for run in runs:
        for dataset, subsystem, _, ls, quality, p_value, qualities, reasons in tx.execute(query.where(row.run == run)):
            of_elements = zip(qualities, reasons, strict=True)
            (reason, _), *_ = Counter(r for q, r in of_elements if q == quality).most_common(1) or [
                (Reason.NO_MODEL, 0)
            ]
            yield VerdictSummary(dataset, subsystem, LumisectionKey(run, ls), Quality(quality), Reason(reason), p_value)
