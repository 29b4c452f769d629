"""A hotline's model as a folder: ``manifest.json`` and one archive of plain arrays, verified by SHA-256.

As in :mod:`dqm.histograms.bundle` nothing that is loaded is executed, and the version is the hash of the manifest.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from dqm.core.bundle_files import MANIFEST, BundleError, archive, below, read, verified, write
from dqm.events.model import HotlineModel, PileupTail
from dqm.events.scaling import EventScaling
from dqm.networks.event_vae import EventVae
from dqm.statistics.conformal import ConformalTable
from streams.arrays import NamedArrays

FORMAT = "hotline-2"
_FILE = "hotline.npz"


def save(model: HotlineModel, folder: Path) -> HotlineModel:
    """Write the model to ``folder``, whole or not at all; returns it with its version."""
    arrays: NamedArrays = {f"scaling/{name}": array for name, array in model.scaling.arrays().items()}
    arrays |= {f"network/{name}": array for name, array in model.network.arrays().items()}
    arrays |= {
        "tail/pileup": model.tail.pileup,
        "tail/tables": np.array([table.as_array() for table in model.tail.tables]),
        "usual": model.usual,
        "mean_costs": model.mean_costs,
    }
    content = archive(arrays)
    manifest = {
        "format": FORMAT,
        "features": model.features,
        "events_per_s": model.events_per_s,
        "trained_s": model.trained_s,
        "files": {_FILE: hashlib.sha256(content).hexdigest()},
    }
    raw = json.dumps(manifest, indent=1, sort_keys=True).encode()
    write(folder, {_FILE: content, MANIFEST: raw})
    return replace(model, version=hashlib.sha256(raw).hexdigest())


def load(folder: Path) -> HotlineModel:
    """Read and verify a model; raises BundleError naming the file and what to do."""
    raw = read(folder / MANIFEST, "nightshift train hotline")
    try:
        manifest = json.loads(raw)
        if manifest["format"] != FORMAT:
            raise BundleError(f"{folder / MANIFEST}: format is {manifest['format']!r}, not {FORMAT!r}; train a new one")
        arrays = verified(folder, _FILE, manifest["files"][_FILE])
        return HotlineModel(
            features=tuple(str(feature) for feature in manifest["features"]),
            scaling=EventScaling(**below(arrays, "scaling/")),
            network=EventVae.from_arrays(below(arrays, "network/")),
            tail=PileupTail(arrays["tail/pileup"], tuple(map(ConformalTable.from_array, arrays["tail/tables"]))),
            usual=arrays["usual"],
            mean_costs=arrays["mean_costs"],
            events_per_s=float(manifest["events_per_s"]),
            trained_s=float(manifest["trained_s"]),
            version=hashlib.sha256(raw).hexdigest(),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BundleError(f"{folder} is not a complete model of the hotline ({error!r}); train it again") from error
