"""What one lumisection says of one family of faults in one folder of MEs."""

from dataclasses import dataclass

from streams.records import LumisectionKey


@dataclass(frozen=True, slots=True)
class Observation:
    """One folder in one lumisection, seen through one family.

    ``bad`` names the MEs with a verdict of this family, worst first; ``ill`` those that alarm for any
    family; ``inspected`` those judged and found not bad. ``size`` is how many MEs the folder has and
    ``p_value`` the smallest of the bad ones, None where they have none.
    """

    key: LumisectionKey
    bad: tuple[str, ...] = ()
    ill: frozenset[str] = frozenset()
    inspected: frozenset[str] = frozenset()
    size: int = 0
    p_value: float | None = None
    model_version: str = ""

    def heals(self, elements: tuple[str, ...]) -> bool:
        """Whether it speaks for the end of a fault that was last seen in ``elements``.

        At least one of them must have been inspected and none may alarm, for whatever reason: an ME that
        was dead and is now missing has not recovered, and neither has one that nobody looked at.
        """
        return not self.bad and self.ill.isdisjoint(elements) and not self.inspected.isdisjoint(elements)
