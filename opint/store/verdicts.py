"""Verdicts as labels are held against: one for each subsystem in each lumisection."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, and_, select

from dqm.core.quality import SPEAK_FOR_THEMSELVES, Quality, Reason
from opint.store.sql import BY_CURRENT
from opint.store.tables import ls_score, ls_summary, lumisection
from streams.keys import LumisectionKey

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
class SubsystemVerdict:
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


def read_verdicts(tx: Connection, runs: Iterable[int]) -> Iterator[SubsystemVerdict]:
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
            yield SubsystemVerdict(
                dataset, subsystem, LumisectionKey(run, ls), Quality(quality), Reason(reason), p_value
            )
