"""The alarm level of whole runs, moved so that as many good ones alarm as was declared, whatever drifts.

Conformal PID control (A. N. Angelopoulos, E. J. Candès, R. J. Tibshirani, NeurIPS 2023, after I. Gibbs, E. J. Candès,
NeurIPS 2021), fed by runs of which people said that they were good. A run is as surprising as -ln of its p-value. The
threshold on that is *forecast*, as the quantile at the declared rate of the latest good runs, and *moved* by what they
did: by :data:`GAIN` times the difference between one, for a good run that alarms, or nought and the declared rate. An
alarm moves it no more the stranger its run was, and the forecast takes no run for stranger than twice as far out as an
exponential distribution of the same median has that quantile: a few bad runs that somebody called good do little.

The level is a function of the runs alone: the thresholds of all of them are worked out again, as if the word on each
had come :data:`LATE` runs after it. So it does not depend on when people spoke, and words that come late in one heap
move it no farther than they would have in time.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from streams.arrays import Float64, Mask

LATEST_RUNS = 200
"""Runs before one whose words count."""
LEAST_GOOD = 20
"""Good runs among them below which the level is the declared one."""
FORECAST_FROM = 50
LATE = 10
GAIN = 0.3
MOST_MOVED = 5.0
"""On -ln p. Gain and bound were chosen on streams drawn at random that drift in several ways."""
GREATEST = 2.0
"""Times the declared level: evidence is kept of what lies that far."""
LEAST_P = 1e-12
_FAR = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class GoodRuns:
    """Good runs in order: ``p_values`` (R,) of their content, NaN where it was not tested.

    ``amount`` (R,) says which alarmed for too few or too many entries, whatever the content.
    """

    p_values: Float64
    amount: Mask


@dataclass(frozen=True, slots=True)
class AlarmLevel:
    """The p-value at or below which the content of a run alarms, the ``declared`` one, and the good runs behind it."""

    p_value: float
    declared: float
    good_runs: int

    @classmethod
    def of(cls, good: GoodRuns, declared: float, rate: float) -> Self:
        """The level after ``good`` runs, of which a share ``rate`` may alarm; the declared one if they are too few."""
        enough = len(good.p_values) >= LEAST_GOOD
        return cls(controlled(good, declared, rate) if enough else declared, declared, len(good.p_values))

    @property
    def leniency(self) -> float:
        """What p-values are divided by, so that the declared threshold stands for this one."""
        return self.p_value / self.declared

    def sentence(self) -> str:
        """In words, for a person."""
        if self.good_runs < LEAST_GOOD:
            return (
                f"Alarm level {self.declared:.2g}, as declared: people called {self.good_runs} of the "
                f"{LATEST_RUNS} runs before good, and it takes {LEAST_GOOD} to learn another."
            )
        return (
            f"Alarm level {self.p_value:.2g} in place of {self.declared:.2g}: "
            f"learned from {self.good_runs} runs that people called good."
        )


def controlled(good: GoodRuns, declared: float, rate: float) -> float:
    """The p-value at or below which the run after some ``good`` ones alarms, of which a share ``rate`` may.

    At least :data:`LEAST_P` and at most :data:`GREATEST` times the ``declared`` one.
    """
    # What alarms whatever the level is takes its part of the declared share.
    p_values = np.where(good.amount, LEAST_P, np.nan_to_num(good.p_values, nan=1.0))
    surprise = -np.log(np.clip(p_values, LEAST_P, 1.0))
    forecasts = _forecasts(surprise, declared, rate)
    lowest, highest = -np.log(GREATEST * declared), -np.log(LEAST_P)
    moved = np.zeros(len(surprise) + 1)
    for at, strangeness in enumerate(surprise):
        last_word = max(at - LATE, 0)
        threshold = np.clip(forecasts[last_word] + moved[last_word], lowest, highest)
        error = float(strangeness >= threshold) - rate
        moved[at + 1] = np.clip(moved[at] + GAIN * error, -MOST_MOVED, MOST_MOVED)
    return float(np.exp(-np.clip(forecasts[-1] + moved[-1], lowest, highest)))


def _forecasts(surprise: Float64, declared: float, rate: float) -> Float64:
    """After each number of runs from 0 on, (R + 1,), the surprise that a share ``rate`` of runs like them exceeds."""
    forecasts = np.full(len(surprise) + 1, -np.log(declared))
    for runs in range(LEAST_GOOD, min(FORECAST_FROM, len(forecasts))):
        forecasts[runs] = _exceeded(surprise[:runs], rate)
    if len(surprise) >= FORECAST_FROM:
        latest = np.lib.stride_tricks.sliding_window_view(surprise, FORECAST_FROM)
        forecasts[FORECAST_FROM:] = _exceeded(latest, rate)
    return forecasts


def _exceeded(surprise: Float64, rate: float) -> Float64:
    """What a share ``rate`` of the last axis exceeds, none of it taken for stranger than far out."""
    far = _FAR * np.log2(1.0 / rate) * np.median(surprise, axis=-1, keepdims=True)
    quantile: Float64 = np.quantile(np.minimum(surprise, far), 1.0 - rate, axis=-1)
    return quantile
