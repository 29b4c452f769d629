"""A model of trigger rates as a folder of numbers.

``manifest.json`` says what it is and holds the SHA-256 of ``rates.npz``; the SHA-256 of the manifest is the version.
Nothing that is loaded is executed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dqm.core.bundle_files import MANIFEST, BundleError, archive, read, verified, write
from dqm.rates.levels.model import LevelModel
from dqm.rates.model import RateModel
from streams.records import TriggerMenu

FORMAT = 1
KIND = "rates"
_FILE = "rates.npz"


@dataclass(frozen=True)
class RateBundle:
    """A model and what is told of it; ``version`` is empty for one that was never saved."""

    name: str
    version: str
    model: RateModel | LevelModel
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
    levels: dict[str, Any] = {}
    if isinstance(bundle.model, LevelModel):
        levels = {"levels": bundle.model.names(), "unjudged": bundle.model.unjudged()}
    manifest = {
        **bundle.manifest,
        **levels,
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
        arrays = verified(folder, _FILE, manifest["files"][_FILE])
        model = (
            LevelModel.of(menu, arrays, manifest["levels"])
            if "levels" in manifest
            else RateModel.from_arrays(menu, arrays)
        )
        return RateBundle(str(manifest["name"]), hashlib.sha256(raw).hexdigest(), model, manifest)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise BundleError(f"{folder} is not a complete bundle ({error!r}); train it again") from error
