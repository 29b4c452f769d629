"""Tables as experiments keep them, and tables that are not."""

import bz2
import gzip
import os
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from opint.popularity.errors import TableError
from opint.popularity.readers.access_table import read_atlas_groups, read_cms_series, read_frame, read_history

DATA = Path(os.environ.get("NIGHTSHIFT_DATA", "../shared/data")) / "popularity"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="needs the data of NIGHTSHIFT_DATA")

SERIES = """Number of (dataset,dbs)'s: 2

Length: 2 dataset: 7 dbs: 3
tstamp,naccess
20131217-20131223,5.0
20131224-20131231,11.0

Length: 3 dataset: 8 dbs: 0
tstamp,naccess
20131231-20140106,2.0
20140101-20140107,0
20140108-20140114,4.0
"""
FRAME = "dataset,week,naccess,nusers,size,totcpu\n"
ROW = "/Muon0/Run2024I-PromptReco-v1/MINIAOD,2026-11-23,12,3,1e12,77\n"


def any_table_read(path):
    return read_history(path, pytest.fail)


def test_weeks_of_both_clocks_meet_in_one_grid(tmp_path):
    path = tmp_path / "series.txt"
    path.write_text(SERIES)
    history = read_cms_series(path)
    assert (history.names, history.first_day, history.shape) == (("7@3", "8@0"), date(2013, 12, 17), (2, 4))
    assert history.measures["naccess"].tolist() == [[5, 11, 0, 0], [0, 0, 2, 4]]
    assert history.known_since.tolist() == [0, 2]
    with gzip.open(tmp_path / "series.gz", "wt") as file:
        file.write(SERIES)
    assert read_cms_series(tmp_path / "series.gz").names == history.names


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Length: 2", "Length: 20"), r"line 3: Length is 20; the file ends"),
        (("Length: 2", "Length: two"), r"line 3: block is"),
        (("tstamp,naccess\n20131217", "date,count\n20131217"), r"line 4: heading is"),
        (("20131217-20131223", "20131217-20140131"), r"line 5: week is .*46 days"),
        (("5.0", "five"), r"line 5: naccess is 'five'"),
        (("5.0", "-5.0"), r"naccess is -5\.0; counts are finite"),
        (("5.0", "nan"), r"naccess is nan; counts are finite"),
    ],
)
def test_what_is_wrong_with_a_series_is_reported_with_its_line(tmp_path, change, message):
    path = tmp_path / "series.txt"
    path.write_text(SERIES.replace(*change))
    with pytest.raises(TableError, match=message):
        read_cms_series(path)


@needs_data
def test_the_real_series_of_cms():
    history = read_cms_series(DATA / "cms_weekly_naccess_2013_2015.csv.gz")
    assert history.shape == (3279, 117)
    assert int((history.measures["naccess"].max(axis=1) > 0).sum()) == 320


@needs_data
def test_the_real_groups_of_atlas():
    history = read_atlas_groups(DATA / "atlas_weekly_from_2017.csv.gz")
    assert history.shape[1] == 300
    assert "DAOD" in history.traits["tier"]
    assert (history.measures["naccess"] > 10).sum() == 20552


def test_a_frame_is_read_by_the_names_of_its_columns(tmp_path):
    path = tmp_path / "frame.csv"
    path.write_text(FRAME + ROW + ROW.replace("MINIAOD", "AOD").replace("11-23", "11-30") + ROW)
    history = read_frame(path, pytest.fail)
    assert history.shape == (2, 2)
    assert history.traits["tier"] == ("AOD", "MINIAOD")
    assert history.measures["naccess"].tolist() == [[0, 12], [24, 0]]
    assert history.measures["nusers"].tolist() == [[0, 3], [6, 0]]
    assert history.size_bytes.tolist() == [1e12, 1e12]
    table = pa.table(
        {
            "week": pa.array([date(2026, 11, 23)]),
            "naccess": pa.array([12], pa.int32()),
            "dataset": ["/Muon0/Run2024I-PromptReco-v1/MINIAOD"],
        }
    )
    parquet.write_table(table, tmp_path / "frame.pq")
    assert read_frame(tmp_path / "frame.pq", pytest.fail).measures["naccess"].tolist() == [[12]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"file is empty-file, '0 bytes'"),
        (FRAME, r"rows is 0"),
        ("a,b\n1,2\n", r"columns is a, b; dataset is missing"),
        (FRAME + ROW.replace("/Muon0", "Muon0"), r"row 1: dataset is 'Muon0/"),
        (FRAME + ROW.replace(",12,", ",many,"), r"row 1: naccess is 'many'; a number"),
        (FRAME + ROW.replace(",12,", ",-12,"), r"row 1: naccess is -12\.0; counts"),
        (FRAME + ROW.replace(",12,", ",,"), r"row 1: naccess is nan"),
        (FRAME + ROW.replace("2026-11-23", "soon"), r"row 1: week is 'soon'"),
        (FRAME + ROW + ROW.replace("2026", "1926"), r"row 2: week is 1926-11-23"),
        (FRAME + ROW + ROW.replace("2026", "2096"), r"weeks is 2026-11-23 to 2096-11-23; at most"),
    ],
)
def test_what_is_wrong_with_a_frame_is_reported_with_its_row(tmp_path, text, message):
    path = tmp_path / "frame.csv"
    path.write_text(text)
    with pytest.raises(TableError, match=message):
        read_frame(path, pytest.fail)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ((FRAME + ROW).encode("utf-16"), "file is not-utf8, 'UTF-16'"),
        (bz2.compress(FRAME.encode()), "file is compressed, 'bzip2'"),
        ((FRAME + ROW + ROW.replace("Muon", "é")).encode("latin-1"), r"row 2: dataset is b'/\\xe90/.*UTF-8"),
        ((FRAME.replace("size", "é") + ROW).encode("latin-1"), "line of column names"),
    ],
)
def test_text_that_is_not_utf8_is_named_with_its_row(tmp_path, content, message):
    path = tmp_path / "frame.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=message):
        read_frame(path, pytest.fail)


