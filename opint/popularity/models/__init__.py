"""Models that forecast from features; the only home of scikit-learn and XGBoost.

Each is a function from examples to :class:`Forecaster`. They are imported when they are trained, not before.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, cast

from opint.popularity.errors import PopularityError
from streams.arrays import Float32, Float64, Mask


class Forecaster(Protocol):
    """A trained model."""

    def probabilities(self, features: Float32) -> Float64:
        """Probability (r,) that each row of features (r, k) will be popular."""


Train = Callable[[Float32, Mask, int], Forecaster]
"""From features (r, k), labels (r,) of both classes, and a seed."""

NAMES = ("forest", "sgd", "boosting", "blend")

CPU_SECONDS: Mapping[str, float] = {"sgd": 4, "boosting": 10, "forest": 53, "blend": 63}
"""CPU time of one training on 100,000 examples, measured on the simulated catalogue; commands announce it."""


def trainer(name: str) -> Train:
    """The function that trains the model of this name; raises PopularityError for an unknown name."""
    if name not in NAMES:
        raise PopularityError(f"model is {name!r}; known are {', '.join(NAMES)}")
    try:
        from opint.popularity.models import classifiers  # noqa: PLC0415 - scikit-learn takes seconds to load
    except ModuleNotFoundError as error:
        raise PopularityError(f"model {name!r} needs {error.name}: pip install 'nightshift[spark]'") from None
    return cast(Train, getattr(classifiers, f"train_{name}"))
