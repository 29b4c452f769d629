"""Everything that was learned of the rates of one trigger."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from dqm.features import PileupScale
from dqm.networks.conditional_vae import ConditionalVae
from dqm.rates.calibration import Calibration, PValues
from dqm.rates.columns import Columns
from dqm.rates.curves import Curves
from dqm.rates.sight import Expectation
from dqm.statistics.conformal import ConformalTable
from streams.records import TriggerMenu

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class RateModel:
    """What is expected, how residuals become p-values, prescale columns, and the p-values of calibration in time order.

    ``whole`` makes a p-value of the whole trigger of -ln of that which its elements have together.
    """

    expectation: Expectation
    calibration: Calibration
    columns: Columns
    found: PValues
    whole: ConformalTable

    @property
    def menu(self) -> TriggerMenu:
        """Seeds and paths that are known."""
        return self.expectation.menu

    def arrays(self) -> Arrays:
        """All numbers by name; the menu is not among them."""
        expectation, calibration, curves = self.expectation, self.calibration, self.expectation.curves
        return {
            "curves/coefficients": curves.coefficients,
            "curves/spread": curves.spread,
            "curves/pileup": np.array([curves.pileup.mean, curves.pileup.deviation]),
            "curves/reach": curves.reach,
            "curves/shift": curves.shift,
            "curves/known": curves.known,
            **{f"network/{name}": one for name, one in expectation.network.arrays().items()},
            "unit": expectation.unit,
            "spread": expectation.spread,
            "tables/rows": np.array([one.as_array() for one in calibration.rows]),
            "tables/together": calibration.together.as_array(),
            "tables/overall": calibration.overall.as_array(),
            "tables/whole": self.whole.as_array(),
            "wide": calibration.wide,
            "reach": calibration.reach,
            "columns/index": self.columns.index,
            "columns/prescales": self.columns.prescales,
            **{f"found/{one.name}": getattr(self.found, one.name) for one in fields(PValues)},
        }

    @classmethod
    def from_arrays(cls, menu: TriggerMenu, arrays: Arrays) -> "RateModel":
        """Inverse of :meth:`arrays`; raises KeyError or ValueError for numbers that make no model."""
        mean, deviation = (float(one) for one in arrays["curves/pileup"])
        curves = Curves(
            pileup=PileupScale(mean, deviation),
            **{name: arrays[f"curves/{name}"] for name in ("coefficients", "spread", "reach", "shift", "known")},
        )
        network = {name.removeprefix("network/"): one for name, one in arrays.items() if name.startswith("network/")}
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
            PValues(**{one.name: arrays[f"found/{one.name}"] for one in fields(PValues)}),
            ConformalTable.from_array(arrays["tables/whole"]),
        )
