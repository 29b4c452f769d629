"""From features with units to what a network is shown.

A feature that is never negative and leans to one side (energies, masses, isolation, multiplicities) is taken as
log(1 + value / its median above zero); all are then centred and divided by their spread. Zero often means that there
is no such thing (no second lepton has no mass): where a feature is zero in more than a hundredth of the events but not
always, whether it is zero becomes an input of its own and its size is judged only where it is not.
"""

from dataclasses import dataclass, fields

import numpy as np

from streams.arrays import Float32, Float64

ABSENT_SHARE = 0.01
LEANING = 1.0
"""Skewness beyond which the logarithm is taken."""
STEP_SHARE = 0.3
"""Least spread of a whole number, in steps of one: the network is not to tell counts apart by their roundness."""
LARGEST = 1e30
"""Values beyond it are taken as it: nothing that is divided by a spread may overflow."""
LEAST_SPREAD = 0.1
"""Least spread that the network may claim of any feature, in units of the spread of all events."""


@dataclass(frozen=True, slots=True, eq=False)
class EventScaling:
    """For f features: all (f,) float32.

    ``unit`` is that of the logarithm, 0 where none is taken; ``centre`` and ``spread`` are of the values that are
    judged; ``optional`` is 1 where zero means absent; ``floor`` is the least spread that the network may claim.
    """

    unit: Float32
    centre: Float32
    spread: Float32
    optional: Float32
    floor: Float32

    @classmethod
    def of(cls, values: Float32) -> "EventScaling":
        """Learned from events ``values`` (n, f)."""
        columns = [_column(column.astype(np.float64)) for column in values.T]
        return cls(*np.array(columns, dtype=np.float32).T)

    def __call__(self, values: Float32) -> Float32:
        """What a network is shown of ``values`` (n, f): sizes (0 where absent), then 1 where present; (n, 2f)."""
        present = np.where(self.optional > 0, values != 0, True)
        values = np.clip(values, -LARGEST, LARGEST)
        leaning = self.unit > 0
        unit = np.where(leaning, self.unit, 1.0)
        logarithm = np.log1p(np.maximum(values, 0.0) / unit)
        sizes = (np.where(leaning, logarithm, values) - self.centre) / self.spread
        shown: Float32 = np.concatenate([np.where(present, sizes, 0.0), present], axis=1, dtype=np.float32)
        return shown

    def arrays(self) -> dict[str, Float32]:
        """The numbers by name, to be saved."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


def _column(values: Float64) -> tuple[float, float, float, float, float]:
    """Unit, centre, spread, optional and floor of one feature."""
    absent = float((values == 0).mean())
    optional = ABSENT_SHARE < absent < 1.0
    judged = values[values != 0] if optional else values
    deviation = float(judged.std()) or 1.0
    skewness = float(((judged - judged.mean()) ** 3).mean()) / deviation**3
    whole = bool((judged == np.rint(judged)).all())
    unit = float(np.median(judged)) if judged.min() >= 0 and skewness > LEANING else 0.0
    transformed = np.log1p(judged / unit) if unit > 0 else judged
    spread = max(float(transformed.std()), 1e-3)
    # How far one step reaches where counts usually lie.
    step = 1.0 / (2.0 * unit) if unit > 0 else 1.0
    floor = max(LEAST_SPREAD, STEP_SHARE * step / spread if whole else 0.0)
    return unit, float(transformed.mean()), spread, float(optional), floor
