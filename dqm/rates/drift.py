"""Drift of rates, carried from run to run: a run is judged with what those before it left."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

from dqm import following
from dqm.following import Residuals
from dqm.rates.curves import Curves
from dqm.rates.observed import Observed
from dqm.references.sums import is_sampled
from streams.records import LumisectionKey

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]

NUMBERS = 1
"""Of each seed and path that the centre follows: how far its rate has drifted, as a share of the curve of training."""
FARTHEST = 3.0
"""A rate is taken to have drifted no farther than this."""


def left_by(curves: Curves, seen: Observed, at: int, p_values: Float32) -> Residuals:
    """What one lumisection leaves: ``p_values`` (n,) of each rate, NaN: not judged."""
    one = seen.only(np.array([at], dtype=np.intp))
    away = one.counts / np.maximum(curves.at_training(one.exposure, one.pileup), 1e-9) - 1
    known = np.where(np.isfinite(p_values), np.clip(away, -1.0, FARTHEST), np.nan)
    residual: Float32 = known.T.astype(np.float32)
    return Residuals.of(residual, np.zeros_like(residual), float(curves.standardised(one.pileup)[0]), p_values)


def carried(curves: Curves, seen: Observed, keys: Sequence[LumisectionKey]) -> Iterator[tuple[slice, Curves]]:
    """The runs of good lumisections in order, each with the curves that those before have moved."""
    shift = following.start(len(curves.known), NUMBERS)
    start = 0
    for _, of_run in groupby(keys, lambda key: key.run):
        rows = slice(start, start + len(list(of_run)))
        yield rows, curves.moved(shift[..., 0])
        left = Residuals.nothing(len(curves.known), NUMBERS)
        for at in range(rows.start, rows.stop):
            if is_sampled(keys[at]):
                good = np.where(seen.judged[at] & curves.known, 1.0, np.nan).astype(np.float32)
                left += left_by(curves, seen, at, good)
        shift = following.followed(shift, left)
        start = rows.stop
