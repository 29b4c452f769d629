"""Whether a suggestion stands: it runs in the dark beside LRU, and is withdrawn when it does worse."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rl_cache.quantities import show_bytes

TRIAL_DAYS = 3
WINDOW_DAYS = 7


class Standing(StrEnum):
    """What may be done with a suggestion."""

    ON_TRIAL = "on trial"
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A standing and why."""

    standing: Standing
    reason: str


def judge(saved_bytes_by_day: Sequence[float]) -> Judgement:
    """Judge by the bytes that the suggestion saved against LRU, day by day; negative where LRU served more.

    Fewer than TRIAL_DAYS days tell nothing yet. Once any WINDOW_DAYS days in a row (fewer while there are no more)
    have cost more than they saved, the suggestion is withdrawn and stays so: conditions that turned it can come back.
    """
    days = list(saved_bytes_by_day)
    for end in range(TRIAL_DAYS, len(days) + 1):
        window = days[max(0, end - WINDOW_DAYS) : end]
        if sum(window) < 0:
            return Judgement(
                Standing.WITHDRAWN,
                f"LRU served {show_bytes(-sum(window))} more in the {len(window)} days up to day {end} of the trial",
            )
    if len(days) < TRIAL_DAYS:
        return Judgement(Standing.ON_TRIAL, f"tried for {len(days)} of {TRIAL_DAYS} days")
    return Judgement(Standing.ACTIVE, f"saved {show_bytes(sum(days) / len(days))} a day over {len(days)} days")
