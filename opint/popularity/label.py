"""What counts as popular: an expression such as ``naccess > 10``, which is read and never executed."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from opint.popularity.errors import PopularityError
from opint.popularity.history import History
from streams.arrays import Float32, Mask

MEASURES = ("naccess", "nusers", "nsites")
_OPERATORS: dict[str, Callable[[Float32, float], Mask]] = {
    ">": operator.gt,
    ">=": operator.ge,
}
_EXPRESSION = re.compile(r"\s*(?P<measure>[a-z]+)\s*(?P<operator>>=?)\s*(?P<limit>\d+(\.\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class Label:
    """A week in which ``measure`` (one of MEASURES) compares as ``comparison`` (> or >=) with ``limit`` is popular."""

    measure: str
    comparison: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> "Label":
        """Read an expression; raises PopularityError if it is not one."""
        match = _EXPRESSION.fullmatch(text)
        if match is None or match["measure"] not in MEASURES:
            raise PopularityError(
                f"label is {text!r}; it must be MEASURE > NUMBER or MEASURE >= NUMBER with one of {', '.join(MEASURES)}"
            )
        return cls(match["measure"], match["operator"], float(match["limit"]))

    def require(self, history: History) -> None:
        """Raise PopularityError unless the history has the measure."""
        if self.measure not in history.measures:
            raise PopularityError(f"the table has no {self.measure}; it has {', '.join(history.measures)}")

    def holds(self, values: Float32) -> Mask:
        """Where ``values`` of the measure (any shape) are popular."""
        return _OPERATORS[self.comparison](values, self.limit)

    def __str__(self) -> str:
        """The expression."""
        return f"{self.measure} {self.comparison} {self.limit:.15g}"
