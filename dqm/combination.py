"""From several p-values to one.

Scorers of one ME look at the same counts, MEs of one subsystem at the same collisions: their p-values are not
independent. :data:`METHODS` are the ways of combining them; what is chosen is calibrated once more on good
lumisections, so that a method decides what is seen, never how often it is wrong. For the scorers of one ME
``python -m benchmarks.dqm --only combination`` finds no difference between them; what was chosen is safe under the
dependence to be expected (docs/combination.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from dqm.folders import folders
from dqm.quality import Certified
from dqm.statistics.bonferroni import bonferroni
from dqm.statistics.cauchy import cauchy
from dqm.statistics.fisher import fisher
from dqm.statistics.harmonic_mean import harmonic_mean
from dqm.statistics.simes import simes
from streams.records import Catalogue

NAMED_SHARE = 0.25
"""A folder is named for a lumisection if it holds at least this share of what speaks against that, or the most."""
_TAKES_PART = 0.1

Method = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]
"""P-values (..., m) to p-values (...); NaN is left out, and a set of nothing gives NaN."""

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "bonferroni": bonferroni,
        "simes": simes,
        "cauchy": cauchy,
        "harmonic-mean": harmonic_mean,
        "fisher": fisher,
    }
)

of_elements: Method = METHODS["simes"]
"""The MEs of a subsystem, or of a folder, in one lumisection."""

of_sources: Method = METHODS["cauchy"]
"""The MEs of a subsystem one by one, and what looks at it as a whole."""


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """What a scorer of whole lumisections says of one subsystem.

    ``p_value`` in (0, 1] is calibrated on whole good lumisections. ``shares`` (n,), in catalogue order and not
    negative, is how much each ME holds of what speaks against the lumisection, in any unit. ``certified`` is the score
    behind it and its uncertainty, where the scorer has one.
    """

    p_value: float
    shares: npt.NDArray[np.float64]
    certified: Certified | None = None


def named(opinion: Opinion, catalogue: Catalogue) -> npt.NDArray[np.bool_]:
    """The MEs (n,) that an opinion speaks of: those that count in the folders that hold most."""
    found = folders(catalogue)
    chosen = _named_folders(opinion, catalogue)
    held = np.bincount(found.of, opinion.shares, len(found.names))
    counts: npt.NDArray[np.bool_] = opinion.shares >= _TAKES_PART * held[found.of]
    return counts & chosen[found.of] & (opinion.shares > 0)


def folder_p(opinions: Sequence[Opinion | None], catalogue: Catalogue) -> npt.NDArray[np.float32]:
    """P-values (folders, L) of the folders that opinions name, 1 for others and NaN without an opinion.

    :mod:`dqm.budget` takes its threshold from these, so that opinions which hit upon another folder each time
    do not count as if they raised an incident.
    """
    columns = [
        np.full(len(folders(catalogue).names), np.nan)
        if one is None
        else np.where(_named_folders(one, catalogue), one.p_value, 1.0)
        for one in opinions
    ]
    return np.array(columns, dtype=np.float32).T


def _named_folders(opinion: Opinion, catalogue: Catalogue) -> npt.NDArray[np.bool_]:
    found = folders(catalogue)
    held = np.bincount(found.of, opinion.shares, len(found.names))
    chosen: npt.NDArray[np.bool_] = held >= min(NAMED_SHARE * held.sum(), held.max(initial=0.0))
    return chosen & (held > 0)
