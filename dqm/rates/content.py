"""Content digests of rates: whether a lumisection repeats another one.

A path of a few Hz counts the same number twice by chance. What does not repeat by chance is a folder, a seed with all
its paths, which counts ten thousands: all its rates have the digest of the folder's content.
"""

import numpy as np
import numpy.typing as npt

from dqm.digests import EMPTY, digests
from dqm.folders import folders
from streams.records import Catalogue

UInt64 = npt.NDArray[np.uint64]
Float64 = npt.NDArray[np.float64]

LEAST_COUNTS = 1000.0
"""A folder that counts less may repeat by chance and is called empty."""


def content(rates: Float64, counts: Float64, catalogue: Catalogue) -> UInt64:
    """Digest (n,) of the folder of each of ``rates`` (n,) in Hz, which are ``counts`` (n,), in catalogue order."""
    if not len(rates):
        return np.zeros(0, dtype=np.uint64)
    found = folders(catalogue)
    each = digests(rates.astype(np.float32)[:, None], np.zeros((len(rates), 2)), rates)
    of_folder = np.zeros(len(found.names), dtype=np.uint64)
    total = np.zeros(len(found.names))
    # The sum of digests that are as good as random is one again, in whatever order the rates stand; it wraps around.
    np.add.at(of_folder, found.of, each * _odd(len(each)))
    np.add.at(total, found.of, counts)
    of_folder[of_folder == 0] = 1
    of_folder[total < LEAST_COUNTS] = EMPTY
    return of_folder[found.of]


def _odd(count: int) -> UInt64:
    """Odd numbers: two rates that change places are another content."""
    return 2 * np.arange(count, dtype=np.uint64) + np.uint64(1)
