"""A trained model with its calibration and everything needed to use it, kept as one file.

The file is loaded without executing anything: skops builds objects of known types from their numbers, and a file with
any other type is refused. A file is used only with the library versions that made it.
"""

import zipfile
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from opint.popularity.calibration import PlattScaling
from opint.popularity.errors import PopularityError
from opint.popularity.history import Label
from opint.popularity.models import Forecaster

FORMAT = 1
MAX_UNPACKED_BYTES = 4 * 1024**3
"""A larger file, unpacked, is not read."""
LIBRARIES = ("scikit-learn", "xgboost")
TRUSTED_TYPES = (
    "opint.popularity.models.classifiers.Blend",
    "opint.popularity.models.classifiers.Boosting",
    "opint.popularity.models.classifiers.Forest",
    "opint.popularity.models.classifiers.Logistic",
    "sklearn.tree._tree.Tree",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)
"""Types in addition to those that skops itself trusts."""


class TrainedModelError(PopularityError):
    """A file is not a trained model, or cannot be used here."""


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A ``model`` (its name) for ``label``, ``horizon`` weeks ahead.

    It was trained on the table up to the week that begins with ``newest``, with ``seed``, from features ``columns``
    that used ``conferences``; ``calibration`` corrects the probabilities of ``forecaster``.
    """

    model: str
    label: Label
    horizon: int
    seed: int
    newest: date
    columns: tuple[str, ...]
    conferences: tuple[date, ...]
    calibration: PlattScaling
    forecaster: Forecaster


class _Metadata(BaseModel):
    """Everything except the model, as JSON."""

    model_config = ConfigDict(extra="forbid")

    format: int
    model: str
    label: str
    horizon: int
    seed: int
    newest: date
    columns: tuple[str, ...]
    conferences: tuple[date, ...]
    curve: dict[str, float]
    libraries: dict[str, str]


def save_model(trained: TrainedModel, path: Path) -> None:
    """Write one file atomically; raises TrainedModelError if it cannot be written."""
    import skops.io  # noqa: PLC0415 - an extra

    about = _Metadata(
        format=FORMAT,
        model=trained.model,
        label=str(trained.label),
        horizon=trained.horizon,
        seed=trained.seed,
        newest=trained.newest,
        columns=trained.columns,
        conferences=trained.conferences,
        curve=asdict(trained.calibration),
        libraries=_libraries(),
    )
    unfinished = path.with_name(path.name + ".tmp")
    try:
        skops.io.dump({"about": about.model_dump_json(), "model": trained.forecaster}, unfinished)
        unfinished.replace(path)
    except OSError as error:
        raise TrainedModelError(f"{path} cannot be written: {error.strerror or error}") from error


def load_model(path: Path) -> TrainedModel:
    """Read what :func:`save_model` wrote.

    Raises:
        TrainedModelError: there is no such file, it holds something else, or other library versions made it.
    """
    content = _load_content(path)
    try:
        about = _Metadata.model_validate_json(content["about"])
        forecaster = content["model"]
        calibration, label = PlattScaling(**about.curve), Label.parse(about.label)
    except (KeyError, TypeError, ValidationError, PopularityError) as error:
        raise TrainedModelError(
            f"{path}: not a trained model ({str(error).splitlines()[0]}); train it again"
        ) from error
    if about.format != FORMAT:
        raise TrainedModelError(f"{path}: format is {about.format}, not {FORMAT}; train it again")
    for name, here in _libraries().items():
        if about.libraries.get(name) != here:
            trained_with = about.libraries.get(name, "none")
            raise TrainedModelError(f"{path}: made by {name} {trained_with}, here is {here}; train it again")
    return TrainedModel(
        about.model,
        label,
        about.horizon,
        about.seed,
        about.newest,
        about.columns,
        about.conferences,
        calibration,
        forecaster,
    )


def _load_content(path: Path) -> dict[str, Any]:
    try:
        import skops.io  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise TrainedModelError(f"{path} needs {error.name}: pip install 'nightshift[spark]'") from None
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked_bytes = sum(member.file_size for member in packed.infolist())
        if unpacked_bytes > MAX_UNPACKED_BYTES:
            raise TrainedModelError(f"{path}: unpacked it has {unpacked_bytes} bytes, more than {MAX_UNPACKED_BYTES}")
        strange = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED_TYPES))
        if strange:
            hint = "no trained model of this version does; nothing was loaded, train it again"
            raise TrainedModelError(f"{path}: holds {strange[0]}, which {hint}")
        content = skops.io.load(path, trusted=list(TRUSTED_TYPES))
    except OSError as error:
        raise TrainedModelError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, AttributeError, EOFError) as error:
        raise TrainedModelError(f"{path}: not a trained model, or damaged ({error}); train it again") from error
    if not isinstance(content, dict):
        raise TrainedModelError(f"{path}: holds {type(content).__name__}, not a trained model; train one")
    return content


def _libraries() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}
