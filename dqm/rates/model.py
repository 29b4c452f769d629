"""Everything that was learned of the rates of one trigger with seeds and prescales."""

from dataclasses import dataclass, fields

import numpy as np

from dqm.core.pileup import PileupScale
from dqm.networks.conditional_vae import ConditionalVae
from dqm.rates.calibration import Calibration, PValues
from dqm.rates.columns import Columns
from dqm.rates.curves import Curves
from dqm.rates.residuals import Expectation
from dqm.statistics.conformal import ConformalTable
from streams.arrays import NamedArrays
from streams.records import TriggerMenu


@dataclass(frozen=True, slots=True, eq=False)
class RateModel:
    """What is expected, how residuals become p-values, prescale columns, and the p-values of calibration in time order.

    ``whole`` makes a p-value of the whole trigger of -ln of that which its elements have together.
    """

    expectation: Expectation
    calibration: Calibration
    columns: Columns
    p_values: PValues
    whole: ConformalTable

    @property
    def menu(self) -> TriggerMenu:
        """Seeds and paths that are known."""
        return self.expectation.menu

    def arrays(self) -> NamedArrays:
        """All numbers by name; the menu is not among them."""
        expectation, calibration, curves = self.expectation, self.calibration, self.expectation.curves
        return {
            "curves/coefficients": curves.coefficients,
            "curves/spread": curves.spread,
            "curves/pileup": np.array([curves.pileup.mean, curves.pileup.deviation]),
            "curves/reach": curves.reach,
            "curves/shift": curves.shift,
            "curves/is_fitted": curves.is_fitted,
            **{f"network/{name}": array for name, array in expectation.network.arrays().items()},
            "unit": expectation.unit,
            "spread": expectation.spread,
            "tables/rows": np.array([table.as_array() for table in calibration.rows]),
            "tables/together": calibration.together.as_array(),
            "tables/overall": calibration.overall.as_array(),
            "tables/whole": self.whole.as_array(),
            "wide": calibration.wide,
            "reach": calibration.reach,
            "columns/index": self.columns.index,
            "columns/prescales": self.columns.prescales,
            **{f"p_values/{entry.name}": getattr(self.p_values, entry.name) for entry in fields(PValues)},
        }

    @classmethod
    def from_arrays(cls, menu: TriggerMenu, arrays: NamedArrays) -> "RateModel":
        """Inverse of :meth:`arrays`; raises KeyError or ValueError for numbers that make no model."""
        mean, deviation = (float(number) for number in arrays["curves/pileup"])
        curves = Curves(
            pileup=PileupScale(mean, deviation),
            **{name: arrays[f"curves/{name}"] for name in ("coefficients", "spread", "reach", "shift", "is_fitted")},
        )
        network = {
            name.removeprefix("network/"): array for name, array in arrays.items() if name.startswith("network/")
        }
        calibration = Calibration(
            tuple(ConformalTable.from_array(row) for row in arrays["tables/rows"]),
            ConformalTable.from_array(arrays["tables/together"]),
            ConformalTable.from_array(arrays["tables/overall"]),
            arrays["wide"],
            arrays["reach"],
        )
        return cls(
            Expectation(menu, curves, ConditionalVae.from_arrays(network), arrays["unit"], arrays["spread"]),
            calibration,
            Columns(arrays["columns/index"], arrays["columns/prescales"]),
            PValues(**{number.name: arrays[f"p_values/{number.name}"] for number in fields(PValues)}),
            ConformalTable.from_array(arrays["tables/whole"]),
        )
