"""The scores of one subsystem's histograms, in batches of one model: expectation, scorers, p-values, evidence."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from conf.settings import DqmSettings
from dqm.core import verdicts
from dqm.core.budget import Thresholds
from dqm.core.combination import PerCatalogue, condemned_elements
from dqm.core.digests import digests
from dqm.core.drift import Residuals, RunSums, run_sums
from dqm.core.largest_errors import NUMBERS
from dqm.core.quality import Evidence, Reason
from dqm.core.state import Amounts, SubsystemScores
from dqm.histograms.alignment import Alignment, Presence, align
from dqm.histograms.bundle import Bundle, SubsystemModel
from dqm.histograms.certification.attribution import (
    CertificationErrors,
    certification_errors,
    condemned,
    features_of_groups,
)
from dqm.histograms.certification.model import CertificationModel
from dqm.histograms.evidence import EvidenceBuilder, ScoredHistograms
from dqm.histograms.fitting import NEARLY_EMPTY
from dqm.histograms.references.entries import regressors
from dqm.histograms.resolution import can_tell, doubtful_p
from streams.arrays import Float32, Float64, Mask, UInt8
from streams.records import Conditions, Counts, HistogramBatch

PLENTY = 4.0
"""An ME can be STARVED only where this many times ``min_entries`` are expected ..."""
STARVED_SHARE = 0.5
"""... and less than this share of them came."""
NEXT_TO_NOTHING = 1e-4
"""Less than this share of what is expected needs no p-value to be STARVED ..."""
NEVER = 1e-9
"""... nor does an empty one, where chance empties one as full as its siblings less often than this."""
OVERFULL_SHARE = 2.0
"""An ME can be OVERFULL only where it has more than this many times what is expected under known conditions."""

_EXACT = 2.0**24
_NOTHING = Conditions()


class Stage:
    """How one model judges the histograms of its subsystem."""

    def __init__(
        self, model: SubsystemModel, bundle: Bundle, settings: DqmSettings, limits: Thresholds, elements: int
    ) -> None:
        self.model = model
        self._pileup = bundle.pileup
        self._settings = settings
        self._limits = limits
        self._witness = EvidenceBuilder(model, bundle.version, elements, limits.folder_p)
        self._can_tell = can_tell(model.combined.blocks, limits.folder_p)
        self._doubtful_p = doubtful_p(model.combined.blocks)
        self._align: PerCatalogue[Alignment] = PerCatalogue(lambda catalogue: align(catalogue, model.catalogue))

    def score(self, batches: Sequence[HistogramBatch]) -> list[SubsystemScores]:
        """Scores of each batch, in order; all batches are of this model's subsystem."""
        alignments = [self._align(batch.catalogue) for batch in batches]
        gathered = [
            alignment.gathered(batch, self.model.catalogue)
            for alignment, batch in zip(alignments, batches, strict=True)
        ]
        presences = [presence for _, presence in gathered]
        pileup = np.array(
            [0.0 if self.model.window else self._pileup.standardised(batch.conditions) for batch in batches],
            dtype=np.float32,
        )
        scores, totals, content = self._groups([counts for counts, _ in gathered], presences, pileup)
        present = np.array([presence.present for presence in presences])
        statistics = np.minimum(np.array([presence.entries for presence in presences]), totals.astype(np.float64))
        expected, spread = self.model.entries.expected([batch.conditions for batch in batches])
        if self.model.window is not None:
            scores[-1] = np.nan_to_num(self.model.entries.departure(statistics, expected, spread))
        p_values = self.model.calibration.p_values(scores, totals, pileup)
        reasons, entries_p = self._reasons(
            [batch.conditions for batch in batches], statistics, present, expected, spread
        )
        amount = verdicts.IS_OF_ENTRIES[reasons]
        if self.model.window is not None and amount.any():
            # What is said of the entries already is not said of the content as well.
            content_scores = scores.copy()
            content_scores[-1] = 0.0
            p_values[amount] = self.model.calibration.p_values(content_scores, totals, pileup)[amount]
        with np.errstate(invalid="ignore"):
            unsure = (p_values > self._limits.folder_p) & (np.minimum(p_values, entries_p) <= self._doubtful_p)
        reasons[unsure & (reasons == Reason.CONSISTENT)] = Reason.RESOLUTION
        few = statistics < self._settings.min_entries
        p_values[~present | few | ~verdicts.IS_TESTED[reasons]] = np.nan
        scores[:, ~present] = np.nan
        scores.transpose(0, 2, 1)[~self.model.normaliser.covered] = np.nan
        errors = self._certification_errors([counts for counts, _ in gathered], totals, pileup, np.isfinite(p_values))
        amounts = self._amounts(np.where(present, statistics, np.nan), expected)
        results = []
        for at, batch in enumerate(batches):
            result = ScoredHistograms(
                scores[:, at],
                content[at],
                p_values[at],
                reasons[at],
                presences[at],
                expected[at],
                entries_p[at],
                pileup[at],
                errors[at],
                self._condemned(errors[at], batch.conditions, float(pileup[at]))
                | self._resembling(p_values[at], reasons[at], present[at]),
            )
            evidence = self._witness.evidence(result, gathered[at][0], self._settings)
            results.append(_result(batch, alignments[at], self.model.scorers, result, evidence, amounts[at]))
        return results

    def _amounts(self, statistics: Float64, expected: Float64) -> Sequence[Amounts | None]:
        """What each batch leaves to be held against siblings; None where these are too few."""
        siblings = self.model.siblings
        if siblings is None:
            return [None] * len(statistics)
        if self.model.entries.knows_conditions and not siblings.conditional:
            usual, _ = self.model.entries.expected([_NOTHING])
            # Where conditions say that there was no beam, nothing is usual.
            expected = np.where(expected > 0, usual, expected)
        return siblings.amounts(statistics, expected)

    def _certification_errors(
        self, counts: Sequence[Sequence[Counts]], totals: Float32, pileup: Float32, use: Mask
    ) -> Sequence[CertificationErrors | None]:
        """What certification sees of each batch; None where the bundle has none."""
        model = self.model.certification
        return [None] * len(counts) if model is None else certification_errors(model, counts, totals, pileup, use)

    def _condemned(self, errors: CertificationErrors | None, conditions: Conditions, pileup: float) -> Mask:
        model = self.model.certification
        if model is None or errors is None:
            return np.zeros(len(self.model.catalogue), dtype=np.bool_)
        limit = self._limits.certification_p
        return condemned(model, errors, self.model.catalogue, conditions, pileup, limit)

    def _resembling(self, p_values: Float32, reasons: UInt8, present: Mask) -> Mask:
        """The MEs (n,) by which a batch resembles what people called bad: their evidence is worth keeping."""
        head, catalogue = self.model.head, self.model.catalogue
        opinion = None if head is None else head.opinion_of(catalogue, p_values, reasons, present)
        if opinion is None or opinion.p_value > self._limits.head_p:
            return np.zeros(len(catalogue), dtype=np.bool_)
        return condemned_elements(opinion, catalogue)

    def sums(self, batch: HistogramBatch, scores: SubsystemScores) -> RunSums:
        """What the batch adds to the references of later runs."""
        alignment = self._align(batch.catalogue)
        counts, _ = alignment.gathered(batch, self.model.catalogue)
        p_values, reasons = scores.p_values[alignment.expected].copy(), scores.reasons[alignment.expected]
        p_values[reasons == Reason.STARVED] = np.nan
        if self.model.window is not None:
            # Where too few runs were learned to tell, it is the ones that come which teach.
            p_values[reasons == Reason.RESOLUTION] = 1.0
        if self.model.unsettled is not None:
            p_values[self.model.unsettled & (reasons == Reason.RESOLUTION)] = 1.0
        return run_sums(counts, p_values, self._pileup.standardised(batch.conditions))

    def residuals(self, batch: HistogramBatch, scores: SubsystemScores, model: CertificationModel) -> Residuals:
        """What the batch adds to the centres of later runs: how far it lies from the centre of ``model``."""
        alignment = self._align(batch.catalogue)
        counts, _ = alignment.gathered(batch, self.model.catalogue)
        pileup = np.array([self._pileup.standardised(batch.conditions)], dtype=np.float32)
        typical = model.ensemble.scaling.typical(pileup)[0]
        p_values = scores.p_values[alignment.expected]
        return Residuals.of(features_of_groups(counts), typical, float(pileup[0]), p_values)

    def _groups(
        self, counts: Sequence[Sequence[Counts]], presences: Sequence[Presence], pileup: Float32
    ) -> tuple[Float32, Float32, npt.NDArray[np.uint64]]:
        """Scores (k, L, n), totals (L, n) and digests (L, n)."""
        n, lumisections = len(self.model.catalogue), len(counts)
        scores = np.empty((len(self.model.scorers), lumisections, n), dtype=np.float32)
        totals = np.empty((lumisections, n), dtype=np.float32)
        content = np.empty((lumisections, n), dtype=np.uint64)
        for place, (block, group) in enumerate(zip(self.model.catalogue.blocks, self.model.groups, strict=True)):
            own = slice(block.start, block.stop)
            stacked = np.empty((lumisections, block.stop - block.start, block.bins), dtype=np.float32)
            for at, groups in enumerate(counts):
                stacked[at] = groups[place]
            scores[:, :, own], totals[:, own] = group.score(stacked, pileup, self.model.scorers)
            content[:, own] = _digests(stacked, [groups[place] for groups in counts], presences, own, totals[:, own])
        return scores, totals, content

    def _reasons(
        self, conditions: Sequence[Conditions], statistics: Float64, present: Mask, expected: Float64, spread: Float64
    ) -> tuple[UInt8, Float32]:
        """Reasons, and the p-values of too few or too many entries (1 where that is no question); (L, n)."""
        settings = self._settings
        reasons = np.full(statistics.shape, Reason.CONSISTENT, dtype=np.uint8)
        if not self._can_tell:
            reasons[:] = Reason.RESOLUTION
        else:
            reasons[:, ~self.model.normaliser.judged] = Reason.NO_MODEL
            if self.model.unsettled is not None:
                reasons[:, self.model.unsettled] = Reason.RESOLUTION
        reasons[statistics < settings.min_entries] = Reason.LOW_STATISTICS
        with np.errstate(invalid="ignore"):
            few = (expected >= PLENTY * settings.min_entries) & (statistics < STARVED_SHARE * expected)
        entries_p = np.ones(statistics.shape, dtype=np.float32)
        if few.any():
            lack = self.model.entries.lack(statistics[few], expected[few], spread[few])
            entries_p[few] = self.model.lack.p_values(lack.astype(np.float32))
            starved = entries_p <= self._limits.starved_p
            if self._can_tell:
                starved |= statistics < NEARLY_EMPTY * expected
            reasons[few & (starved | (statistics < NEXT_TO_NOTHING * expected))] = Reason.STARVED
        empty = present & (statistics == 0)
        if empty.any():
            by_chance = self.model.entries.empty_by_chance(np.where(present, statistics, np.nan), expected, spread)
            reasons[empty & (by_chance < NEVER)] = Reason.STARVED
        with np.errstate(invalid="ignore"):
            many = (expected >= settings.min_entries) & (statistics > OVERFULL_SHARE * expected)
        many[[not self._knows_amount(condition) for condition in conditions]] = False
        if self._can_tell and many.any():
            excess = -self.model.entries.lack(statistics[many], expected[many], spread[many])
            entries_p[many] = self.model.excess.p_values(excess.astype(np.float32))
            reasons[many & (entries_p <= self._limits.overfull_p)] = Reason.OVERFULL
        if settings.require_stable_beams:
            reasons[[condition.beams_stable is False for condition in conditions]] = Reason.NO_STABLE_BEAMS
        reasons[~present] = 0
        return reasons, entries_p

    def _knows_amount(self, conditions: Conditions) -> bool:
        """Whether more entries than the median are not merely more luminosity than usual, of which nothing is known."""
        has_regressors = self.model.entries.knows_conditions and regressors(conditions) is not None
        return has_regressors or self.model.window is not None


