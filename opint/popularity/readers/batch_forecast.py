"""Forecasts of the batch job: ``week=2026-11-30/forecast.parquet``, one file per week.

Columns: dataset, issued (first day of the last known week), label, horizon (weeks), model, probability, forecast (yes
or no), new (hardly any history) and was (popular in the week issued). A file may lie wherever Arrow can read: on a
local disk, or at an hdfs:// or s3:// address.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import fs, parquet

from opint.popularity.errors import PopularityError, TableError
from opint.popularity.history import DAYS_PER_WEEK, Label, is_name, parse_name
from opint.popularity.tables import days, numbers, texts
from streams.arrays import Float64, Mask

if TYPE_CHECKING:
    pass

COLUMNS = ("dataset", "issued", "label", "horizon", "model", "probability", "forecast", "new", "was")


@dataclass(frozen=True, eq=False)
class BatchForecast:
    """The forecast that ``model`` issued at the end of the week ``issued``.

    For each dataset (n,): its ``tier`` (empty if the name has none), the ``probability`` that it is popular, the
    ``forecast`` (yes or no), whether it is ``new``, and whether it ``was`` popular in the week ``issued``.
    """

    label: Label
    horizon: int
    issued: date
    model: str
    dataset: tuple[str, ...]
    tier: tuple[str, ...]
    probability: Float64
    forecast: Mask
    new: Mask
    was: Mask

    @property
    def week(self) -> date:
        """First day of the week that is forecast."""
        return self.issued + timedelta(days=DAYS_PER_WEEK * self.horizon)


def read_batch_forecast(source: str) -> BatchForecast:
    """The forecast in a file, in the folder ``week=…`` of the job, or of the newest week in a folder of these.

    Raises:
        TableError: it cannot be read, a column is missing, or a cell is invalid.
    """
    origin, content = _open(source)
    missing = [name for name in COLUMNS if name not in content.column_names]
    if missing:
        present = ", ".join(content.column_names[:20])
        raise TableError(origin, "columns", present, f"{missing[0]} is missing; needed are {', '.join(COLUMNS)}")
    if not len(content):
        raise TableError(origin, "rows", 0, "a forecast of at least one dataset is needed")
    horizon = _single_value(numbers(content, "horizon", origin), "horizon", origin)
    if not horizon.is_integer() or horizon < 1:
        raise TableError(origin, "horizon", horizon, "whole weeks are needed")
    probability = numbers(content, "probability", origin)
    outside = ~((probability >= 0) & (probability <= 1))
    if outside.any():
        row = int(np.argmax(outside))
        raise TableError(f"{origin}, row {row + 1}", "probability", probability[row], "0 to 1 is needed")
    datasets = texts(content, "dataset", origin)
    if len(set(datasets)) < len(datasets):
        twice = next(dataset for dataset in datasets if datasets.count(dataset) > 1)
        raise TableError(origin, "dataset", repr(twice), "each dataset may occur once in a forecast")
    expression = _single_value(texts(content, "label", origin), "label", origin)
    try:
        label = Label.parse(expression)
    except PopularityError as error:
        raise TableError(origin, "label", repr(expression), str(error)) from None
    return BatchForecast(
        label,
        int(horizon),
        _single_value(days(content, "issued", origin).tolist(), "issued", origin),
        _single_value(texts(content, "model", origin), "model", origin),
        tuple(datasets),
        tuple(parse_name(name, origin).tier if is_name(name) else "" for name in datasets),
        probability,
        *(_flags(content, name, origin) for name in ("forecast", "new", "was")),
    )


def _open(source: str) -> tuple[str, Any]:
    """The place of the file and its content."""
    try:
        if "://" in source:
            # Hadoop calls by other names what Arrow calls s3.
            files, path = fs.FileSystem.from_uri(re.sub(r"^s3[an]://", "s3://", source))
        else:
            files, path = fs.LocalFileSystem(), source
        place = _file(files, path)
        with files.open_input_file(place) as file:
            return place if "://" not in source else source, parquet.read_table(file)
    except (OSError, pa.ArrowException) as error:
        first = str(error).splitlines()[0]
        hint = "a forecast of the batch job is needed: week=…/forecast.parquet; hdfs:// needs Hadoop's libhdfs"
        raise TableError(source, "file", first, hint) from None


def _file(files: Any, path: str) -> str:
    info = files.get_file_info(path)
    if info.type is not fs.FileType.Directory:
        return path
    entries = [entry.path for entry in files.get_file_info(fs.FileSelector(path))]
    weeks = sorted(entry for entry in entries if entry.rpartition("/")[2].startswith("week="))
    return f"{weeks[-1] if weeks else path.rstrip('/')}/forecast.parquet"


def _single_value(column: Iterable[Any], name: str, origin: str) -> Any:
    """The value that a column has in every row."""
    values = sorted(set(column))
    if len(values) > 1:
        listed = ", ".join(map(str, values))
        raise TableError(origin, name, listed, "one file is the forecast of one week by one model")
    return values[0]


def _flags(content: Any, name: str, origin: str) -> Mask:
    values = numbers(content, name, origin)
    if not np.isin(values, (0.0, 1.0)).all():
        raise TableError(origin, name, values[~np.isin(values, (0.0, 1.0))][0], "true or false is needed")
    return values.astype(np.bool_)


def forecast_path(folder: str, week: date) -> str:
    """The path of the file of a week."""
    return f"{folder.rstrip('/')}/week={week.isoformat()}/forecast.parquet"
