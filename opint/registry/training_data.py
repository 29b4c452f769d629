"""Which lumisections a model is trained on: the files' good ones, corrected by what operators have said."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection

from opint.labels.label import Flag, Labels
from opint.store import feedback
from opint.store.feedback import SubsystemKey, Verdict
from streams.records import HistogramBatch


@dataclass(frozen=True, slots=True)
class OperatorFeedback:
    """Where operators have confirmed incidents and where they have called them false alarms."""

    confirmed: frozenset[SubsystemKey] = frozenset()
    disputed: frozenset[SubsystemKey] = frozenset()

    @classmethod
    def read(cls, tx: Connection) -> "OperatorFeedback":
        """All feedback of the store."""
        lumisections = (
            frozenset(feedback.lumisections(tx, verdict)) for verdict in (Verdict.TRUE, Verdict.FALSE_ALARM)
        )
        return cls(*lumisections)


@dataclass(slots=True)
class TrainingSelection:
    """Chooses batches of ``runs``, but for the subsystems in whose lumisections operators know better.

    A subsystem's lumisection in a confirmed incident is left out. One in false alarms only is put in, whether its
    run was asked for or not. Where nobody has spoken, ``runs`` decide and, if there are any, ``labels``: only what they
    call good is chosen. ``left_out`` and ``put_in`` are those that feedback has changed, ``not_good`` those that labels
    call bad or do not name, and ``bad`` the batches that they call bad: what a supervised head learns from.
    """

    runs: Container[int]
    feedback: OperatorFeedback = OperatorFeedback()
    labels: Labels | None = None
    left_out: set[SubsystemKey] = field(default_factory=set)
    put_in: set[SubsystemKey] = field(default_factory=set)
    not_good: set[SubsystemKey] = field(default_factory=set)
    bad: list[HistogramBatch] = field(default_factory=list)

    def of(self, batches: Iterable[HistogramBatch]) -> Iterator[HistogramBatch]:
        """The batches to train on."""
        return (batch for batch in batches if self._is_selected(batch))

    def _is_selected(self, batch: HistogramBatch) -> bool:
        place = (batch.dataset, batch.subsystem, batch.key)
        selected = batch.key.run in self.runs
        if place in self.feedback.confirmed:
            if selected:
                self.left_out.add(place)
            return False
        if place in self.feedback.disputed and not selected:
            self.put_in.add(place)
            return True
        flag = Flag.GOOD if self.labels is None else self.labels.flag_of(batch.key, batch.subsystem)
        if selected and flag is not Flag.GOOD:
            self.not_good.add(place)
            if flag is Flag.BAD:
                self.bad.append(batch)
            return False
        return selected
