"""How certain a mean is where its values come in blocks that hang together, as those of a run or of a week do."""

import numpy as np

from streams.arrays import Float64, Indices, Int64


def block_mean_interval(values: Float64, blocks: Indices | Int64, draws: int) -> tuple[float, float]:
    """The 95 % interval of the mean of ``values`` (n,): a bootstrap that draws whole ``blocks`` (n,), ``draws`` times.

    The draws are the same each time, so that equal values have equal intervals.
    """
    _, block = np.unique(blocks, return_inverse=True)
    totals, sizes = np.bincount(block, values), np.bincount(block)
    drawn = np.random.default_rng(0).integers(len(sizes), size=(draws, len(sizes)))
    low, high = np.percentile(totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)
