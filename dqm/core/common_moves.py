"""Whether the histograms of a whole run moved together: then they have one cause, and there is one incident.

Where nearly all folders of a subsystem deviate in the same run, what is unlike before is the run, as after another
high voltage or another menu. Folders that deviate beside many that do not have causes of their own.
"""

import numpy as np

from dqm.core.combination import folders
from dqm.core.quality import Reason
from streams.arrays import Mask, UInt8
from streams.records import Catalogue

NEARLY_ALL = 0.8
"""Share of the judged folders that deviate."""
LEAST_FOLDERS = 3


def moved_together(catalogue: Catalogue, reasons: UInt8) -> UInt8:
    """The ``reasons`` (n,) of a whole run, MOVED_TOGETHER in place of DEVIATES where nearly all folders deviate."""
    deviating = reasons == Reason.DEVIATES
    judged = deviating | np.isin(reasons, (Reason.CONSISTENT, Reason.SUSPECT))
    of_all = _folders_with(catalogue, judged)
    if of_all < LEAST_FOLDERS or _folders_with(catalogue, deviating) < NEARLY_ALL * of_all:
        return reasons
    return np.where(deviating, np.uint8(Reason.MOVED_TOGETHER), reasons)


def _folders_with(catalogue: Catalogue, elements: Mask) -> int:
    return len(np.unique(folders(catalogue).of[elements]))
