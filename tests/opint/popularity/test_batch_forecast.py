"""Forecasts of batch jobs as files, and what is kept of them."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from opint.popularity.errors import TableError
from opint.popularity.predictors import PERSISTENCE
from opint.popularity.readers.batch_forecast import read_batch_forecast
from opint.popularity.storage import store_batch_forecast
from opint.store import popularity
from opint.store import popularity as view
from opint.store.popularity import ForecastKey, StoredModelChoice

ROW = {
    "dataset": "/A/B-v1/AOD",
    "issued": date(2026, 11, 16),
    "label": "naccess > 10",
    "horizon": 2,
    "model": "gbt",
    "probability": 0.3,
    "forecast": False,
    "new": True,
    "was": True,
}
ROWS = [ROW, ROW | {"dataset": "/A/C-v1/RAW", "probability": 0.9, "forecast": True, "new": False, "was": False}]


def write_forecast(folder, rows):
    parquet.write_table(pa.Table.from_pylist(rows), folder / "forecast.parquet")
    return str(folder / "forecast.parquet")


def test_a_file_is_read(tmp_path):
    forecast = read_batch_forecast(write_forecast(tmp_path, ROWS))
    assert (forecast.issued, forecast.week, forecast.horizon, forecast.model) == (
        date(2026, 11, 16),
        date(2026, 11, 30),
        2,
        "gbt",
    )
    assert forecast.tier == ("AOD", "RAW")
    np.testing.assert_array_equal(forecast.probability, [0.3, 0.9])
    for name, flags in (("forecast", [False, True]), ("new", [True, False]), ("was", [True, False])):
        np.testing.assert_array_equal(getattr(forecast, name), flags, err_msg=name)


@pytest.mark.parametrize("below", ["", "week=2026-11-30", "week=2026-11-30/forecast.parquet"])
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_forecast_is_read_from_file_folder_and_address(tmp_path, scheme, below):
    for week in ("week=2026-11-23", "week=2026-11-30"):
        (tmp_path / week).mkdir()
        write_forecast(tmp_path / week, ROWS if week.endswith("30") else ROWS[:1])
    assert len(read_batch_forecast(f"{scheme}{tmp_path}/{below}".rstrip("/")).dataset) == 2


@pytest.mark.parametrize("source", ["nowhere", "gopher://host/forecast.parquet", "hdfs://127.0.0.1:1/week=2026-11-30"])
def test_what_cannot_be_read_is_reported_in_a_line(source):
    with pytest.raises(TableError, match=f"{source}: file is .*; a forecast of the batch job is needed"):
        read_batch_forecast(source)


def test_persistence_forecasts_a_tier_that_the_model_has_lost(store, tmp_path):
    key = ForecastKey("mine", "naccess > 10", 2)
    with store.begin() as tx:
        popularity.store_model_choices(
            tx, key, [StoredModelChoice("", "gbt", "beats"), StoredModelChoice("AOD", PERSISTENCE, "fell behind")], 1.0
        )
    for _ in range(2):
        assert store_batch_forecast(store, "mine", read_batch_forecast(write_forecast(tmp_path, ROWS)), 5.0) == 1
    with store.read() as tx:
        (catalogue,) = view.catalogues(tx)
        page = view.forecasts(tx, catalogue, search="", limit=10, skip=0)
    assert page.week == "2026-11-30"
    by_dataset = {
        forecast.dataset: (forecast.probability, forecast.answer, forecast.new, forecast.model)
        for forecast in page.items
    }
    assert by_dataset == {"/A/B-v1/AOD": (1.0, "yes", True, PERSISTENCE), "/A/C-v1/RAW": (0.9, "yes", False, "gbt")}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROW, ROW], "dataset is '/A/B-v1/AOD'; each dataset may occur once in a forecast"),
        ([ROWS[0], ROWS[1] | {"model": "forest"}], "model is forest, gbt; one file is the forecast of one week"),
        ([ROWS[0], ROWS[1] | {"issued": date(2026, 11, 9)}], "issued is 2026-11-09, 2026-11-16; one file"),
        ([ROW | {"horizon": 0}], "horizon is 0.0; whole weeks are needed"),
        ([ROW | {"probability": 1.5}], "row 1: probability is 1.5; 0 to 1 is needed"),
        ([ROW | {"label": "popular"}], "label is 'popular'; label is 'popular'; it must be MEASURE"),
        ([ROW | {"new": 3}], "new is 3.0; true or false is needed"),
    ],
)
def test_what_is_wrong_in_a_file_is_reported(tmp_path, rows, message):
    with pytest.raises(TableError, match=message):
        read_batch_forecast(write_forecast(tmp_path, rows))


def test_an_empty_file_is_reported(tmp_path):
    parquet.write_table(pa.Table.from_pylist([ROW]).slice(0, 0), tmp_path / "forecast.parquet")
    with pytest.raises(TableError, match="rows is 0; a forecast of at least one dataset"):
        read_batch_forecast(str(tmp_path / "forecast.parquet"))
