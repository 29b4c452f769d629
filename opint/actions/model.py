"""A trained predictor in a folder: JSON, Universal Binary JSON of XGBoost, and arrays; nothing in it is executed.

``manifest.json`` has everything but trees and past cases, with the SHA-256 of the other files; its own is the version.
"""

import hashlib
import io
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.sparse import csr_matrix

from opint.actions.action import TARGETS, ActionsError, RecoveryAction
from opint.actions.features import FeatureSpace
from opint.actions.message_classes import MessageClass, MessageClasses
from opint.actions.models.boosting import trees_from_bytes, trees_to_bytes
from opint.actions.predictor import TrainedPredictor
from opint.actions.probabilities import ClassCalibration, Curve
from opint.actions.similar import PastCases
from opint.actions.site_exclusion import SiteModel
from opint.actions.success import SuccessModel
from opint.actions.target_model import MAJORITY, RULES, XGBOOST, TargetModel
from streams.arrays import Float64

FORMAT = 2
MANIFEST, PAST, DECIDED, SITES, SUCCESS = "manifest.json", "past.npz", "past.json", "sites.ubj", "success.ubj"
MAX_BYTES = 512 * 1024**2
"""A larger file is not read."""

Parts = tuple[MessageClasses, FeatureSpace, Mapping[str, TargetModel], SiteModel, SuccessModel | None, PastCases]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Curve(_Strict):
    predicted: tuple[float, ...]
    observed: tuple[float, ...]

    def curve(self) -> Curve:
        points = np.array([self.predicted, self.observed])
        if points.min() < 0 or points.max() > 1 or (np.diff(points) < 0).any():
            raise ValueError("a curve does not grow from 0 to 1")
        return Curve(self.predicted, self.observed)


class _Calibration(_Strict):
    slope: float = Field(gt=0)
    shifts: tuple[float, ...]
    curves: tuple[_Curve, ...]

    @classmethod
    def of(cls, calibration: ClassCalibration) -> "_Calibration":
        return cls.model_validate(asdict(calibration))

    def calibration(self, classes: int) -> ClassCalibration:
        if not len(self.shifts) == len(self.curves) == classes:
            raise ValueError(f"{len(self.shifts)} shifts and {len(self.curves)} curves for {classes} classes")
        return ClassCalibration(self.slope, self.shifts, tuple(curve.curve() for curve in self.curves))


class _Target(_Strict):
    predictor: str
    reason: str
    calibration: _Calibration
    confidence: float
    shares: list[float]
    shares_by_rule: list[list[float]]

    def model(self, name: str, trees: bytes, classes: int) -> TargetModel:
        """The model of the target ``name``; raises ValueError where parts do not fit."""
        if self.predictor not in (XGBOOST, RULES, MAJORITY):
            raise ValueError(f"{name} has the predictor {self.predictor!r}")
        return TargetModel(
            self.predictor,
            self.reason,
            trees_from_bytes(trees, classes),
            self.calibration.calibration(classes),
            self.confidence,
            _array(self.shares, (classes,)),
            _array(self.shares_by_rule, (classes, classes)),
        )


class _Manifest(_Strict):
    format: int
    columns: tuple[tuple[str, str], ...]
    classes: tuple[tuple[int, str], ...]
    targets: dict[str, _Target]
    site_columns: tuple[tuple[str, str], ...]
    sites: _Target
    success: _Calibration | None
    past_columns: tuple[tuple[str, str], ...]
    weights: list[float]
    files: dict[str, str]


def version_of(*parts: Any) -> str:
    """The version of a predictor that consists of :data:`Parts`."""
    return hashlib.sha256(_pack(*parts)[MANIFEST]).hexdigest()


