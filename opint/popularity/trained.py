"""What a training leaves: a model, how its probabilities are corrected, and all that one has to know to use it.

It is kept as one file that is loaded without executing anything: skops builds objects of known types from their
numbers, and a file with any other type is refused. A file is only used with the libraries that it was made by.
"""

import zipfile
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from opint.popularity.calibrated import Curve
from opint.popularity.errors import PopularityError
from opint.popularity.label import Label
from opint.popularity.models import Forecaster

FORMAT = 1
MOST_BYTES = 4 * 1024**3
"""A file that takes more room than this, unpacked, is not read."""
LIBRARIES = ("scikit-learn", "xgboost")
TRUSTED = (
    "opint.popularity.models.blend.Blend",
    "opint.popularity.models.boosting.Boosting",
    "opint.popularity.models.forest.Forest",
    "opint.popularity.models.sgd.Logistic",
    "sklearn.tree._tree.Tree",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)
"""Types beyond those that skops itself knows to be harmless."""


class TrainedError(PopularityError):
    """A file is not a trained model, or not one that can be used here."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A ``model`` (its name) for ``label``, ``horizon`` weeks ahead.

    It has seen the table up to the week that begins with ``newest``, learned with ``seed`` from features ``columns``,
    for which ``conferences`` were known; ``curve`` corrects what ``forecaster`` says.
    """

    model: str
    label: Label
    horizon: int
    seed: int
    newest: date
    columns: tuple[str, ...]
    conferences: tuple[date, ...]
    curve: Curve
    forecaster: Forecaster


class _About(BaseModel):
    """All of it but the model, as JSON."""

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


def save(trained: Trained, path: Path) -> None:
    """Write one file, whole or not at all; raises TrainedError if it cannot be written."""
    import skops.io  # noqa: PLC0415 - an extra

    about = _About(
        format=FORMAT,
        model=trained.model,
        label=str(trained.label),
        horizon=trained.horizon,
        seed=trained.seed,
        newest=trained.newest,
        columns=trained.columns,
        conferences=trained.conferences,
        curve=asdict(trained.curve),
        libraries=_libraries(),
    )
    unfinished = path.with_name(path.name + ".tmp")
    try:
        skops.io.dump({"about": about.model_dump_json(), "model": trained.forecaster}, unfinished)
        unfinished.replace(path)
    except OSError as error:
        raise TrainedError(f"{path} cannot be written: {error.strerror or error}") from error


def load(path: Path) -> Trained:
    """Read what :func:`save` wrote.

    Raises:
        TrainedError: there is no such file, it holds something else, or other libraries made it.
    """
    content = _loaded(path)
    try:
        about = _About.model_validate_json(content["about"])
        forecaster = content["model"]
        curve, label = Curve(**about.curve), Label.parse(about.label)
    except (KeyError, TypeError, ValidationError, PopularityError) as error:
        raise TrainedError(f"{path}: not a trained model ({str(error).splitlines()[0]}); train it again") from error
    if about.format != FORMAT:
        raise TrainedError(f"{path}: format is {about.format}, not {FORMAT}; train it again")
    for name, here in _libraries().items():
        if about.libraries.get(name) != here:
            made = about.libraries.get(name, "none")
            raise TrainedError(f"{path}: made by {name} {made}, here is {here}; train it again")
    return Trained(
        about.model,
        label,
        about.horizon,
        about.seed,
        about.newest,
        about.columns,
        about.conferences,
        curve,
        forecaster,
    )


def _loaded(path: Path) -> dict[str, Any]:
    try:
        import skops.io  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise TrainedError(f"{path} needs {error.name}: pip install 'nightshift[spark]'") from None
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked_bytes = sum(member.file_size for member in packed.infolist())
        if unpacked_bytes > MOST_BYTES:
            raise TrainedError(f"{path}: unpacked it has {unpacked_bytes} bytes, more than {MOST_BYTES}")
        strange = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED))
        if strange:
            raise TrainedError(f"{path}: holds {strange[0]}, which no trained model does; nothing was loaded")
        content = skops.io.load(path, trusted=list(TRUSTED))
    except OSError as error:
        raise TrainedError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, AttributeError, EOFError) as error:
        raise TrainedError(f"{path}: not a trained model, or damaged ({error}); train it again") from error
    if not isinstance(content, dict):
        raise TrainedError(f"{path}: holds {type(content).__name__}, not a trained model; train one")
    return content


def _libraries() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}
