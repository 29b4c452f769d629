"""What people say of lumisections: good or bad for physics. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from conf.errors import NightshiftError
from streams.keys import LumisectionKey

MOST_NUMBER = 2**53
"""Greatest run or lumisection of a label: what every reader of JSON holds exactly."""

WHOLE_RUN = (0, MOST_NUMBER)
"""First and last lumisection of a label of a whole run; 0 are the histograms of the run as such."""


class LabelError(NightshiftError):
    """A label cannot be read."""


class Flag(StrEnum):
    """A person's judgement; the words are stored."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True, order=True)
class Label:
    """A flag for lumisections ``first`` to ``last`` of a run, both included; ``WHOLE_RUN`` for all of them.

    An empty ``subsystem`` means all of the detector. ``cause`` is what people wrote beside a bad flag.
    """

    run: int
    first: int
    last: int
    flag: Flag
    subsystem: str = ""
    cause: str = ""

    def __post_init__(self) -> None:
        """Refuse numbers out of range; raises LabelError."""
        if not 0 < self.run <= MOST_NUMBER:
            raise LabelError(f"run is {self.run}; it must lie between 1 and 2^53")
        if not 0 <= self.first <= self.last <= MOST_NUMBER:
            raise LabelError(f"lumisections {self.first} to {self.last} of run {self.run} are no range")


class Labels:
    """Labels of one source, by run. Where several overlap, a bad one counts."""

    def __init__(self, labels: Iterable[Label]) -> None:
        """Index the labels."""
        self._by_run: dict[tuple[int, str], list[Label]] = defaultdict(list)
        for label in labels:
            self._by_run[label.run, label.subsystem].append(label)

    def __iter__(self) -> Iterator[Label]:
        """All labels, in order."""
        return iter(sorted(label for group in self._by_run.values() for label in group))

    def __len__(self) -> int:
        """How many there are."""
        return sum(map(len, self._by_run.values()))

    @property
    def runs(self) -> list[int]:
        """Labelled runs, ascending."""
        return sorted({run for run, _ in self._by_run})

    @property
    def subsystems(self) -> list[str]:
        """Labelled subsystems, sorted; an empty name stands for all of the detector."""
        return sorted({subsystem for _, subsystem in self._by_run})

    def at(self, key: LumisectionKey, subsystem: str) -> Label | None:
        """The label of exactly this subsystem (or, if it is empty, of all) in a lumisection; None without one."""
        covering = [
            label for label in self._by_run.get((key.run, subsystem), ()) if label.first <= key.ls <= label.last
        ]
        return min(covering, key=lambda label: (label.flag is not Flag.BAD, label.cause == ""), default=None)

    def flag_of(self, key: LumisectionKey, subsystem: str) -> Flag | None:
        """The flag of a subsystem in a lumisection, by a label of its own or of all; None if nobody has labelled it."""
        labels = [label for name in {"", subsystem} if (label := self.at(key, name))]
        # A bad one counts: the word sorts before "good".
        return min((label.flag for label in labels), default=None)

    def flag_of_run(self, run: int, subsystem: str) -> Flag | None:
        """The flag of a run as a whole, as :meth:`flag_of`.

        A list of good lumisections says of a run that it lists that it is good, and of one that it lists without any
        that it is bad.
        """
        whole = self.flag_of(LumisectionKey(run, 0), subsystem)
        if whole is not None:
            return whole
        flags = {label.flag for name in ("", subsystem) for label in self._by_run.get((run, name), ())}
        # A good one counts: the word sorts behind "bad".
        return max(flags, default=None)

    def overridden(self, decisions: Iterable[Label]) -> "Labels":
        """These labels with ``decisions`` in their place where both speak of a lumisection, the later over the earlier.

        A decision on all of the detector leaves labels of single subsystems as they are.
        """
        remaining = {place: list(group) for place, group in self._by_run.items()}
        for decision in decisions:
            group = remaining.setdefault((decision.run, decision.subsystem), [])
            group[:] = [part for label in group for part in _without(label, decision)] + [decision]
        return Labels(label for group in remaining.values() for label in group)


def _without(label: Label, decision: Label) -> Iterator[Label]:
    """What is left of a label outside of the range of another."""
    if label.first < decision.first:
        yield replace(label, last=min(label.last, decision.first - 1))
    if label.last > decision.last:
        yield replace(label, first=max(label.first, decision.last + 1))


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two sources of labels on the lumisections that both have labelled.

    No verdict can agree with both on more than 1 - ``differing / lumisections``: a bound for any model. ``kappa`` is
    Cohen's (Educ. Psychol. Meas. 20 (1960) 37), 1 for full agreement and 0 for what chance gives; None where chance
    alone would agree.
    """

    lumisections: int
    differing: int
    kappa: float | None


def disagreement(labels: Labels, compared: Labels, keys: Iterable[LumisectionKey]) -> Disagreement:
    """Compare two sources in the lumisections ``keys``, subsystem by subsystem."""
    pairs = [
        (label.flag, other.flag)
        for key in keys
        for subsystem in {*labels.subsystems, *compared.subsystems}
        if (label := labels.at(key, subsystem)) and (other := compared.at(key, subsystem))
    ]
    n, differing = len(pairs), sum(pair[0] is not pair[1] for pair in pairs)
    bad = [sum(pair[side] is Flag.BAD for pair in pairs) / max(n, 1) for side in (0, 1)]
    by_chance = bad[0] * bad[1] + (1 - bad[0]) * (1 - bad[1])
    kappa = None if by_chance >= 1 or not n else ((1 - differing / n) - by_chance) / (1 - by_chance)
    return Disagreement(n, differing, kappa)
