"""Ways of making one score of a run from the deviations of its 62 histograms in four kinds of number."""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

KINDS = ("chi2", "pull", "pca", "entries")
"""What is known of a histogram: AutoDQM's three scores, and its share of the run's entries."""
SUMMARIES = ("mean", "square", "tenth", "third")
"""Mean, root mean square, mean of the largest tenth, and the third largest, which is what the published rule cuts."""

_THIRD = 3


@dataclass(frozen=True, slots=True)
class Form:
    """``kinds`` that are looked at, whether deviations to both sides count, and how they are summarised."""

    kinds: tuple[str, ...]
    both_sides: bool
    summary: str

    def score(self, deviations: Floats) -> Floats:
        """Scores (runs,) of ``deviations`` (runs, kinds, histograms) in standard deviations."""
        used = deviations[:, [KINDS.index(kind) for kind in self.kinds]].reshape(len(deviations), -1)
        return _summary(self.summary, np.abs(used) if self.both_sides else np.maximum(used, 0.0))


FORMS = tuple(
    Form(kinds, both, summary)
    for count in range(1, len(KINDS) + 1)
    for kinds in itertools.combinations(KINDS, count)
    for both in (True, False)
    for summary in SUMMARIES
)
"""All of them: 120."""


def _summary(name: str, sizes: Floats) -> Floats:
    ordered = np.sort(sizes, axis=1)
    result: Floats
    match name:
        case "mean":
            result = sizes.mean(axis=1)
        case "square":
            result = np.sqrt((sizes**2).mean(axis=1))
        case "tenth":
            result = ordered[:, -max(1, sizes.shape[1] // 10) :].mean(axis=1)
        case _:
            result = ordered[:, -_THIRD]
    return result
