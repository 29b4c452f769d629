"""Everything that was learned of the rates of one trigger, and that model as a folder of numbers.

``manifest.json`` says what it is and holds the SHA-256 of ``rates.npz``; the SHA-256 of the manifest is the version.
Nothing that is loaded is executed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from dqm.arrays import NamedArrays
from dqm.core.bundle_files import MANIFEST, BundleError, archive, read, verified, write
from dqm.core.pileup import PileupScale
from dqm.networks.conditional_vae import ConditionalVae
from dqm.rates.calibration import Calibration, PValues
from dqm.rates.columns import Columns
from dqm.rates.curves import Curves
from dqm.rates.residuals import Expectation
from dqm.statistics.conformal import ConformalTable
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
            "curves/known": curves.known,
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
            **{f"found/{entry.name}": getattr(self.p_values, entry.name) for entry in fields(PValues)},
        }

    @classmethod
    def from_arrays(cls, menu: TriggerMenu, arrays: NamedArrays) -> "RateModel":
        """Inverse of :meth:`arrays`; raises KeyError or ValueError for numbers that make no model."""
        mean, deviation = (float(number) for number in arrays["curves/pileup"])
        curves = Curves(
            pileup=PileupScale(mean, deviation),
            **{name: arrays[f"curves/{name}"] for name in ("coefficients", "spread", "reach", "shift", "known")},
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
            PValues(**{number.name: arrays[f"found/{number.name}"] for number in fields(PValues)}),
            ConformalTable.from_array(arrays["tables/whole"]),
        )


FORMAT = 1
KIND = "rates"
_FILE = "rates.npz"


@dataclass(frozen=True)
class RateBundle:
    """A model and what is told of it; ``version`` is empty for one that was never saved."""

    name: str
    version: str
    model: RateModel
    manifest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trained_s(self) -> float | None:
        """When it was trained, s since 1970; None where the manifest does not say."""
        trained_s = self.manifest.get("trained_s")
        return float(trained_s) if isinstance(trained_s, int | float) else None


def save(bundle: RateBundle, folder: Path) -> RateBundle:
    """Write the bundle to ``folder``, whole or not at all, in place of what was there; returns it with its version."""
    content = archive(bundle.model.arrays())
    menu = bundle.model.menu
    manifest = {
        **bundle.manifest,
        "format": FORMAT,
        "kind": KIND,
        "name": bundle.name,
        "menu": {"l1": menu.l1, "hlt": menu.hlt, "seed_of": menu.seed_of},
        "files": {_FILE: hashlib.sha256(content).hexdigest()},
    }
    raw = json.dumps(manifest, indent=1, sort_keys=True).encode()
    write(folder, {_FILE: content, MANIFEST: raw})
    return replace(bundle, version=hashlib.sha256(raw).hexdigest(), manifest=manifest)


def load(folder: Path) -> RateBundle:
    """Read and verify a bundle; raises BundleError naming the file and what to do."""
    raw = read(folder / MANIFEST, "nightshift train rates")
    try:
        manifest = json.loads(raw)
        if (manifest.get("kind"), manifest["format"]) != (KIND, FORMAT):
            raise BundleError(f"{folder / MANIFEST} is no model of rates of format {FORMAT}; train a new bundle")
        saved_menu = manifest["menu"]
        menu = TriggerMenu(
            tuple(saved_menu["l1"]), tuple(saved_menu["hlt"]), tuple(int(seed) for seed in saved_menu["seed_of"])
        )
        model = RateModel.from_arrays(menu, verified(folder, _FILE, manifest["files"][_FILE]))
        return RateBundle(str(manifest["name"]), hashlib.sha256(raw).hexdigest(), model, manifest)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise BundleError(f"{folder} is not a complete bundle ({error!r}); train it again") from error
