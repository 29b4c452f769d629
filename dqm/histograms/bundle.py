"""Bundles: everything that was learned, as a folder of numbers.

``manifest.json`` says what it is (format, name, hash of the training data, library versions, settings, metrics,
catalogues) and holds the SHA-256 of every other file; the SHA-256 of the manifest is the bundle's version. The
other files are NumPy archives without pickled objects. Loading verifies every hash and executes nothing that
was loaded: networks are rebuilt from their weights.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dqm.core.bundle_files import MANIFEST, BundleError, archive, below, read, verified, write
from dqm.core.calibration import ElementCalibration, Normaliser, assemble
from dqm.core.pileup import PileupScale
from dqm.core.supervised_head import SupervisedHead
from dqm.histograms.certification.model import CertificationModel
from dqm.histograms.group import Group, scorers
from dqm.histograms.references.entries import EntriesModel
from dqm.histograms.references.frozen import FrozenReference
from dqm.histograms.references.siblings import SiblingModel
from dqm.histograms.run_window import RunWindow
from dqm.histograms.scorers import ENTRIES, REGISTRY
from dqm.statistics.conformal import ConformalTable
from streams.arrays import Float32, Mask, NamedArrays
from streams.records import Catalogue

FORMAT = 5


@dataclass(frozen=True)
class SubsystemModel:
    """What is known of one subsystem: its groups follow ``catalogue.blocks``.

    ``siblings`` is what MEs tell of each other's entries, None where they are too few. ``window`` are the runs that it
    was learned from where each is one histogram of an ME, None elsewhere. ``unsettled`` (n,) are elements whose
    accepted state is not known well enough; None where nothing was accepted. It is not saved. ``head`` has learned from
    bad runs that people labelled, None without enough of them.
    """

    catalogue: Catalogue
    groups: tuple[Group, ...]
    entries: EntriesModel
    lack: ConformalTable
    excess: ConformalTable
    normaliser: Normaliser
    tables: tuple[ConformalTable, ...]
    combined: ConformalTable
    lumisections: ConformalTable
    siblings: SiblingModel | None = None
    certification: CertificationModel | None = None
    window: RunWindow | None = None
    unsettled: Mask | None = None
    head: SupervisedHead | None = None

    @cached_property
    def scorers(self) -> tuple[str, ...]:
        """Names of those that any of the groups has, in the order in which their scores are stored."""
        return (*scorers(self.groups), *(() if self.window is None else (ENTRIES,)))

    @cached_property
    def calibration(self) -> ElementCalibration:
        """Scores to p-values, ready for use."""
        rows = [slice(block.start, block.stop) for block in self.catalogue.blocks]
        return assemble(self.normaliser, self.tables, self.combined, rows)


@dataclass(frozen=True)
class Bundle:
    """Models by subsystem, and what the calibration set says about whole lumisections.

    ``folder_p`` (folders, L) float32 are the p-values of all folders in the calibration lumisections in order of time;
    ``certification_p``, of the same shape, are those of whole subsystems at the folders that they name
    (:func:`dqm.core.combination.folder_p`), None if nothing looks at whole subsystems. ``head_p`` (subsystems, H) are
    those of supervised heads in H good lumisections or runs which took no part in them, None without heads.
    ``version`` is empty for a bundle that was never saved.
    """

    name: str
    version: str
    subsystems: Mapping[str, SubsystemModel]
    pileup: PileupScale
    folder_p: Float32
    whole_runs: bool
    manifest: Mapping[str, Any] = field(default_factory=dict)
    certification_p: Float32 | None = None
    head_p: Float32 | None = None

    @property
    def catalogues(self) -> Mapping[str, Catalogue]:
        """Expected MEs by subsystem."""
        return {name: model.catalogue for name, model in self.subsystems.items()}

    @property
    def trained_s(self) -> float | None:
        """When it was trained, s since 1970; None where the manifest does not say."""
        trained_s = self.manifest.get("trained_s")
        return float(trained_s) if isinstance(trained_s, int | float) else None


def save(bundle: Bundle, folder: Path) -> Bundle:
    """Write the bundle to ``folder``, whole or not at all, in place of what was there; returns it with its version.

    The bundle's ``manifest`` is kept and completed.
    """
    contents = {f"subsystem{place}.npz": _pack(model) for place, model in enumerate(bundle.subsystems.values())}
    contents["lumisections.npz"] = archive(
        {"folder_p": bundle.folder_p}
        | ({} if bundle.certification_p is None else {"certification_p": bundle.certification_p})
        | ({} if bundle.head_p is None else {"head_p": bundle.head_p})
    )
    manifest = {
        **bundle.manifest,
        "format": FORMAT,
        "name": bundle.name,
        "scorers": {name: scorer.version for name, scorer in REGISTRY.items()},
        "pileup": [bundle.pileup.mean, bundle.pileup.deviation],
        "whole_runs": bundle.whole_runs,
        "subsystems": [
            {"name": name, "file": f"subsystem{place}.npz", "catalogue": model.catalogue.as_json()}
            for place, (name, model) in enumerate(bundle.subsystems.items())
        ],
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }
    contents[MANIFEST] = json.dumps(manifest, indent=1, sort_keys=True).encode()
    write(folder, contents)
    version = hashlib.sha256(contents[MANIFEST]).hexdigest()
    return replace(bundle, version=version, manifest=manifest)


def load(folder: Path) -> Bundle:
    """Read and verify a bundle; raises BundleError naming the file and what to do."""
    raw = read(folder / MANIFEST)
    try:
        manifest = json.loads(raw)
        if manifest["format"] != FORMAT:
            raise BundleError(f"{folder / MANIFEST}: format is {manifest['format']}, not {FORMAT}; train a new bundle")
        _require_scorers(folder, manifest["scorers"])
        files = {name: verified(folder, name, digest) for name, digest in manifest["files"].items()}
        subsystems = {
            entry["name"]: _unpack(Catalogue.from_json(entry["catalogue"]), files[entry["file"]])
            for entry in manifest["subsystems"]
        }
        return Bundle(
            name=str(manifest["name"]),
            version=hashlib.sha256(raw).hexdigest(),
            subsystems=subsystems,
            pileup=PileupScale(*(float(number) for number in manifest["pileup"])),
            folder_p=files["lumisections.npz"]["folder_p"],
            whole_runs=bool(manifest["whole_runs"]),
            manifest=manifest,
            certification_p=files["lumisections.npz"].get("certification_p"),
            head_p=files["lumisections.npz"].get("head_p"),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BundleError(f"{folder} is not a complete bundle ({error!r}); train it again") from error


def _require_scorers(folder: Path, saved: Mapping[str, int]) -> None:
    current = {name: scorer.version for name, scorer in REGISTRY.items()}
    if dict(saved) != current:
        raise BundleError(f"{folder / MANIFEST}: scorers are {saved}, this program has {current}; train a new bundle")


def _pack(model: SubsystemModel) -> bytes:
    arrays: NamedArrays = {
        "lack": model.lack.as_array(),
        "excess": model.excess.as_array(),
        "combined": model.combined.as_array(),
        "lumisections": model.lumisections.as_array(),
        "tables": np.array([table.as_array() for table in model.tables]),
        "lines": model.normaliser.lines,
        "spread": model.normaliser.spread,
        "centre": model.normaliser.centre,
        "reach": model.normaliser.reach,
        "pileup": model.normaliser.pileup,
        "judged": model.normaliser.judged,
        "covered": model.normaliser.covered,
    }
    arrays |= {f"entries/{name}": array for name, array in model.entries.arrays().items()}
    for place, group in enumerate(model.groups):
        arrays |= {f"group{place}/reference/{name}": array for name, array in group.reference.arrays().items()}
        for scorer, learned in group.scorers.items():
            arrays |= {f"group{place}/{scorer}/{name}": array for name, array in learned.arrays().items()}
    if model.siblings is not None:
        arrays |= {f"siblings/{name}": array for name, array in model.siblings.arrays().items()}
    if model.certification is not None:
        arrays |= {f"certification/{name}": array for name, array in model.certification.arrays().items()}
    if model.head is not None:
        arrays |= {f"head/{name}": array for name, array in model.head.arrays().items()}
    if model.window is not None:
        arrays |= {f"window/{name}": array for name, array in model.window.arrays().items()}
    return archive(arrays)


def _unpack(catalogue: Catalogue, arrays: NamedArrays) -> SubsystemModel:
    siblings, head = below(arrays, "siblings/"), below(arrays, "head/")
    certification, window = below(arrays, "certification/"), below(arrays, "window/")
    return SubsystemModel(
        catalogue=catalogue,
        groups=tuple(_group(below(arrays, f"group{place}/")) for place in range(len(catalogue.blocks))),
        entries=EntriesModel(**below(arrays, "entries/")),
        lack=ConformalTable.from_array(arrays["lack"]),
        excess=ConformalTable.from_array(arrays["excess"]),
        normaliser=Normaliser(**{name: arrays[name] for name in _NORMALISER}),
        tables=tuple(ConformalTable.from_array(row) for row in arrays["tables"]),
        combined=ConformalTable.from_array(arrays["combined"]),
        lumisections=ConformalTable.from_array(arrays["lumisections"]),
        siblings=SiblingModel.from_arrays(siblings) if siblings else None,
        certification=CertificationModel.from_arrays(certification) if certification else None,
        window=RunWindow(**window) if window else None,
        head=SupervisedHead.from_arrays(catalogue.names, head) if head else None,
    )


_NORMALISER = ("lines", "spread", "centre", "reach", "pileup", "judged", "covered")


def _group(arrays: NamedArrays) -> Group:
    learned = {name: below(arrays, f"{name}/") for name in REGISTRY}
    reference = FrozenReference.from_arrays(below(arrays, "reference/"))
    return Group(reference, {name: REGISTRY[name].from_arrays(own) for name, own in learned.items() if own})
