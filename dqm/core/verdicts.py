"""Closing a lumisection: from p-values of MEs to what is said about them.

Pure functions of data and settings. An ME is BAD (DEVIATES) if two tests agree: it is among the discoveries of
Benjamini–Hochberg over all MEs of the lumisection, and its folder is below the threshold that keeps the budget of
false incidents (:mod:`dqm.core.budget`). If only one of them says so it is a WARNING (SUSPECT).

A scorer that looks at a subsystem as a whole may condemn it where no ME is bad by itself: then the MEs that hold
most of what speaks against it are BAD, so that somebody can go and look.

An incident asks for several bad lumisections. A folder that is unlikely enough in one alone is *certain*, and is
recorded where it belongs to no incident.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from conf.settings import DqmSettings
from dqm.core import closing_evidence, status_bits
from dqm.core.assembly import widen
from dqm.core.combination import SubsystemOpinion, condemned_elements, folders, moved_together, of_elements, of_sources
from dqm.core.digests import EMPTY
from dqm.core.quality import OF_ENTRIES, Quality, Reason
from dqm.core.siblings import Departures, SiblingTables
from dqm.core.state import EarlierRates, LumisectionState, SubsystemScores, SubsystemVerdict
from dqm.statistics.conformal import ConformalTable
from dqm.statistics.multiple_testing import discovery_threshold
from streams.arrays import Float32, Mask, UInt8
from streams.records import Catalogue, Conditions

IS_TESTED = np.isin(np.arange(max(Reason) + 1), (Reason.CONSISTENT, *OF_ENTRIES))
"""By reason, whether content is tested. A histogram that lost a part of its entries because channels died is
DEVIATES like its neighbours, and only one that lost them evenly stays STARVED; of too many entries likewise."""
IS_OF_ENTRIES = np.isin(np.arange(max(Reason) + 1), OF_ENTRIES)
"""By reason, whether it speaks of how many entries came."""


class Content(Protocol):
    """What is remembered of a subsystem in an earlier lumisection."""

    @property
    def catalogue(self) -> str:
        """Digest of its catalogue."""

    @property
    def digests(self) -> npt.NDArray[np.uint64]:
        """Content digests (n,) in the order of that catalogue."""

    @property
    def rates(self) -> EarlierRates | None:
        """Trigger rates, where the judge asks for them."""


History = Mapping[str, Sequence[Content]]
"""By subsystem, the content of the ``frozen_after - 1`` lumisections before, or of more where a judge asks for them, in
order; fewer near the start."""


class Certifier(Protocol):
    """Looks at all MEs of a subsystem together."""

    def opinion(self, part: SubsystemScores, conditions: Conditions) -> SubsystemOpinion | None:
        """What it says of a part of the state of a lumisection; None if it cannot say anything."""


@dataclass(frozen=True, slots=True, eq=False)
class WholeTest:
    """A test of whole subsystems by the ``certifiers`` of those that have one.

    ``p_value`` and ``record_p`` are its thresholds of :mod:`dqm.core.budget`, for incidents and for records.
    """

    certifiers: Mapping[str, Certifier]
    p_value: float
    record_p: float = 0.0

    def opinion(self, name: str, part: SubsystemScores, conditions: Conditions) -> SubsystemOpinion | None:
        """That of a part of the state of a lumisection; None where nothing can be said."""
        certifier = self.certifiers.get(name)
        return certifier.opinion(part, conditions) if certifier is not None and part.present.any() else None


@dataclass(frozen=True, slots=True, eq=False)
class _Condemned:
    """The ``opinion`` of one test, and the MEs (n,) that only it speaks against; ``certain`` to be recorded."""

    opinion: SubsystemOpinion
    elements: Mask
    certain: bool


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """What closing needs of a bundle.

    ``folder_p`` is the threshold of :mod:`dqm.core.budget` for content and ``record_p`` that for one lumisection alone;
    ``subsystems`` turn -ln of the combined p-value of a whole subsystem into one calibrated on whole lumisections,
    because MEs of one lumisection are not independent. ``whole`` are tests of whole subsystems. ``siblings`` hold the
    entries of each ME against those of the others of its subsystem, which is bad at or below ``siblings_p``.
    """

    expected: Mapping[str, Catalogue]
    subsystems: Mapping[str, ConformalTable]
    folder_p: float
    whole: Sequence[WholeTest] = ()
    record_p: float = 0.0
    siblings: Mapping[str, SiblingTables] = field(default_factory=dict)
    siblings_p: float = 0.0


def close(
    state: LumisectionState, history: History, judge: Judge, settings: DqmSettings, now_s: float, because: str
) -> LumisectionState:
    """The state with verdicts, closed at ``now_s``; closing it again is a revision.

    Expected MEs that have not come are MISSING, whole subsystems included, unless the beams were not stable.
    """
    unstable = settings.require_stable_beams and state.conditions.beams_stable is False
    parts = expected_parts(state, judge.expected)
    tested = {name: np.where(_inspected(part), part.p_values, np.float32(np.nan)) for name, part in parts.items()}
    corrected = {name: np.divide(p_values, state.leniency, dtype=np.float32) for name, p_values in tested.items()}
    limit = (
        discovery_threshold(np.concatenate(list(corrected.values())), settings.false_discovery_rate)
        if corrected
        else 0.0
    )
    verdicts = {}
    for name, part in parts.items():
        reasons = _reasons(part, corrected[name], limit, judge.folder_p)
        departures = _departures(judge, name, part)
        amounts = _amounts(departures, judge.siblings_p, part, reasons, settings)
        reasons = np.where(amounts == Reason.CONSISTENT, reasons, amounts)
        opinions = [] if unstable else _opinions(judge, name, part, reasons, state.conditions)
        frozen = _frozen(part, reasons == Reason.DEVIATES, history.get(name, ()), settings.frozen_after)
        for item in opinions:
            reasons[item.elements] = Reason.DEVIATES
        reasons[frozen] = Reason.FROZEN
        ready = status_bits.ready(state.conditions.dcs, settings.bits_of(name))
        reasons[status_bits.contradicting(part, reasons, ready)] = Reason.CONTRADICTS_STATUS
        reasons[~part.present] = Reason.NO_STABLE_BEAMS if unstable else Reason.MISSING
        certain = _certain(part, tested[name], reasons, judge, opinions)
        settled = moved_together(part.catalogue, reasons) if state.key.ls == 0 else reasons
        verdicts[name] = _verdict(settled, tested[name], judge.subsystems.get(name), opinions, certain)
        parts[name] = _explained(part, frozen, reasons == Reason.DEVIATES, opinions, state, settings)
        if departures is not None:
            amounts = np.where(reasons == amounts, amounts, np.uint8(Reason.CONSISTENT))
            most = settings.evidence_per_lumisection
            parts[name] = closing_evidence.add_amounts(parts[name], amounts, departures, state.model_version, most)
    return state.closed(parts, verdicts, now_s, because)


def expected_parts(state: LumisectionState, expected: Mapping[str, Catalogue]) -> dict[str, SubsystemScores]:
    """The parts of a lumisection over the ``expected`` catalogues, by subsystem; absent ones hold nothing."""
    parts = {name: widen(part, expected.get(name)) for name, part in state.parts.items()}
    return parts | {name: _nothing(catalogue) for name, catalogue in expected.items() if name not in parts}


def _nothing(catalogue: Catalogue) -> SubsystemScores:
    """A subsystem of which nothing has come."""
    n = len(catalogue)
    return SubsystemScores(
        catalogue=catalogue,
        scorers=(),
        present=np.zeros(n, dtype=np.bool_),
        p_values=np.full(n, np.nan, dtype=np.float32),
        scores=np.empty((0, n), dtype=np.float32),
        digests=np.zeros(n, dtype=np.uint64),
        reasons=np.zeros(n, dtype=np.uint8),
    )


def _inspected(part: SubsystemScores) -> Mask:
    inspected: Mask = part.present & IS_TESTED[part.reasons]
    return inspected


def _frozen(part: SubsystemScores, deviating: Mask, history: Sequence[Content], frozen_after: int) -> Mask:
    """MEs whose content is that of all the lumisections before; of the ``deviating`` ones, that of any of them.

    What is both unlike good data and the same again is stuck, and one fault: it must not count as deviating content
    until ``frozen_after`` lumisections are together. Histograms of low statistics may be alike by chance and are left
    alone.
    """
    candidates: Mask = part.present & (IS_TESTED[part.reasons] | (part.reasons == Reason.RESOLUTION))
    candidates &= part.digests != np.uint64(EMPTY)
    frozen = repeating(candidates, part, history, frozen_after)
    if deviating.any():
        for earlier in history:
            if earlier.catalogue == part.catalogue.digest:
                frozen |= candidates & deviating & (part.digests == earlier.digests)
    return frozen


def repeating(candidates: Mask, part: SubsystemScores, history: Sequence[Content], frozen_after: int) -> Mask:
    """Those ``candidates`` (n,) whose content is that of all the lumisections before; none while these are too few."""
    if len(history) < frozen_after - 1 or any(earlier.catalogue != part.catalogue.digest for earlier in history):
        return np.zeros_like(candidates)
    alike = candidates.copy()
    for before in history:
        alike &= part.digests == before.digests
    return alike


def _reasons(part: SubsystemScores, tested: Float32, limit: float, folder_limit: float) -> UInt8:
    """Reasons from content alone; ``limit`` is the largest p-value among the discoveries."""
    reasons = part.reasons.copy()
    likely = max(limit, folder_limit)
    with np.errstate(invalid="ignore"):
        doubtful = tested <= likely
    if not doubtful.any():
        return reasons
    grouped = folders(part.catalogue)
    with np.errstate(invalid="ignore"):
        bad_folder = (grouped.simes(tested) <= folder_limit)[grouped.of]
        discovery = tested <= limit
        suspect = discovery | (bad_folder & (tested <= folder_limit))
        reasons[suspect & (reasons == Reason.CONSISTENT)] = Reason.SUSPECT
        reasons[discovery & bad_folder] = Reason.DEVIATES
    return reasons


def _departures(judge: Judge, name: str, part: SubsystemScores) -> Departures | None:
    """How the entries of the part lie beside those of siblings; None where nothing is known of that."""
    tables = judge.siblings.get(name)
    return None if tables is None or part.amounts is None else tables.departures(part.amounts, part.catalogue)


_MAY_LACK = np.isin(
    np.arange(max(Reason) + 1),
    (Reason.CONSISTENT, Reason.SUSPECT, Reason.RESOLUTION, Reason.LOW_STATISTICS),
)
"""By reason, whether entries can be bad beside those of siblings: where content is, that tells more."""


def _amounts(
    departures: Departures | None, limit: float, part: SubsystemScores, reasons: UInt8, settings: DqmSettings
) -> UInt8:
    """By ME (n,) STARVED or OVERFULL beside its siblings, CONSISTENT for the others."""
    amounts = np.full(len(reasons), Reason.CONSISTENT, dtype=np.uint8)
    if departures is not None:
        with np.errstate(invalid="ignore"):
            enough = departures.expected >= settings.min_entries
        able = part.present & enough & _MAY_LACK[reasons]
        amounts[able & (departures.lack <= limit)] = Reason.STARVED
        amounts[able & (departures.excess <= limit)] = Reason.OVERFULL
    return amounts


QUALITY = np.full(max(Reason) + 1, Quality.NOT_INSPECTED, dtype=np.uint8)
"""By reason, the quality that it means."""
QUALITY[Reason.CONSISTENT] = Quality.GOOD
QUALITY[Reason.SUSPECT] = Quality.WARNING
QUALITY[[Reason.DEVIATES, Reason.MOVED_TOGETHER]] = Quality.BAD
QUALITY[[Reason.FROZEN, Reason.STARVED, Reason.OVERFULL]] = Quality.BAD
QUALITY[[Reason.PATH_MOVED, Reason.SEED_MOVED, Reason.SEVERAL_MOVED, Reason.ALL_MOVED, Reason.WRONG_PRESCALES]] = (
    Quality.BAD
)


def _verdict(
    reasons: UInt8,
    tested: Float32,
    table: ConformalTable | None,
    opinions: Sequence[_Condemned],
    certain: frozenset[str],
) -> SubsystemVerdict:
    qualities = QUALITY[reasons]
    p_value = float(of_elements(tested))
    if table is not None and not np.isnan(p_value):
        p_value = float(table.p_values(np.array([-np.log(max(p_value, 1e-300))], dtype=np.float32))[0])
    if opinions:
        sources = [p_value, *(item.opinion.p_value for item in opinions)]
        p_value = float(of_sources(np.array(sources, dtype=np.float32)))
    worst = Quality(int(qualities.max())) if len(qualities) else Quality.NOT_INSPECTED
    return SubsystemVerdict(worst, p_value, qualities, reasons, certain)


def _opinions(
    judge: Judge, name: str, part: SubsystemScores, reasons: UInt8, conditions: Conditions
) -> Sequence[_Condemned]:
    """What tests of the whole subsystem say. Where an ME is bad by itself, that one tells more."""
    opinions = []
    for test in judge.whole:
        opinion = test.opinion(name, part, conditions)
        if opinion is not None:
            elements = np.zeros_like(part.present)
            if opinion.p_value <= test.p_value and not (reasons == Reason.DEVIATES).any():
                able = (reasons == Reason.CONSISTENT) | (reasons == Reason.SUSPECT)
                elements = condemned_elements(opinion, part.catalogue) & part.present & able
            opinions.append(_Condemned(opinion, elements, opinion.p_value <= test.record_p))
    return opinions


def _certain(
    part: SubsystemScores, tested: Float32, reasons: UInt8, judge: Judge, opinions: Sequence[_Condemned]
) -> frozenset[str]:
    """Folders whose bad content needs no second lumisection: by their own p-value, or by that of the whole."""
    deviating = reasons == Reason.DEVIATES
    if not deviating.any():
        return frozenset()
    grouped = folders(part.catalogue)
    with np.errstate(invalid="ignore"):
        unlikely = (grouped.simes(tested) <= judge.record_p)[grouped.of]
    for opinion in opinions:
        if opinion.certain:
            unlikely |= opinion.elements
    return frozenset(grouped.names[folder] for folder in np.unique(grouped.of[deviating & unlikely]))


def _explained(
    part: SubsystemScores,
    frozen: Mask,
    deviating: Mask,
    opinions: Sequence[_Condemned],
    state: LumisectionState,
    settings: DqmSettings,
) -> SubsystemScores:
    most = settings.evidence_per_lumisection
    for item in opinions:
        condemned = item.elements & deviating
        part = closing_evidence.add_condemned(part, condemned, item.opinion, state.model_version, most)
    return closing_evidence.add_frozen(part, frozen, state.model_version, most)
