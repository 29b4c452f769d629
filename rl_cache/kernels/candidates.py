"""The lowest-scored of the files that were drawn so far: what a policy that draws a few files remembers between draws.

A score changes with time, so it is only a hint of where to look: whoever takes the lowest computes it anew.
"""

from typing import NamedTuple

import numpy as np

from rl_cache.arrays import Float64, Int32, Int64
from rl_cache.kernels.jit import kernel
from rl_cache.kernels.request import NOTHING

_PLACES = 24


class Candidates(NamedTuple):
    """Files with their scores, in no order.

    Attributes:
        file: int32[24], NOTHING in an empty place.
        score: float64[24], infinite in an empty place.
        row: int64[24], the row that the score was computed at.
    """

    file: Int32
    score: Float64
    row: Int64


def no_candidates() -> Candidates:
    """Empty places."""
    return Candidates(np.full(_PLACES, NOTHING, np.int32), np.full(_PLACES, np.inf), np.zeros(_PLACES, np.int64))


@kernel
def offer(candidates: Candidates, file: int, score: float, row: int) -> None:
    """Remember the file in the place of the highest-scored, if its score is lower."""
    place = 0
    for k in range(len(candidates.file)):
        if candidates.file[k] == file:
            place = k
            break
        if candidates.score[k] > candidates.score[place]:
            place = k
    if score < candidates.score[place] or candidates.file[place] == file:
        put(candidates, place, file, score, row)


@kernel
def put(candidates: Candidates, place: int, file: int, score: float, row: int) -> None:
    """Overwrite a place."""
    candidates.file[place] = file
    candidates.score[place] = score
    candidates.row[place] = row


@kernel
def lowest(candidates: Candidates) -> int:
    """The place of the lowest score; an empty one where all are."""
    place = 0
    for k in range(1, len(candidates.file)):
        if candidates.score[k] < candidates.score[place]:
            place = k
    return place
