"""Models that forecast from features; the only home of scikit-learn and XGBoost.

Each is a function from examples to :class:`Forecaster`. They are imported when they are trained, not before.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from opint.popularity.errors import PopularityError
from opint.popularity.history import Float32, Float64

Flags = npt.NDArray[np.bool_]


class Forecaster(Protocol):
    """A trained model."""

    def probabilities(self, features: Float32) -> Float64:
        """Probability (r,) that each row of features (r, k) will be popular."""


Train = Callable[[Float32, Flags, int], Forecaster]
"""From features (r, k), labels (r,) with both kinds among them, and a seed."""

_HOMES: Mapping[str, str] = {
    "forest": "opint.popularity.models.forest",
    "sgd": "opint.popularity.models.sgd",
    "boosting": "opint.popularity.models.boosting",
    "blend": "opint.popularity.models.blend",
}
NAMES = tuple(_HOMES)

CPU_SECONDS: Mapping[str, float] = {"sgd": 4, "boosting": 10, "forest": 53, "blend": 63}
"""What one training on 100,000 examples took, measured on the simulated catalogue; to tell people how long it takes."""


def trainer(name: str) -> Train:
    """How the model of this name is trained; raises PopularityError for one that is not there."""
    if name not in _HOMES:
        raise PopularityError(f"model is {name!r}; known are {', '.join(NAMES)}")
    try:
        return cast(Train, import_module(_HOMES[name]).train)
    except ModuleNotFoundError as error:
        raise PopularityError(f"model {name!r} needs {error.name}: pip install 'nightshift[spark]'") from None
