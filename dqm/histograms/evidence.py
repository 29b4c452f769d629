"""Evidence: all that a person needs to judge the judgement of one ME in one lumisection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from conf.settings import DqmSettings
from dqm.core.combination import folders
from dqm.core.quality import Evidence, Reason
from dqm.core.verdicts import IS_OF_ENTRIES
from dqm.histograms.alignment import Presence
from dqm.histograms.bundle import SubsystemModel
from dqm.histograms.certification.attribution import CertificationErrors
from dqm.histograms.explain import explain
from dqm.histograms.features import features
from streams.arrays import Float32, Float64, Mask, UInt8
from streams.records import Counts

_MARGIN = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class ScoredHistograms:
    """What scoring found for the n expected MEs of one batch: arrays (n,), scores (k, n).

    ``entries_p`` are the p-values of too few or too many entries, ``pileup`` is standardised. ``errors`` are
    those that certification sees, None without it, and ``condemned`` (n,) are the MEs for which it condemns the batch.
    """

    scores: Float32
    digests: npt.NDArray[np.uint64]
    p_values: Float32
    reasons: UInt8
    presence: Presence
    expected_entries: Float64
    entries_p: Float32
    pileup: np.float32
    errors: CertificationErrors | None
    condemned: Mask


class EvidenceBuilder:
    """Writes evidence for the suspicious MEs of one subsystem."""

    def __init__(self, model: SubsystemModel, version: str, of: int, folder_p: float) -> None:
        """Keep the model and what to sign with; ``of`` is the number of MEs of all subsystems."""
        self._of = of
        self._folder_p = folder_p
        self._model = model
        self._version = version

    def evidence(
        self, batch: ScoredHistograms, counts: Sequence[Counts], settings: DqmSettings
    ) -> Mapping[str, Evidence]:
        """By ME: STARVED, OVERFULL and condemned ones, and the smallest p-values, up to the settings' limit.

        ``counts`` are those of the expected groups.
        """
        amount = IS_OF_ENTRIES[batch.reasons]
        suspicious = np.flatnonzero(amount | batch.condemned | self._suspicious(batch.p_values, settings))
        if not len(suspicious):
            return {}
        shown = np.where(amount, batch.entries_p, batch.p_values)
        worst = suspicious[np.argsort(shown[suspicious], kind="stable")][: settings.evidence_per_lumisection]
        pieces = [self._evidence_of(batch, counts, int(row), float(shown[row])) for row in worst]
        return {piece.me: piece for piece in pieces}

    def _suspicious(self, p_values: Float32, settings: DqmSettings) -> Mask:
        """MEs that closing the lumisection may call SUSPECT or DEVIATES; explaining others would be wasted.

        Those that would be discoveries at twice the rate if all other MEs were good, or of a bad folder.
        """
        with np.errstate(invalid="ignore"):
            likely: Mask = p_values <= _MARGIN * settings.false_discovery_rate
            if not likely.any():
                return likely
            ranked = np.sort(p_values[likely])
            passed = np.flatnonzero(
                ranked <= _MARGIN * settings.false_discovery_rate * np.arange(1, len(ranked) + 1) / self._of
            )
            discovery = p_values <= (ranked[passed[-1]] if len(passed) else 0.0)
            if ranked[0] <= self._folder_p:
                grouped = folders(self._model.catalogue)
                bad = grouped.simes(p_values) <= self._folder_p
                discovery |= bad[grouped.of] & (p_values <= self._folder_p)
            return likely & discovery

    def _evidence_of(self, batch: ScoredHistograms, counts: Sequence[Counts], row: int, p_value: float) -> Evidence:
        me = self._model.catalogue.elements[row]
        reason = Reason(int(batch.reasons[row]))
        observed, reference, pulls = self._histogram(counts, float(batch.pileup), row)
        expected = float(batch.expected_entries[row]) if np.isfinite(batch.expected_entries[row]) else None
        entries = float(batch.presence.entries[row])
        # A content that is suspicious enough to be shown is explained as if it were bad.
        why = Reason.DEVIATES if reason == Reason.CONSISTENT else reason
        explanation = explain(me, observed, reference, pulls, reason=why, entries=entries, expected_entries=expected)
        return Evidence(
            me=me.name,
            reason=Reason.SUSPECT if reason == Reason.CONSISTENT else reason,
            kind=explanation.kind,
            sentence=explanation.sentence,
            p_value=p_value,
            scores=self._scores(batch, row),
            axes=me.axes,
            counts=tuple(observed.tolist()),
            reference=tuple(reference.tolist()),
            pulls=tuple(pulls.tolist()),
            entries=entries,
            expected_entries=expected,
            model_version=self._version,
            worst_bins=explanation.worst_bins,
            worst_features=() if batch.errors is None else batch.errors.features(row),
        )

    def _scores(self, batch: ScoredHistograms, row: int) -> dict[str, float]:
        """Scores of one ME by those scorers that are made for it."""
        named = zip(self._model.scorers, batch.scores[:, row].tolist(), strict=True)
        return {name: score for name, score in named if not np.isnan(score)}

    def _histogram(self, counts: Sequence[Counts], pileup: float, row: int) -> tuple[Float64, Float64, Float64]:
        """Counts, what is expected of them as scoring sees it, and pulls of one ME; each (bins,)."""
        place = next(at for at, block in enumerate(self._model.catalogue.blocks) if block.start <= row < block.stop)
        at = row - self._model.catalogue.blocks[place].start
        own = self._model.groups[place].reference.only(at)
        observed = counts[place][at].astype(np.float32)[None, None]
        x = np.array([pileup], dtype=np.float32)
        block = features(observed, x, own)
        expected = own.expected(block.scales, x)
        return (
            observed[0, 0].astype(np.float64),
            expected[0, 0].astype(np.float64),
            block.pulls[0, 0].astype(np.float64),
        )
