"""A model in shadow against the one that judged, lumisection by lumisection. Reading apart, all is pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, and_, select

from dqm.core.quality import Quality
from opint.registry.training_data import OperatorFeedback
from opint.store.feedback import SubsystemKey
from opint.store.tables import ls_summary, lumisection, shadow_summary
from streams.records import LumisectionKey


@dataclass(frozen=True, slots=True)
class ModelVerdict:
    """One model's verdict on a subsystem in a lumisection; ``flagged`` is how many of its elements are bad."""

    quality: Quality
    flagged: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Both verdicts on one subsystem in one lumisection."""

    dataset: str
    subsystem: str
    key: LumisectionKey
    current: ModelVerdict
    shadow: ModelVerdict

    @property
    def place(self) -> SubsystemKey:
        """Where it is, as operators' words are kept."""
        return self.dataset, self.subsystem, self.key

    @property
    def differs(self) -> bool:
        """Whether the two qualities are not the same."""
        return self.current.quality is not self.shadow.quality


@dataclass(frozen=True, slots=True)
class DifferingStretch:
    """Lumisections ``first`` to ``last`` of one run, all judged differently, and alike among themselves.

    ``flagged`` of each side is the largest in the stretch.
    """

    dataset: str
    subsystem: str
    run: int
    first: int
    last: int
    current: ModelVerdict
    shadow: ModelVerdict


@dataclass(frozen=True, slots=True)
class FlaggedRates:
    """How two models judged the same ``lumisections`` of one subsystem; counts of lumisections.

    ``both_bad`` + ``only_current`` are those that the current model called bad, ``both_bad`` + ``only_shadow`` those
    that the shadow did. Of elements, ``flagged_current`` and ``flagged_shadow`` are means per lumisection.
    """

    subsystem: str
    lumisections: int
    both_bad: int
    only_current: int
    only_shadow: int
    warnings: tuple[int, int]
    not_inspected: tuple[int, int]
    flagged_current: float
    flagged_shadow: float


@dataclass(frozen=True, slots=True)
class FeedbackAgreement:
    """Of ``lumisections`` in incidents with one kind of operator's verdict, how many each model calls bad."""

    lumisections: int
    current: int
    shadow: int


def read_pairs(tx: Connection, current: str, shadow: str, runs: range) -> list[Pair]:
    """All pairs of verdicts of two model versions in these runs, in the order of dataset, run, LS and subsystem."""
    head, now, in_shadow = lumisection.c, ls_summary.c, shadow_summary.c
    same = and_(
        now.dataset == in_shadow.dataset,
        now.subsystem == in_shadow.subsystem,
        now.run == in_shadow.run,
        now.ls == in_shadow.ls,
    )
    judged = and_(head.dataset == in_shadow.dataset, head.run == in_shadow.run, head.ls == in_shadow.ls)
    query = (
        select(
            in_shadow.dataset,
            in_shadow.subsystem,
            in_shadow.run,
            in_shadow.ls,
            now.quality,
            now.bad,
            in_shadow.quality,
            in_shadow.bad,
        )
        .join(ls_summary, same)
        .join(lumisection, judged)
        .where(in_shadow.model_version == shadow, head.model_version == current)
        .where(in_shadow.run >= runs.start, in_shadow.run < runs.stop)
        .order_by(in_shadow.dataset, in_shadow.run, in_shadow.ls, in_shadow.subsystem)
    )
    return [
        Pair(
            dataset,
            subsystem,
            LumisectionKey(run, ls),
            ModelVerdict(Quality(q), bad),
            ModelVerdict(Quality(other), other_bad),
        )
        for dataset, subsystem, run, ls, q, bad, other, other_bad in tx.execute(query)
    ]


def rates(pairs: Sequence[Pair]) -> list[FlaggedRates]:
    """Rates by subsystem, in the order of their names."""
    return [
        _rates(name, [pair for pair in pairs if pair.subsystem == name])
        for name in sorted({pair.subsystem for pair in pairs})
    ]


def stretches(pairs: Iterable[Pair]) -> list[DifferingStretch]:
    """Those judged differently, in the order of the runs they are in, put together where they follow each other."""
    merged: list[DifferingStretch] = []
    differing = [pair for pair in pairs if pair.differs]
    for pair in sorted(differing, key=lambda pair: (pair.dataset, pair.key.run, pair.subsystem, pair.key.ls)):
        before = merged[-1] if merged else None
        if before is not None and _goes_on(before, pair):
            sides = (_larger(before.current, pair.current), _larger(before.shadow, pair.shadow))
            merged[-1] = replace(before, last=pair.key.ls, current=sides[0], shadow=sides[1])
        else:
            ls = pair.key.ls
            merged.append(
                DifferingStretch(pair.dataset, pair.subsystem, pair.key.run, ls, ls, pair.current, pair.shadow)
            )
    return sorted(merged, key=lambda stretch: (stretch.run, stretch.first))


def agreement(
    pairs: Iterable[Pair], operator_feedback: OperatorFeedback
) -> tuple[FeedbackAgreement, FeedbackAgreement]:
    """How both models judge what operators have confirmed, and what they have called false alarms."""
    compared = list(pairs)
    return _agreement(compared, operator_feedback.confirmed), _agreement(
        compared, operator_feedback.disputed - operator_feedback.confirmed
    )


def _goes_on(stretch: DifferingStretch, pair: Pair) -> bool:
    place = (stretch.dataset, stretch.subsystem, stretch.run, stretch.last + 1)
    alike = stretch.current.quality is pair.current.quality and stretch.shadow.quality is pair.shadow.quality
    return alike and place == (pair.dataset, pair.subsystem, pair.key.run, pair.key.ls)


def _larger(current: ModelVerdict, other: ModelVerdict) -> ModelVerdict:
    return ModelVerdict(current.quality, max(current.flagged, other.flagged))


def _rates(name: str, pairs: Sequence[Pair]) -> FlaggedRates:
    bad = [(pair.current.quality is Quality.BAD, pair.shadow.quality is Quality.BAD) for pair in pairs]
    return FlaggedRates(
        subsystem=name,
        lumisections=len(pairs),
        both_bad=bad.count((True, True)),
        only_current=bad.count((True, False)),
        only_shadow=bad.count((False, True)),
        warnings=_counts(pairs, Quality.WARNING),
        not_inspected=_counts(pairs, Quality.NOT_INSPECTED),
        flagged_current=sum(pair.current.flagged for pair in pairs) / len(pairs),
        flagged_shadow=sum(pair.shadow.flagged for pair in pairs) / len(pairs),
    )


def _counts(pairs: Sequence[Pair], quality: Quality) -> tuple[int, int]:
    return sum(pair.current.quality is quality for pair in pairs), sum(pair.shadow.quality is quality for pair in pairs)


def _agreement(pairs: Iterable[Pair], places: Collection[SubsystemKey]) -> FeedbackAgreement:
    judged = [pair for pair in pairs if pair.place in places]
    return FeedbackAgreement(
        len(judged),
        sum(pair.current.quality is Quality.BAD for pair in judged),
        sum(pair.shadow.quality is Quality.BAD for pair in judged),
    )