def test_text_of_a_parquet_table_that_is_not_utf8_is_named_with_its_row(tmp_path):
    names = pa.array([b"/A/B-v1/RAW", b"/\xff/B-v1/RAW"]).view(pa.string())
    path = tmp_path / "frame.parquet"
    parquet.write_table(pa.table({"dataset": names, "week": ["2026-11-23"] * 2, "naccess": [1, 2]}), path)
    with pytest.raises(TableError, match=r"row 2: dataset is b'/\\xff/"):
        read_frame(path, pytest.fail)


def test_a_file_that_is_not_there_is_reported(tmp_path):
    for read in (read_cms_series, read_atlas_groups, any_table_read):
        with pytest.raises(TableError, match="No such file"):
            read(tmp_path / "none")


def test_bytes_that_are_no_table_are_reported(tmp_path):
    path = tmp_path / "noise.gz"
    path.write_bytes(np.random.default_rng(0).bytes(500))
    for read in (read_cms_series, any_table_read):
        with pytest.raises(TableError, match="file is"):
            read(path)


def test_rows_whose_dataset_is_no_name_are_left_out_and_counted(tmp_path):
    path = tmp_path / "frame.csv"
    path.write_text(FRAME + ROW * 3 + ROW.replace("/Muon0", "unknown") + ROW.replace("12", "5"))
    warnings = []
    history = read_frame(path, warnings.append)
    assert history.measures["naccess"].tolist() == [[41]]
    (line,) = warnings
    assert "1 of 5 rows are left out" in line, line
    assert "row 4, 'unknown/Run2024I-PromptReco-v1/MINIAOD'" in line
    path.write_text(FRAME + ROW + ROW.replace("/Muon0", "unknown") * 2)
    with pytest.raises(TableError, match=r"row 2: dataset is 'unknown.*2 of 3 rows have none"):
        read_frame(path, pytest.fail)


def test_a_table_without_any_name_is_anonymous(tmp_path):
    path = tmp_path / "frame.csv"
    path.write_text("dataset,week,naccess\n7@3,2026-11-23,5\n8@0,2026-11-23,6\n")
    history = read_frame(path, pytest.fail)
    assert (history.names, history.traits) == (("7@3", "8@0"), {})


@pytest.mark.parametrize(
    ("cell", "day"),
    [("20261123", "2026-11-23"), ("2026-11-23 00:00:00", "2026-11-23"), ("2026-11-23T00:00:00Z", "2026-11-23")],
)
def test_days_are_read_in_every_clear_spelling(tmp_path, cell, day):
    path = tmp_path / "frame.csv"
    path.write_text(FRAME + ROW.replace("2026-11-23", cell))
    assert str(read_frame(path, pytest.fail).first_day) == day


@pytest.mark.parametrize("cell", ["2026-11", "2026", "20261323", "soon", "2026-11-23x"])
def test_what_is_no_day_is_quoted_as_it_stands(tmp_path, cell):
    path = tmp_path / "frame.csv"
    path.write_text(FRAME + ROW.replace("2026-11-23", cell))
    with pytest.raises(TableError, match=f"row 1: week is '?{cell}'?; a day is needed"):
        read_frame(path, pytest.fail)


@pytest.mark.parametrize("zone", ["Europe/Zurich", "America/Chicago", "Asia/Tokyo"])
def test_a_week_begins_at_midnight_of_its_own_zone(tmp_path, zone):
    midnight = datetime(2024, 5, 20, tzinfo=ZoneInfo(zone))
    table = pa.table(
        {"dataset": ["/A/B-v1/RAW"], "week": pa.array([midnight], pa.timestamp("us", zone)), "naccess": [1]}
    )
    parquet.write_table(table, tmp_path / "frame.parquet")
    assert str(read_frame(tmp_path / "frame.parquet", pytest.fail).first_day) == "2024-05-20"


def test_a_folder_is_one_table(tmp_path):
    folder = tmp_path / "weekly"
    folder.mkdir()
    (folder / "part-0.csv").write_text(FRAME + ROW)
    (folder / "part-1.csv").write_text(FRAME + ROW.replace("2026-11-23", "2026-11-30"))
    (folder / "_SUCCESS").touch()
    assert any_table_read(folder).measures["naccess"].tolist() == [[12, 12]]


def test_a_column_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "frame.csv"
    path.write_text("dataset,week,naccess,week\n/A/B-v1/RAW,2026-11-23,1,2026-11-23\n")
    with pytest.raises(TableError, match="week stands twice"):
        read_frame(path, pytest.fail)