def _digests(
    stacked: Float32, counts: Sequence[Counts], presences: Sequence[Presence], own: slice, totals: Float32
) -> npt.NDArray[np.uint64]:
    """Digests (L, n) of one group; whole numbers that float32 cannot hold are taken from where they came."""
    if totals.size and float(totals.max()) >= _EXACT:
        return np.array(
            [
                digests(presence, near.flow[own], near.entries[own])
                for presence, near in zip(counts, presences, strict=True)
            ]
        )
    flow = np.concatenate([presence.flow[own] for presence in presences])
    entries = np.concatenate([presence.entries[own] for presence in presences])
    return digests(stacked.reshape(len(entries), -1), flow, entries).reshape(totals.shape)


def _result(
    batch: HistogramBatch,
    alignment: Alignment,
    scorers: tuple[str, ...],
    scored: ScoredHistograms,
    evidence: Mapping[str, Evidence],
    amounts: Amounts | None,
) -> SubsystemScores:
    """Results over the union of what was expected and what came."""
    present = scored.presence.present
    largest = scored.errors.largest if scored.errors is not None else None
    if alignment.plain:
        return SubsystemScores(
            alignment.catalogue,
            scorers,
            present,
            scored.p_values,
            scored.scores,
            scored.digests,
            scored.reasons,
            evidence,
            largest,
            amounts=amounts,
        )
    n = len(alignment.catalogue)
    result = SubsystemScores(
        alignment.catalogue,
        scorers,
        np.zeros(n, dtype=np.bool_),
        np.full(n, np.nan, dtype=np.float32),
        np.full((len(scorers), n), np.nan, dtype=np.float32),
        np.zeros(n, dtype=np.uint64),
        np.zeros(n, dtype=np.uint8),
        evidence,
        None if largest is None else largest.moved(alignment.expected, NUMBERS),
        amounts=None if amounts is None else amounts.moved(alignment.expected, n),
    )
    rows = alignment.expected[present]
    result.p_values[rows] = scored.p_values[present]
    result.digests[rows] = scored.digests[present]
    result.reasons[rows] = scored.reasons[present]
    result.scores[:, rows] = scored.scores[:, present]
    not_matched = alignment.reasons != Reason.CONSISTENT
    result.digests[alignment.batch[not_matched]] = own_digests(batch)[not_matched]
    result.reasons[alignment.batch[not_matched]] = alignment.reasons[not_matched]
    result.present[alignment.batch] = True
    return result


def own_digests(batch: HistogramBatch) -> npt.NDArray[np.uint64]:
    """Digests in the order of the batch's own catalogue."""
    return np.concatenate(
        [
            digests(counts, batch.flow[block.start : block.stop], batch.entries[block.start : block.stop])
            for block, counts in zip(batch.catalogue.blocks, batch.counts, strict=True)
        ]
        or [np.empty(0, dtype=np.uint64)]
    )
