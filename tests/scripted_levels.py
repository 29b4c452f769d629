"""Rates of two paths without seeds and prescales, as files of monitoring have them, and a model of them."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from conf.settings import RateSettings
from dqm.rates.train import train
from streams.records import LUMISECTION_SECONDS, Conditions, LumisectionKey, TriggerMenu, TriggerRates

DATASET = "/Trigger/Scripted/RATES"
NAMES = ("HLT_Bias", "HLT_Physics")
"""One follows live time, the other luminosity."""


class Scripted:
    """Rates of two paths without seeds and prescales, in fills whose pileup falls from 62 to 40."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)

    def record(
        self,
        run: int,
        ls: int,
        *,
        column: str = "2p0E34",
        factors: Sequence[float] = (1.0, 1.0),
        version: int = 5,
        names: Sequence[str] = NAMES,
        pileup: float | None = None,
    ) -> TriggerRates:
        """One lumisection; ``factors`` are of what each path usually counts."""
        pileup = 62 - 22 * min(ls, 400) / 400 if pileup is None else pileup
        luminosity = 0.0075 * pileup
        usual = {"HLT_Bias": 1100.0, "HLT_Physics": 900 * luminosity, "HLT_New": 300.0}
        counts = [self.rng.poisson(usual[name] * by) for name, by in zip(names, factors, strict=False)]
        menu = TriggerMenu(tuple(names), (), (), (version,) * len(names))
        conditions = Conditions(
            fill=run,
            pileup=pileup,
            delivered_lumi=luminosity,
            recorded_lumi=luminosity,
            beams_stable=True,
            prescale_name=column,
        )
        rates = np.array(counts, dtype=np.float64) / LUMISECTION_SECONDS
        untold, nothing = np.full(len(names), np.nan), np.empty(0)
        return TriggerRates(LumisectionKey(run, ls), DATASET, conditions, menu, rates, nothing, untold, nothing)

    def run(self, run: int, length: int, **changes: object) -> list[TriggerRates]:
        """The first ``length`` lumisections of a run."""
        return [self.record(run, ls, **changes) for ls in range(1, length + 1)]  # type: ignore[arg-type]


@cache
def trained():
    """A model of three good runs."""
    good = [record for run in (1, 2, 3) for record in Scripted().run(run, 200)]
    with TemporaryDirectory() as folder:
        return train(good, Path(folder) / "rates", RateSettings(), np.random.default_rng(0), lambda *_: None, 1000.0)
