"""Popularity on the command line: made up, tried on past weeks, forecast."""

import json

import pyarrow.csv
import pyarrow.parquet
import pytest

from opint.popularity.spark import job
from tests.opint.cli.commands import nightshift, printed, refused


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("popularity") / "weekly.parquet"
    assert "rows" in nightshift("popularity", "simulate", "--datasets", 150, "--weeks", 50, "--out", path)
    return path


def test_past_weeks_are_forecast_beside_persistence(table, tmp_path):
    out = tmp_path / "board.json"
    output = nightshift("popularity", "scoreboard", table, "--weeks", 8, "--model", "sgd", "--out", out)
    for word in ("persistence", "last 4 weeks", "MINIAODSIM", "new", "forecasts by"):
        assert word in output
    board = json.loads(out.read_text())
    assert {row["model"] for row in board} == {"sgd", "persistence", "last 4 weeks"}
    assert len({row["week"] for row in board}) == 8
    assert all(row["tpr"] is None or 0 <= row["tpr"] <= 1 for row in board)


def test_the_next_week_is_forecast_the_same_each_time(table, tmp_path):
    for name in ("a.csv", "b.csv", "c.parquet"):
        output = nightshift("popularity", "forecast", table, "--model", "sgd", "--out", tmp_path / name)
        assert "week of 2023-12-18" in output
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    forecast = pyarrow.csv.read_csv(tmp_path / "a.csv")
    assert forecast.column_names == ["dataset", "week", "probability", "popular", "new", "model"]
    assert set(forecast["popular"].to_pylist()) <= {"yes", "no", "unsure"}
    assert pyarrow.parquet.read_table(tmp_path / "c.parquet").num_rows == forecast.num_rows


@pytest.fixture(scope="module")
def grid(table):
    """Files of sites and replicas."""
    where = {name: table.with_name(f"{name}.csv") for name in ("sites", "replicas")}
    options = [word for name, path in where.items() for word in (f"--{name}", path)]
    arguments = ("--datasets", 150, "--weeks", 50, "--out", table.with_name("again.parquet"), *options)
    assert "50 RSEs" not in nightshift("popularity", "simulate", *arguments), "tapes as well"
    assert table.with_name("again.parquet").read_bytes() == table.read_bytes()
    return options


