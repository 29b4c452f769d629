"""A model in shadow against the one that judged, lumisection by lumisection. Reading apart, all is pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, and_, select

from dqm.quality import Quality
from opint.registry.training_data import OperatorFeedback
from opint.store.feedback import SubsystemKey
from opint.store.tables import ls_summary, lumisection, shadow_summary
from streams.records import LumisectionKey


@dataclass(frozen=True, slots=True)
class Side:
    """One model's verdict on a subsystem in a lumisection; ``flagged`` is how many of its elements are bad."""

    quality: Quality
    flagged: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Both verdicts on one subsystem in one lumisection."""

    dataset: str
    subsystem: str
    key: LumisectionKey
    current: Side
    shadow: Side

    @property
    def place(self) -> SubsystemKey:
        """Where it is, as operators' words are kept."""
        return self.dataset, self.subsystem, self.key

    @property
    def differs(self) -> bool:
        """Whether the two qualities are not the same."""
        return self.current.quality is not self.shadow.quality


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lumisections ``first`` to ``last`` of one run, all judged differently, and alike among themselves.

    ``flagged`` of each side is the largest in the stretch.
    """

    dataset: str
    subsystem: str
    run: int
    first: int
    last: int
    current: Side
    shadow: Side


@dataclass(frozen=True, slots=True)
class Rates:
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
class Agreement:
    """Of ``lumisections`` in incidents with one kind of operator's verdict, how many each model calls bad."""

    lumisections: int
    current: int
    shadow: int


def read_pairs(tx: Connection, current: str, shadow: str, runs: range) -> list[Pair]:
    """All pairs of verdicts of two model versions in these runs, in the order of dataset, run, LS and subsystem."""
    head, now, beside = lumisection.c, ls_summary.c, shadow_summary.c
    same = and_(
        now.dataset == beside.dataset, now.subsystem == beside.subsystem, now.run == beside.run, now.ls == beside.ls
    )
    judged = and_(head.dataset == beside.dataset, head.run == beside.run, head.ls == beside.ls)
    query = (
        select(
            beside.dataset, beside.subsystem, beside.run, beside.ls, now.quality, now.bad, beside.quality, beside.bad
        )
        .join(ls_summary, same)
        .join(lumisection, judged)
        .where(beside.model_version == shadow, head.model_version == current)
        .where(beside.run >= runs.start, beside.run < runs.stop)
        .order_by(beside.dataset, beside.run, beside.ls, beside.subsystem)
    )
    return [
        Pair(dataset, subsystem, LumisectionKey(run, ls), Side(Quality(q), bad), Side(Quality(other), other_bad))
        for dataset, subsystem, run, ls, q, bad, other, other_bad in tx.execute(query)
    ]


def rates(pairs: Sequence[Pair]) -> list[Rates]:
    """Rates by subsystem, in the order of their names."""
    return [
        _rates(name, [one for one in pairs if one.subsystem == name])
        for name in sorted({one.subsystem for one in pairs})
    ]


def stretches(pairs: Iterable[Pair]) -> list[Stretch]:
    """Those judged differently, in the order of the runs they are in, put together where they follow each other."""
    found: list[Stretch] = []
    differing = [one for one in pairs if one.differs]
    for one in sorted(differing, key=lambda pair: (pair.dataset, pair.key.run, pair.subsystem, pair.key.ls)):
        before = found[-1] if found else None
        if before is not None and _goes_on(before, one):
            sides = (_larger(before.current, one.current), _larger(before.shadow, one.shadow))
            found[-1] = replace(before, last=one.key.ls, current=sides[0], shadow=sides[1])
        else:
            ls = one.key.ls
            found.append(Stretch(one.dataset, one.subsystem, one.key.run, ls, ls, one.current, one.shadow))
    return sorted(found, key=lambda stretch: (stretch.run, stretch.first))


def agreement(pairs: Iterable[Pair], words: OperatorFeedback) -> tuple[Agreement, Agreement]:
    """How both models judge what operators have confirmed, and what they have called false alarms."""
    known = list(pairs)
    return _agreement(known, words.confirmed), _agreement(known, words.disputed - words.confirmed)


def _goes_on(stretch: Stretch, pair: Pair) -> bool:
    place = (stretch.dataset, stretch.subsystem, stretch.run, stretch.last + 1)
    alike = stretch.current.quality is pair.current.quality and stretch.shadow.quality is pair.shadow.quality
    return alike and place == (pair.dataset, pair.subsystem, pair.key.run, pair.key.ls)


def _larger(one: Side, other: Side) -> Side:
    return Side(one.quality, max(one.flagged, other.flagged))


def _rates(name: str, pairs: Sequence[Pair]) -> Rates:
    bad = [(one.current.quality is Quality.BAD, one.shadow.quality is Quality.BAD) for one in pairs]
    return Rates(
        subsystem=name,
        lumisections=len(pairs),
        both_bad=bad.count((True, True)),
        only_current=bad.count((True, False)),
        only_shadow=bad.count((False, True)),
        warnings=_counts(pairs, Quality.WARNING),
        not_inspected=_counts(pairs, Quality.NOT_INSPECTED),
        flagged_current=sum(one.current.flagged for one in pairs) / len(pairs),
        flagged_shadow=sum(one.shadow.flagged for one in pairs) / len(pairs),
    )


def _counts(pairs: Sequence[Pair], quality: Quality) -> tuple[int, int]:
    return sum(one.current.quality is quality for one in pairs), sum(one.shadow.quality is quality for one in pairs)


def _agreement(pairs: Iterable[Pair], places: Collection[SubsystemKey]) -> Agreement:
    mine = [one for one in pairs if one.place in places]
    return Agreement(
        len(mine),
        sum(one.current.quality is Quality.BAD for one in mine),
        sum(one.shadow.quality is Quality.BAD for one in mine),
    )
