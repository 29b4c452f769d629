"""Certificates: lumisections put together to ranges, with reasons and with the luminosity lost. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from opint.certification.rules import LumisectionFacts, Objection, ObjectionCause, objections, weightiest_first

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
        recorded = list(values)
        return cls(sum(lumi for lumi in recorded if lumi is not None), sum(lumi is None for lumi in recorded))


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
        return certified, certified + sum(excluded.lumisections for excluded in self.excluded)


def certify(dataset: str, run: int, facts: Sequence[LumisectionFacts], least_inspected: float) -> Certificate:
    """The certificate of a run from the facts of its lumisections, in any order."""
    required = {name for lumisection in facts for name in lumisection.subsystems}
    of_whole_run = next((_of_whole_run(lumisection, required) for lumisection in facts if lumisection.ls == 0), ())
    received = {lumisection.ls: lumisection for lumisection in facts if lumisection.ls > 0}
    every = [received.get(ls, LumisectionFacts(ls)) for ls in range(1, max(received, default=0) + 1)]
    against = {
        lumisection.ls: weightiest_first(of_whole_run + objections(lumisection, required, least_inspected))
        if lumisection.ls in received
        else (Objection(ObjectionCause.NOT_RECEIVED),)
        for lumisection in every
    }
    good = [lumisection for lumisection in every if not against[lumisection.ls]]
    bad = [lumisection for lumisection in every if against[lumisection.ls]]
    return Certificate(
        dataset=dataset,
        run=run,
        good=ranges(lumisection.ls for lumisection in good),
        excluded=_excluded(bad, against),
        whole_run=of_whole_run,
        recorded=_luminosity(every),
        certified=_luminosity(good),
        lost=_luminosity(bad),
        lost_by_cause=_by_cause(bad, against),
        warnings=sum(any(counts.warning for counts in lumisection.subsystems.values()) for lumisection in good),
        least_inspected=_least_inspected(good),
        model_versions=tuple(
            sorted({lumisection.model_version for lumisection in received.values() if lumisection.closed})
        ),
    )


def ranges(lumisections: Iterable[int]) -> tuple[Range, ...]:
    """Ascending lumisections as ranges of consecutive ones."""
    consecutive: list[Range] = []
    for ls in lumisections:
        if consecutive and consecutive[-1][1] == ls - 1:
            consecutive[-1] = (consecutive[-1][0], ls)
        else:
            consecutive.append((ls, ls))
    return tuple(consecutive)


def good_runs(certificates: Iterable[Certificate]) -> dict[str, list[list[int]]]:
    """Good-run JSON: by run number, the inclusive ranges ``[[59, 84], ...]``; runs without any are left out."""
    return {
        str(certificate.run): [list(part) for part in certificate.good]
        for certificate in certificates
        if certificate.good
    }


def _of_whole_run(facts: LumisectionFacts, required: set[str]) -> tuple[Objection, ...]:
    """What whole-run histograms show to be wrong; what they do not show, lumisections may."""
    every = objections(facts, required & facts.subsystems.keys(), 0.0)
    shown = (objection for objection in every if objection.cause in {ObjectionCause.INCIDENT, ObjectionCause.BAD})
    return tuple(
        Objection(objection.cause, f"{objection.where} (whole run)", objection.incidents) for objection in shown
    )


def _excluded(bad: Sequence[LumisectionFacts], against: Mapping[int, tuple[Objection, ...]]) -> tuple[Excluded, ...]:
    excluded = []
    for why, group in groupby(bad, key=lambda lumisection: against[lumisection.ls]):
        together = list(group)
        by_ls = {lumisection.ls: lumisection.recorded_lumi for lumisection in together}
        excluded += [
            Excluded(first, last, why, Luminosity.of(by_ls[ls] for ls in range(first, last + 1)))
            for first, last in ranges(by_ls)
        ]
    return tuple(excluded)


def _by_cause(bad: Sequence[LumisectionFacts], against: Mapping[int, tuple[Objection, ...]]) -> dict[str, Luminosity]:
    values: dict[ObjectionCause, list[float | None]] = defaultdict(list)
    for lumisection in bad:
        values[against[lumisection.ls][0].cause].append(lumisection.recorded_lumi)
    return {cause.value: Luminosity.of(values[cause]) for cause in ObjectionCause if cause in values}


def _luminosity(lumisections: Iterable[LumisectionFacts]) -> Luminosity:
    return Luminosity.of(lumisection.recorded_lumi for lumisection in lumisections)


def _least_inspected(good: Iterable[LumisectionFacts]) -> Inspected | None:
    shares = [
        Inspected(counts.inspected, name, lumisection.ls)
        for lumisection in good
        for name, counts in lumisection.subsystems.items()
    ]
    return min(shares, key=lambda inspected: inspected.share, default=None)