def save(predictor: TrainedPredictor, folder: Path) -> None:
    """Write the folder, in place of an older model; raises ActionsError where that is not possible."""
    parts = tuple(getattr(predictor, name) for name in ("classes", "space", "targets", "sites", "success", "past"))
    if folder.exists() and not (folder / MANIFEST).exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ActionsError(f"{folder} exists and is no model; name another folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            for name, content in _pack(*parts).items():
                (unfinished / name).write_bytes(content)
            unfinished.chmod(0o755)
            if folder.exists():
                shutil.rmtree(folder)
            unfinished.replace(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise ActionsError(f"{folder} cannot be written: {error.strerror or error}") from error


def load(folder: Path) -> TrainedPredictor:
    """Read what :func:`save` wrote.

    Raises:
        ActionsError: there is no such folder, a file in it is damaged, or XGBoost is not installed.
    """
    raw = _read(folder / MANIFEST)
    try:
        manifest = _Manifest.model_validate_json(raw)
        if manifest.format != FORMAT:
            raise ActionsError(f"{folder}: format is {manifest.format}, not {FORMAT}; train it again")
        return TrainedPredictor(hashlib.sha256(raw).hexdigest(), *_unpack(folder, manifest))
    except (ValidationError, ValueError, KeyError, TypeError, IndexError) as error:
        reason = str(error).splitlines()[0]
        raise ActionsError(f"{folder}: not a trained model, or damaged ({reason}); train it again") from error


def _pack(
    classes: MessageClasses,
    space: FeatureSpace,
    targets: Mapping[str, TargetModel],
    sites: SiteModel,
    success: SuccessModel | None,
    past: PastCases,
) -> dict[str, bytes]:
    arrays = io.BytesIO()
    np.savez_compressed(arrays, data=past.matrix.data, indices=past.matrix.indices, indptr=past.matrix.indptr)
    decided = [[task, asdict(action), succeeded] for task, action, succeeded in past.decided]
    files = {f"{name}.ubj": trees_to_bytes(target.trees) for name, target in targets.items()}
    if success is not None:
        files[SUCCESS] = trees_to_bytes(success.trees)
    files |= {SITES: trees_to_bytes(sites.model.trees), PAST: arrays.getvalue(), DECIDED: json.dumps(decided).encode()}
    manifest = _Manifest(
        format=FORMAT,
        columns=space.columns,
        classes=tuple((each.number, each.template) for each in classes.classes()),
        targets={name: _packed_target(target) for name, target in targets.items()},
        site_columns=sites.space.columns,
        sites=_packed_target(sites.model),
        success=None if success is None else _Calibration.of(success.calibration),
        past_columns=past.space.columns,
        weights=past.weights.tolist(),
        files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )
    return files | {MANIFEST: manifest.model_dump_json().encode()}


def _packed_target(target: TargetModel) -> _Target:
    return _Target(
        predictor=target.predictor,
        reason=target.reason,
        calibration=_Calibration.of(target.calibration),
        confidence=target.confidence,
        shares=target.shares.tolist(),
        shares_by_rule=target.shares_by_rule.tolist(),
    )


def _unpack(folder: Path, manifest: _Manifest) -> Parts:
    contents = {name: _checked(folder / name, manifest.files[name]) for name in manifest.files}
    targets = {
        name: manifest.targets[name].model(name, contents[f"{name}.ubj"], len(classes))
        for name, classes in TARGETS.items()
    }
    sites = SiteModel(FeatureSpace(manifest.site_columns), manifest.sites.model("sites", contents[SITES], 2))
    success = None
    if manifest.success is not None:
        success = SuccessModel(trees_from_bytes(contents[SUCCESS], 2), manifest.success.calibration(2))
    restored = MessageClasses.restore(MessageClass(*each) for each in manifest.classes)
    return restored, FeatureSpace(manifest.columns), targets, sites, success, _unpacked_past(manifest, contents)


def _unpacked_past(manifest: _Manifest, contents: Mapping[str, bytes]) -> PastCases:
    space = FeatureSpace(manifest.past_columns)
    decided = [
        (str(task), RecoveryAction(**action | {"excluded_sites": tuple(action["excluded_sites"])}), succeeded)
        for task, action, succeeded in json.loads(contents[DECIDED])
    ]
    with np.load(io.BytesIO(contents[PAST]), allow_pickle=False) as arrays:
        parts = arrays["data"], arrays["indices"], arrays["indptr"]
    matrix = csr_matrix(parts, shape=(len(decided), len(space.columns)))
    matrix.check_format(full_check=True)
    return PastCases(space, _array(manifest.weights, (len(space.columns),)), matrix, decided)


def _array(values: Any, shape: tuple[int, ...]) -> Float64:
    array = np.array(values, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"an array has the shape {array.shape}, not {shape}")
    return array


def _checked(path: Path, digest: str) -> bytes:
    if path.name not in (PAST, DECIDED, SITES, SUCCESS, *(f"{name}.ubj" for name in TARGETS)):
        raise ValueError(f"the manifest names {path.name}")
    content = _read(path)
    if hashlib.sha256(content).hexdigest() != digest:
        raise ActionsError(f"{path} is not the file that was trained: its SHA-256 differs; train the model again")
    return content


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ActionsError(f"{path} has more than {MAX_BYTES} bytes; no trained model has")
        return path.read_bytes()
    except OSError as error:
        raise ActionsError(f"{path} cannot be read: {error.strerror or error}; name a folder of a model") from error
