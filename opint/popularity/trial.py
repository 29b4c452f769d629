"""A model and the baselines on past weeks, by the rolling protocol."""

from collections.abc import Callable
from functools import partial

from opint.popularity.baselines import last_weeks, persistence
from opint.popularity.calibrated import Calibrated
from opint.popularity.cold_start import ColdStart
from opint.popularity.errors import PopularityError
from opint.popularity.models import Train
from opint.popularity.rolling import WARM_UP_WEEKS, Learned, Question, Score, WeekForecast, roll
from opint.popularity.standing import PERSISTENCE

SHARE = "last 4 weeks"
BASELINES = (PERSISTENCE, SHARE)


def trial(
    question: Question,
    model: str,
    train: Train,
    weeks: int,
    every: int,
    seed: int,
    progress: Callable[[float], None] = lambda _: None,
) -> dict[str, list[WeekForecast]]:
    """Forecasts of the newest ``weeks`` by model and baselines; ``progress`` hears the share done.

    Raises PopularityError if the table is too short for so many weeks.
    """
    last = question.history.shape[1]
    least = WARM_UP_WEEKS + 2 * question.horizon + 1
    if last - weeks < least:
        raise PopularityError(f"the table has {last} weeks: at most {max(0, last - least)} of them can be forecast")
    scores: dict[str, Score] = {
        model: Calibrated(ColdStart(Learned(train, seed, every))),
        PERSISTENCE: persistence,
        SHARE: partial(last_weeks, weeks=4),
    }
    forecasts: dict[str, list[WeekForecast]] = {name: [] for name in scores}
    for name, score in scores.items():
        for forecast in roll(question, score, range(last - weeks, last)):
            forecasts[name].append(forecast)
            progress(sum(map(len, forecasts.values())) / len(scores) / weeks)
    return forecasts
