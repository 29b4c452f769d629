"""When a message that failed is tried again. Pure."""

import numpy as np

FIRST_PAUSE_S = 1.0
"""Longest pause before the first retry; it doubles each time."""

LONGEST_PAUSE_S = 300.0


def pause_s(attempts: int, retry_after_s: float | None, rng: np.random.Generator) -> float:
    """Seconds until the next attempt after ``attempts`` failed ones.

    Between half of a pause and all of it, so that dispatchers and messages do not come at once; never less than what
    the receiver has asked for.
    """
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 30))
    return max(float(longest * rng.uniform(0.5, 1.0)), retry_after_s or 0.0)
