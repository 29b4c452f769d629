"""Rates as they were seen and as they were expected: what a person looks at."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """Rates of one lumisection in catalogue order, (n,) float32 each, in Hz; NaN where there is none.

    ``observed`` is the rate as it came. ``low`` to ``high`` is where 99 % of good lumisections lie, about the
    ``expected`` rate, given the rates of all seeds. ``curve`` is the rate that pileup alone would make it. All are for
    the declared ``prescale`` (of a path: its own times that of its seed) and for the live time of the lumisection.
    """

    observed: Float32
    expected: Float32
    low: Float32
    high: Float32
    curve: Float32
    prescale: Float32

    def as_array(self) -> Float32:
        """All six, one after the other (6, n)."""
        return np.stack([getattr(self, one.name) for one in fields(self)])

    @classmethod
    def from_array(cls, rows: Float32) -> "Bands":
        """Inverse of :meth:`as_array`."""
        return cls(*rows)

    @classmethod
    def nothing(cls, elements: int) -> "Bands":
        """Of rates that did not come."""
        return cls.from_array(np.full((len(fields(cls)), elements), np.nan, dtype=np.float32))
