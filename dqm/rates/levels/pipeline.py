"""Rates in, expected counts out; verdicts when a lumisection is closed, by levels that are followed.

The counterpart of :mod:`dqm.rates.pipeline` for menus that tell no seeds or no prescales: rates are judged one by one.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from conf.settings import AlertSettings, DqmSettings, RateSettings
from dqm.core.digests import EMPTY, digests
from dqm.core.drift import Reference
from dqm.core.quality import Reason
from dqm.core.state import Bands, EarlierRates, LumisectionState, ScoredBatch, SubsystemScores
from dqm.core.threads import one_thread
from dqm.core.verdicts import History
from dqm.rates.bundle import RateBundle
from dqm.rates.levels import closing
from dqm.rates.levels.judgement import Before, Tracks, readings_of
from dqm.rates.levels.model import LevelModel, limits
from dqm.rates.levels.readings import overall_prescales, read
from dqm.rates.levels.state import STRETCH, Levels, stretch_of, walked
from dqm.rates.result import SUBSYSTEM
from streams.arrays import Float32
from streams.records import LUMISECTION_SECONDS, Catalogue, Conditions, LumisectionKey, TriggerRates

SCORERS = ("level",)
"""How far the latest lumisections lie from the level of a rate, in standard deviations; of the sums the largest."""
Place = tuple[str, int, int]
"""Dataset, run, and stretch of lumisections in it."""


class LevelPipeline:
    """Judges rates one by one; pure: equal records give equal bytes, however they are grouped."""

    numbers = 0
    follows = False
    followed: Sequence[str] = ()
    sums_rates = True

    def __init__(self, bundle: RateBundle, rates: RateSettings, dqm: DqmSettings, alerts: AlertSettings) -> None:
        """Derive the limits for the declared budgets and the raise rule of ``alerts``."""
        if not isinstance(bundle.model, LevelModel):
            raise TypeError(f"model {bundle.name} judges rates by their seeds")
        self.name = bundle.name
        self.version = bundle.version
        self.trained_s = bundle.trained_s
        self.model: LevelModel = bundle.model
        self.expected: Mapping[str, Catalogue] = {SUBSYSTEM: self.model.menu.catalogue}
        self.limits = limits(self.model, rates, dqm, alerts)
        self._settings = dqm
        self._before: dict[Place, Before] = {}
        self._tracks = Tracks()

    def adopt(self, dataset: str, run: int, references: Mapping[str, Reference], shifts: Mapping[str, Float32]) -> None:
        """Nothing: rates have levels (:meth:`judge_by`)."""

    def drop(self, dataset: str, run: int) -> None:
        """Forget what the run was judged by."""
        for place in [place for place in self._before if place[:2] == (dataset, run)]:
            del self._before[place]

    def judge_by(self, dataset: str, key: LumisectionKey, before: Before) -> None:
        """Judge the stretch of ``key`` by what stood ``before``, and by the lumisections since."""
        self._before[dataset, key.run, stretch_of(key)] = before

    def initial(self) -> Levels:
        """The levels of a dataset that was not followed yet."""
        return self.model.levels.elsewhere()

    def levels_after(self, levels: Levels, rates: Sequence[EarlierRates]) -> Levels:
        """``levels`` after lumisections that were stored since, in order."""
        if not rates:
            return levels
        with one_thread():
            readings, curve = readings_of(rates, self.model.menu.names)
            return walked(levels, self.model.quadratic, readings, curve, self.model.spread)[0]

    def forgetting(self, levels: Levels, elements: Collection[str]) -> Levels:
        """``levels`` without those of ``elements``, whose state is accepted as the new one."""
        return levels.forgotten(self._places(elements))

    def restoring(self, levels: Levels, earlier: Levels, elements: Collection[str]) -> Levels:
        """``levels`` with the ``earlier`` ones of ``elements``, whose new state is accepted no more."""
        return levels.restored(earlier, self.model.quadratic, self._places(elements))

    def warm_up(self) -> None:
        """Judge once, so that the first message does not wait."""
        menu = self.model.menu
        seeds, paths = np.zeros(len(menu.l1)), np.zeros(len(menu.hlt))
        self.score([TriggerRates(LumisectionKey(1, 1), "", Conditions(), menu, seeds, paths, seeds, paths)])

    def score(self, records: Sequence[TriggerRates]) -> list[ScoredBatch]:
        """What is expected of each record by its curves, in the same order."""
        with one_thread():
            return [self._scored(record) for record in records]

    def close(self, state: LumisectionState, history: History, now_s: float, because: str) -> LumisectionState:
        """Verdicts of a lumisection: :func:`dqm.rates.levels.closing.close` with this model and these settings."""
        stretch = stretch_of(state.key)
        before = self._before.get((state.dataset, state.key.run, stretch)) or Before(self.initial(), stretch)
        with one_thread():
            return closing.close(
                state, history, self.model, self.limits, before, self._tracks, self._settings, now_s, because
            )

    def reach(self, frozen: int) -> int:
        """Lumisections before one that decide its verdict: those of its stretch and of the one in front of it."""
        return max(frozen, 2 * STRETCH)

    def _places(self, elements: Collection[str]) -> list[int]:
        """Places of ``elements`` in the menu, of those that it has."""
        return [at for at, name in enumerate(self.model.menu.names) if name in elements]

    def _scored(self, record: TriggerRates) -> ScoredBatch:
        model, menu = self.model, record.menu
        catalogue, n = menu.catalogue, len(menu.names)
        readings = read([record], model.menu.names)
        expected = model.quadratic.expected(readings)[0]
        place = {name: at for at, name in enumerate(model.menu.names)}
        source = np.array([place.get(name, -1) for name in menu.names], dtype=np.intp)
        in_model = source >= 0
        bands = np.full((7, n), np.nan)
        rates = np.concatenate([record.l1, record.hlt])
        prescales = overall_prescales(record)
        bands[0, menu.rows], bands[5, menu.rows] = rates, prescales
        bands[4, menu.rows[in_model]] = expected[source[in_model]] / LUMISECTION_SECONDS
        if menu.versions:
            bands[6, menu.rows] = [version or np.nan for version in menu.versions]
        reasons = np.full(n, Reason.NO_MODEL, dtype=np.uint8)
        reasons[menu.rows[in_model]] = np.where(model.judged[source[in_model]], Reason.CONSISTENT, Reason.NO_MODEL)
        if not readings.usable[0]:
            unstable = record.conditions.beams_stable is False
            reasons[:] = Reason.NO_STABLE_BEAMS if unstable else Reason.LOW_STATISTICS
        reasons[menu.rows[prescales == 0]] = Reason.SWITCHED_OFF
        scores = SubsystemScores(
            catalogue,
            SCORERS,
            np.ones(n, dtype=np.bool_),
            np.full(n, np.nan, dtype=np.float32),
            np.full((len(SCORERS), n), np.nan, dtype=np.float32),
            _content(rates, n),
            reasons,
            bands=Bands.from_array(bands.astype(np.float32)),
        )
        return ScoredBatch(record.key, record.dataset, SUBSYSTEM, record.conditions, self.version, scores)


def _content(rates: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.uint64]:
    """The digest (n,) of all rates together, for each: a single rate of few counts repeats by chance."""
    whole = digests(rates.astype(np.float32)[None], np.zeros((1, 2)), np.array([rates.sum()]))
    if not rates.any():
        whole[:] = EMPTY
    return np.repeat(whole, n)
