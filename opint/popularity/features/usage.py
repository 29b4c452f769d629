"""Who read a dataset, and where: users and sites of the weeks that are over."""

import numpy as np

from opint.popularity.features.windows import sums
from opint.popularity.history import Float32, History
from opint.popularity.label import Label

WINDOWS = (1, 4)


def usage(history: History, _: Label) -> dict[str, Float32]:
    """Mean number of users and of sites a week over each window; nothing for a measure that is not known."""
    return {
        f"{measure[1:]}_{weeks}w": sums(history.measures[measure], weeks) / np.float32(weeks)
        for measure in ("nusers", "nsites")
        if measure in history.measures
        for weeks in WINDOWS
    }
