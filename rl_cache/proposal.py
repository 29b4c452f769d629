"""What may be asked of a cache today: one rule and the reason for it."""

from dataclasses import dataclass
from enum import StrEnum

from rl_cache.policies.ruled import Rules


class Kind(StrEnum):
    """What is asked of a cache."""

    REFUSE = "refuse"
    QUOTA = "quota"
    PIN = "pin"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rule before its trial.

    Attributes:
        kind: what is asked.
        target: the directory or dataset.
        share: of the capacity, for a quota; 0 for others.
        reason: for people.
    """

    kind: Kind
    target: str
    share: float
    reason: str

    @property
    def rules(self) -> Rules:
        """The rule alone."""
        if self.kind is Kind.REFUSE:
            return Rules(refused=frozenset({self.target}))
        if self.kind is Kind.QUOTA:
            return Rules(quotas={self.target: self.share})
        return Rules(pinned=frozenset({self.target}))
