"""Trigger rates in, scores, causes and bands out; closing them.

The counterpart of :mod:`dqm.histograms.pipeline` for rates. One message is a whole lumisection, so that causes, which
look at all rates together, are found when it is scored.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from conf.settings import AlertSettings, DqmSettings, RateSettings
from dqm.core.drift import Reference, is_sampled
from dqm.core.state import LumisectionState, ScoredBatch
from dqm.core.threads import one_thread
from dqm.core.verdicts import History
from dqm.rates import closing
from dqm.rates.bundle import RateBundle
from dqm.rates.calibration import PValues, limits
from dqm.rates.causes import Findings, causes
from dqm.rates.model import RateModel
from dqm.rates.observed import NUMBERS, Observed, centre_residuals, observed
from dqm.rates.residuals import Expectation, RateResiduals, rate_residuals
from dqm.rates.result import SUBSYSTEM, ScoredRates, in_catalogue, rate_bands, scored
from streams.arrays import Float32
from streams.records import Catalogue, Conditions, LumisectionKey, TriggerRates


class RatePipeline:
    """Judges trigger rates with one bundle; pure: equal records give equal bytes, however they are grouped."""

    numbers = NUMBERS
    """How many numbers of each rate are followed from run to run."""
    follows = False
    """Rates have no references; their drift is followed as a centre is."""
    followed: Sequence[str] = (SUBSYSTEM,)
    sums_rates = False

    def __init__(self, bundle: RateBundle, rates: RateSettings, dqm: DqmSettings, alerts: AlertSettings) -> None:
        """Derive the limits for the declared budget and the raise rule of ``alerts``."""
        self.version = bundle.version
        self.name = bundle.name
        self.trained_s = bundle.trained_s
        if not isinstance(bundle.model, RateModel):
            raise TypeError(f"model {bundle.name} judges rates one by one")
        self.model: RateModel = bundle.model
        menu = bundle.model.menu
        self.expected: Mapping[str, Catalogue] = {SUBSYSTEM: menu.catalogue}
        self.limits = limits(
            bundle.model.p_values, len(menu.l1), rates.false_incidents_per_shift, dqm.shift_hours, alerts
        )
        self._settings = dqm
        self._judge = closing.RateJudge(self.expected, bundle.model.whole)
        self._seed_of = np.concatenate([np.arange(len(menu.l1)), np.array(menu.seed_of, dtype=np.intp)])
        self._moved: dict[tuple[str, int], Expectation] = {}
        self._accepted: dict[tuple[str, int], frozenset[str]] = {}

    def adopt(self, dataset: str, run: int, references: Mapping[str, Reference], shifts: Mapping[str, Float32]) -> None:
        """Judge the run with rates drifted by ``shifts`` (2, n, 1), in catalogue order, from now on."""
        del references
        if (shift := shifts.get(SUBSYSTEM)) is not None:
            of_menu = shift[:, self.model.menu.rows, 0]
            self._moved[dataset, run] = self.model.expectation.moved(of_menu)

    def drop(self, dataset: str, run: int) -> None:
        """Forget what was adopted for the run."""
        self._moved.pop((dataset, run), None)
        self._accepted.pop((dataset, run), None)

    def accept(self, dataset: str, run: int, elements: Collection[str]) -> None:
        """Learn the drift of ``elements`` in the run even where they are called wrong: it was accepted."""
        self._accepted[dataset, run] = frozenset(elements)

    def reach(self, frozen: int) -> int:
        """No more lumisections before one than say whether it is frozen."""
        return frozen

    def warm_up(self) -> None:
        """Judge once, so that the first message does not wait."""
        menu = self.model.menu
        seeds, paths = np.zeros(len(menu.l1)), np.zeros(len(menu.hlt))
        self.score([TriggerRates(LumisectionKey(1, 1), "", Conditions(), menu, seeds, paths, seeds, paths)])

    def score(self, records: Sequence[TriggerRates]) -> list[ScoredBatch]:
        """Scores of each record, in the same order."""
        with one_thread():
            return [self._scored(record) for record in records]

    def close(self, state: LumisectionState, history: History, now_s: float, because: str) -> LumisectionState:
        """Verdicts of a lumisection: :func:`dqm.rates.closing.close` with this bundle and these settings."""
        return closing.close(state, history, self._judge, self._settings, now_s, because)

    def _scored(self, record: TriggerRates) -> ScoredBatch:
        expectation = self._moved.get((record.dataset, record.key.run), self.model.expectation)
        observations = observed([record], self.model.menu)
        residuals = rate_residuals(expectation, observations)
        p_values = self.model.calibration.p_values(residuals)
        findings = self._findings(expectation, observations, residuals, p_values)
        named = causes(findings, self.limits, self.model.columns, self._settings.false_discovery_rate)
        bands = rate_bands(
            observations, residuals, expectation.spread, self.model.calibration.reaches(residuals.expected)
        )
        scores = scored(
            record,
            self.model,
            ScoredRates(observations, residuals, p_values, bands, named),
            self._settings,
            self.version,
        )
        sums, menu_names = None, self.model.menu.names
        if is_sampled(record.key) and residuals.judged.any():
            trust = np.where(residuals.judged[0], np.float32(1.0), np.float32(np.nan))
            # What is named wrong is not learned from. What is only unlikely is: a rate that has drifted for good would
            # otherwise be held back for ever.
            accepted = self._accepted.get((record.dataset, record.key.run), ())
            for cause in named:
                trust[[row for row in cause.rows.tolist() if menu_names[row] not in accepted]] = 0.0
            of_menu = centre_residuals(self.model.expectation.curves, observations, 0, trust)
            sums = in_catalogue(of_menu, self.model.menu)
        key, dataset = record.key, record.dataset
        return ScoredBatch(key, dataset, SUBSYSTEM, record.conditions, self.version, scores, residuals=sums)

    def _findings(
        self, expectation: Expectation, observations: Observed, residuals: RateResiduals, p_values: PValues
    ) -> Findings:
        return Findings(
            p_values.rows[0],
            p_values.together[0],
            float(p_values.overall[0]),
            observations.counts[0],
            residuals.by_pileup[0],
            observations.prescale[0],
            expectation.curves.spread,
            residuals.judged[0],
            self._seed_of,
        )
