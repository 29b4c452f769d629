"""Certificates: lumisections put together to ranges, with reasons and with the luminosity lost. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from opint.certification.rules import Cause, LumisectionFacts, Objection, objections, weightiest_first

LUMI_UNIT = "1/pb"

Range = tuple[int, int]
"""First and last lumisection, both included."""


@dataclass(frozen=True, slots=True)
class Luminosity:
    """Recorded luminosity (1/pb) of some lumisections; ``unknown`` is how many of them do not say theirs."""

    recorded: float = 0.0
    unknown: int = 0

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Luminosity":
        """The sum of what is known."""
        known = list(values)
        return cls(sum(one for one in known if one is not None), sum(one is None for one in known))


@dataclass(frozen=True, slots=True)
class Excluded:
    """A range that is not certified, with everything that speaks against all of its lumisections."""

    first: int
    last: int
    why: tuple[Objection, ...]
    lost: Luminosity

    @property
    def lumisections(self) -> int:
        """How many."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Inspected:
    """The smallest share of monitoring elements inspected in what is certified, and where that was."""

    share: float
    subsystem: str
    ls: int


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is good of one run of one dataset.

    ``good`` and ``excluded`` cover lumisections 1 to the last that has come, each once. ``whole_run`` is what
    histograms of the whole run say against all of them. ``warnings`` counts certified lumisections with a
    monitoring element that is only suspect. ``lost_by_cause`` counts each lumisection for its weightiest cause.
    """

    dataset: str
    run: int
    good: tuple[Range, ...]
    excluded: tuple[Excluded, ...]
    whole_run: tuple[Objection, ...]
    recorded: Luminosity
    certified: Luminosity
    lost: Luminosity
    lost_by_cause: Mapping[str, Luminosity]
    warnings: int
    least_inspected: Inspected | None
    model_versions: tuple[str, ...]
    lumi_unit: str = LUMI_UNIT

    @property
    def lumisections(self) -> tuple[int, int]:
        """How many lumisections are certified, and how many there are."""
        certified = sum(last - first + 1 for first, last in self.good)
        return certified, certified + sum(one.lumisections for one in self.excluded)


def certify(dataset: str, run: int, facts: Sequence[LumisectionFacts], least_inspected: float) -> Certificate:
    """The certificate of a run from the facts of its lumisections, in any order."""
    required = {name for one in facts for name in one.subsystems}
    of_whole_run = next((_of_whole_run(one, required) for one in facts if one.ls == 0), ())
    known = {one.ls: one for one in facts if one.ls > 0}
    every = [known.get(ls, LumisectionFacts(ls)) for ls in range(1, max(known, default=0) + 1)]
    against = {
        one.ls: weightiest_first(of_whole_run + objections(one, required, least_inspected))
        if one.ls in known
        else (Objection(Cause.NOT_RECEIVED),)
        for one in every
    }
    good = [one for one in every if not against[one.ls]]
    bad = [one for one in every if against[one.ls]]
    return Certificate(
        dataset=dataset,
        run=run,
        good=ranges(one.ls for one in good),
        excluded=_excluded(bad, against),
        whole_run=of_whole_run,
        recorded=_luminosity(every),
        certified=_luminosity(good),
        lost=_luminosity(bad),
        lost_by_cause=_by_cause(bad, against),
        warnings=sum(any(counts.warning for counts in one.subsystems.values()) for one in good),
        least_inspected=_least_inspected(good),
        model_versions=tuple(sorted({one.model_version for one in known.values() if one.closed})),
    )


def ranges(lumisections: Iterable[int]) -> tuple[Range, ...]:
    """Ascending lumisections as ranges of consecutive ones."""
    found: list[Range] = []
    for ls in lumisections:
        if found and found[-1][1] == ls - 1:
            found[-1] = (found[-1][0], ls)
        else:
            found.append((ls, ls))
    return tuple(found)


def good_runs(certificates: Iterable[Certificate]) -> dict[str, list[list[int]]]:
    """Good-run JSON: by run number, the inclusive ranges ``[[59, 84], ...]``; runs without any are left out."""
    return {str(one.run): [list(part) for part in one.good] for one in certificates if one.good}


def _of_whole_run(facts: LumisectionFacts, required: set[str]) -> tuple[Objection, ...]:
    """What whole-run histograms show to be wrong; what they do not show, lumisections may."""
    found = objections(facts, required & facts.subsystems.keys(), 0.0)
    told = (one for one in found if one.cause in {Cause.INCIDENT, Cause.BAD})
    return tuple(Objection(one.cause, f"{one.where} (whole run)", one.incidents) for one in told)


def _excluded(bad: Sequence[LumisectionFacts], against: Mapping[int, tuple[Objection, ...]]) -> tuple[Excluded, ...]:
    found = []
    for why, some in groupby(bad, key=lambda one: against[one.ls]):
        together = list(some)
        by_ls = {one.ls: one.recorded_lumi for one in together}
        found += [
            Excluded(first, last, why, Luminosity.of(by_ls[ls] for ls in range(first, last + 1)))
            for first, last in ranges(by_ls)
        ]
    return tuple(found)


def _by_cause(bad: Sequence[LumisectionFacts], against: Mapping[int, tuple[Objection, ...]]) -> dict[str, Luminosity]:
    values: dict[Cause, list[float | None]] = defaultdict(list)
    for one in bad:
        values[against[one.ls][0].cause].append(one.recorded_lumi)
    return {cause.value: Luminosity.of(values[cause]) for cause in Cause if cause in values}


def _luminosity(some: Iterable[LumisectionFacts]) -> Luminosity:
    return Luminosity.of(one.recorded_lumi for one in some)


def _least_inspected(good: Iterable[LumisectionFacts]) -> Inspected | None:
    shares = [Inspected(counts.inspected, name, one.ls) for one in good for name, counts in one.subsystems.items()]
    return min(shares, key=lambda one: one.share, default=None)
