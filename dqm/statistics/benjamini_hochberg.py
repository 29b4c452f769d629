"""Control of the false discovery rate.

Y. Benjamini, Y. Hochberg, J. R. Stat. Soc. B 57 (1995) 289: with n hypotheses, reject those with the k smallest
p-values, k the largest for which p_(k) <= q k / n. At most a share q of the rejections is false on average, for
independent p-values and for positively dependent ones (Benjamini, Yekutieli 2001).
"""

import numpy as np
import numpy.typing as npt


def discovery_threshold(p_values: npt.NDArray[np.float32], rate: float) -> float:
    """Largest p-value that is rejected, 0 if none is; NaN marks what was not tested and does not count."""
    tested = np.sort(p_values[~np.isnan(p_values)])
    limits = rate * np.arange(1, len(tested) + 1) / max(len(tested), 1)
    passed = np.flatnonzero(tested <= limits)
    return float(tested[passed[-1]]) if len(passed) else 0.0
