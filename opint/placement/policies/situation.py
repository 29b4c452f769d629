"""What every policy is told at the end of a week, and what a policy is."""

from collections.abc import Callable
from dataclasses import dataclass

from opint.placement.budget import Budget, Prices
from opint.placement.decision import Decision
from opint.placement.replicas import Replicas
from opint.popularity.history import Float64, History
from opint.popularity.label import Label


@dataclass(frozen=True, eq=False)
class Situation:
    """The end of the last week of ``history``, whose datasets are those of ``replicas``.

    ``probability`` (n,) is that of being popular next week, ``share`` (n, R) that of the regions in the reads.
    """

    history: History
    replicas: Replicas
    label: Label
    probability: Float64
    share: Float64
    budget: Budget
    prices: Prices

    @property
    def week(self) -> int:
        """The last week that is known."""
        return self.history.shape[1] - 1


Policy = Callable[[Situation], Decision]
"""Decides what is deleted and copied before the next week; the same for the same situation."""