def test_the_stored_scoreboard_decides_which_model_forecasts(table, tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_DATABASE__URL", f"sqlite:///{tmp_path / 'n.db'}")
    nightshift("db", "upgrade")
    arguments = ("--model", "sgd", "--keep", "--catalogue", "mine")
    output = nightshift("popularity", "scoreboard", table, "--weeks", 8, *arguments)
    beaten = "forecasts by persistence" in output
    nightshift("popularity", "forecast", table, *arguments, "--out", tmp_path / "kept.csv")
    models = set(pyarrow.csv.read_csv(tmp_path / "kept.csv")["model"].to_pylist())
    assert models == ({"persistence"} if beaten else models & {"sgd", "persistence"})


def test_a_plan_says_why_and_becomes_requests(table, grid, tmp_path):
    options = ("--network-tb", 300, "--model", "sgd", "--rules", tmp_path / "rules.json")
    output = nightshift("popularity", "plan", table, *grid, *options)
    assert "reads are expected" in output
    requests = json.loads((tmp_path / "rules.json").read_text())
    copies = [request["body"] for request in requests if request["method"] == "POST"]
    assert copies
    assert all(request["copies"] == 1 and request["account"] == "nightshift" for request in copies)
    planned = json.loads(printed("popularity", "plan", table, *grid, *options[:4], "--json"))
    assert {request["dataset"] for request in planned["lines"] if request["action"] == "copy"} == {
        request["dids"][0]["name"] for request in copies
    }
    assert planned["value"] <= planned["bound"] * (1 + 1e-9)


def test_an_impossible_plan_is_one_line(table, grid, tmp_path):
    options = ("--network-tb", 300, "--model", "sgd")
    assert "account" in refused("popularity", "plan", table, *grid, *options, "--account", "Not One")
    (tmp_path / "sites.csv").write_text("name,kind,capacity_tb,free_tb\nnowhere,disk,1,1\n")
    other = ("--sites", tmp_path / "sites.csv", *grid[2:])
    assert "nowhere" in refused("popularity", "plan", table, *other, *options)
    assert "belong together" in refused(
        "popularity", "simulate", "--out", tmp_path / "t.csv", "--sites", tmp_path / "s"
    )


def test_a_table_as_csv_tells_the_same(tmp_path):
    for name in ("t.csv", "t.parquet"):
        nightshift("popularity", "simulate", "--datasets", 200, "--weeks", 30, "--out", tmp_path / name)
    first, second = (
        nightshift("popularity", "forecast", tmp_path / name, "--model", "sgd") for name in ("t.csv", "t.parquet")
    )
    assert first == second


def test_mistakes_are_one_line(table, tmp_path):
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    (tmp_path / "odd.gz").write_bytes(b"\x1f\x8bnonsense")
    assert "dataset is missing" in refused("popularity", "forecast", tmp_path / "odd.csv")
    assert "odd.gz" in refused("popularity", "forecast", tmp_path / "odd.gz")
    assert "none.csv" in refused("popularity", "forecast", tmp_path / "none.csv")
    assert "MEASURE" in refused("popularity", "forecast", table, "--label", "size")
    assert "known are forest" in refused("popularity", "forecast", table, "--model", "oracle")
    assert "at most" in refused("popularity", "scoreboard", table, "--weeks", 49)
    assert "cannot be written" in refused("popularity", "simulate", "--out", tmp_path / "none" / "t.csv")


def test_a_measure_that_the_table_lacks_is_reported(real_data):
    path = real_data("popularity/cms_weekly_naccess_2013_2015.csv.gz")
    assert "no nusers" in refused("popularity", "forecast", path, "--label", "nusers > 3")


def test_a_trained_model_forecasts_what_training_anew_does(table, tmp_path, real_data):
    model, calendar = tmp_path / "popular.skops", tmp_path / "calendar.csv"
    calendar.write_text("ds;holiday\n18.07.2022;ICHEP\n2023-12-20;a workshop\n")
    output = nightshift("popularity", "train", table, "--model", "sgd", "--conferences", calendar, "--out", model)
    assert "sgd for naccess > 10 one week ahead, trained on weeks up to that of 2023-12-11" in output
    first = printed("popularity", "forecast", table, "--model", "sgd", "--conferences", calendar)
    assert first == printed("popularity", "forecast", table, "--trained", model)
    assert first != printed("popularity", "forecast", table, "--model", "sgd")


def test_a_plan_by_a_trained_model_is_that_of_training_anew(table, grid, tmp_path):
    near, far = tmp_path / "popular.skops", tmp_path / "far.skops"
    for path, horizon in ((near, 1), (far, 4)):
        nightshift("popularity", "train", table, "--model", "sgd", "--horizon", horizon, "--out", path)
    arguments = ("popularity", "plan", table, *grid, "--network-tb", 300)
    assert printed(*arguments, "--trained", near) == printed(*arguments, "--model", "sgd")
    assert "forecasts 4 weeks ahead" in refused(*arguments, "--trained", far)


def test_a_trained_model_that_does_not_fit_is_one_line(table, tmp_path, real_data):
    model, short = tmp_path / "popular.skops", tmp_path / "short.csv"
    nightshift("popularity", "train", table, "--model", "sgd", "--out", model)
    answers = refused("popularity", "forecast", table, "--trained", model, "--label", "nusers > 3")
    assert "--label belongs to training" in answers
    nightshift("popularity", "simulate", "--datasets", 100, "--weeks", 30, "--out", short)
    assert "it has seen the weeks that it would forecast" in refused(
        "popularity", "forecast", short, "--trained", model
    )
    real = real_data("popularity/cms_weekly_naccess_2013_2015.csv.gz")
    assert "a table of another kind" in refused("popularity", "forecast", real, "--trained", model)
    assert "not a trained model" in refused("popularity", "forecast", table, "--trained", short)
    assert "none.skops cannot be read" in refused("popularity", "forecast", table, "--trained", tmp_path / "none.skops")
    assert "cannot be written" in refused(
        "popularity", "train", table, "--model", "sgd", "--out", tmp_path / "no" / "f"
    )


def test_a_batch_forecast_is_kept(table, tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_DATABASE__URL", f"sqlite:///{tmp_path / 'n.db'}")
    nightshift("db", "upgrade")
    arguments = ("--input", str(table), "--output", str(tmp_path), "--model", "sgd", "--engine", "local")
    path = job.main(arguments, {})
    output = nightshift("popularity", "keep", path, "--catalogue", "mine")
    assert "mine, week of 2023-12-18" in output
    assert "0 of them by persistence" in output
    assert "issued is missing" in refused("popularity", "keep", table)
