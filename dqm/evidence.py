"""Evidence: all that a person needs to judge the judgement of one ME in one lumisection."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from conf.settings import DqmSettings
from dqm.bundle import SubsystemModel
from dqm.explain import explain
from dqm.features import features
from dqm.folders import folders
from dqm.quality import Evidence, Reason
from streams.records import Counts

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


_MARGIN = 2.0


class Found(Protocol):
    """What scoring found: arrays (n,), scores (k, n), in the order of the expected catalogue."""

    @property
    def scores(self) -> Float32:
        """By scorer."""

    @property
    def p_values(self) -> Float32:
        """NaN where nothing was inspected."""

    @property
    def beside(self) -> "HasEntries":
        """What lies beside the counts."""


class HasEntries(Protocol):
    """Entries of the expected MEs."""

    @property
    def entries(self) -> Float64:
        """Fills (n,)."""


class Witness:
    """Writes evidence for the suspicious MEs of one subsystem."""

    def __init__(self, model: SubsystemModel, version: str, scorers: Sequence[str], of: int, folder_p: float) -> None:
        """Keep the model and what to sign with; ``of`` is the number of MEs of all subsystems."""
        self._of = of
        self._folder_p = folder_p
        self._model = model
        self._version = version
        self._scorers = scorers

    def evidence(
        self,
        found: Found,
        counts: Sequence[Counts],
        pileup: float,
        reasons: npt.NDArray[np.uint8],
        expected_entries: Float64,
        lack_p: Float32,
        settings: DqmSettings,
    ) -> Mapping[str, Evidence]:
        """By ME: STARVED ones, and the smallest p-values up to the settings' limits.

        ``counts`` are the expected groups, ``pileup`` is standardised, ``lack_p`` (n,) the p-values of too few
        entries.
        """
        starved = reasons == Reason.STARVED
        shown = np.where(starved, lack_p, found.p_values)
        suspicious = np.flatnonzero(starved | self._suspicious(found.p_values, settings))
        worst = suspicious[np.argsort(shown[suspicious], kind="stable")][: settings.evidence_per_lumisection]
        written = [
            self._one(found, counts, pileup, int(row), Reason(int(reasons[row])), shown, expected_entries)
            for row in worst
        ]
        return {one.me: one for one in written}

    def _suspicious(self, p_values: Float32, settings: DqmSettings) -> npt.NDArray[np.bool_]:
        """MEs that closing the lumisection may call SUSPECT or DEVIATES; explaining others would be wasted.

        Those that would be discoveries at twice the rate if all other MEs were good, or of a bad folder.
        """
        with np.errstate(invalid="ignore"):
            likely: npt.NDArray[np.bool_] = p_values <= settings.evidence_p_value
            if not likely.any():
                return likely
            ranked = np.sort(p_values[likely])
            passed = np.flatnonzero(
                ranked <= _MARGIN * settings.false_discovery_rate * np.arange(1, len(ranked) + 1) / self._of
            )
            discovery = p_values <= (ranked[passed[-1]] if len(passed) else 0.0)
            bad = folders(self._model.catalogue).simes(p_values) <= self._folder_p
            return likely & (discovery | (bad[folders(self._model.catalogue).of] & (p_values <= self._folder_p)))

    def _one(
        self,
        found: Found,
        counts: Sequence[Counts],
        pileup: float,
        row: int,
        reason: Reason,
        p_values: Float32,
        expected_entries: Float64,
    ) -> Evidence:
        me = self._model.catalogue.elements[row]
        observed, reference, pulls = self._histogram(counts, pileup, row)
        expected = float(expected_entries[row]) if np.isfinite(expected_entries[row]) else None
        entries = float(found.beside.entries[row])
        # A content that is suspicious enough to be shown is explained as if it were bad.
        why = Reason.DEVIATES if reason == Reason.CONSISTENT else reason
        said = explain(me, observed, reference, pulls, reason=why, entries=entries, expected_entries=expected)
        return Evidence(
            me=me.name,
            reason=Reason.SUSPECT if reason == Reason.CONSISTENT else reason,
            kind=said.kind,
            sentence=said.sentence,
            p_value=float(p_values[row]),
            scores=dict(zip(self._scorers, found.scores[:, row].tolist(), strict=True)),
            axes=me.axes,
            counts=tuple(observed.tolist()),
            reference=tuple(reference.tolist()),
            pulls=tuple(pulls.tolist()),
            entries=entries,
            expected_entries=expected,
            model_version=self._version,
            worst_bins=said.worst_bins,
        )

    def _histogram(self, counts: Sequence[Counts], pileup: float, row: int) -> tuple[Float64, Float64, Float64]:
        """Counts, reference scaled to them, and pulls of one ME; each (bins,)."""
        place = next(at for at, block in enumerate(self._model.catalogue.blocks) if block.start <= row < block.stop)
        at = row - self._model.catalogue.blocks[place].start
        own = self._model.groups[place].reference.only(at)
        observed = counts[place][at].astype(np.float32)[None, None]
        x = np.array([pileup], dtype=np.float32)
        block = features(observed, x, own)
        expected = own.expected(block.totals, x)
        return (
            observed[0, 0].astype(np.float64),
            expected[0, 0].astype(np.float64),
            block.pulls[0, 0].astype(np.float64),
        )
