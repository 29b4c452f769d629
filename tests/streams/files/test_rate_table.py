"""Long tables of trigger rates, as rate monitors export them."""

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from streams.codecs.rates import RateLimits
from streams.files import rate_table
from streams.records import Conditions, LumisectionKey

LIMITS = RateLimits(1 << 20, 3)
COLUMNS = {
    "run": [7, 7, 6, 7],
    "ls": [2, 1, 9, 1],
    "name": ["L1_A", "HLT_1", "L1_A", "L1_A"],
    "seed": [None, "L1_A", None, None],
    "rate_hz": [5.5, 2.0, 4.0, 6.0],
    "prescale": [1, 10, 1, 2],
    "fill": [100, 100, 99, 100],
    "pileup": [50.5, 51.0, None, 51.0],
    "beams_stable": [True, False, True, False],
    "stream": ["a", "b", "c", "d"],
}
WRITERS = {"parquet": pq.write_table, "csv": pacsv.write_csv}


@pytest.fixture(params=WRITERS)
def table(request, tmp_path):
    """``table(**columns)``: path of a table of three lumisections, some columns changed, or left out by None."""

    def write(**changed):
        columns = {name: values for name, values in (COLUMNS | changed).items() if values is not None}
        path = tmp_path / f"rates.{request.param}"
        WRITERS[request.param](pa.table(columns), path)
        return path

    return write


def test_lumisections_come_in_order_whatever_the_order_of_rows(table):
    results = list(rate_table.read(table(), LIMITS))
    assert [item.key for item in results] == [LumisectionKey(6, 9), LumisectionKey(7, 1), LumisectionKey(7, 2)]
    both = results[1]
    assert (both.menu.l1, both.menu.hlt, both.menu.seed_of) == (("L1_A",), ("HLT_1",), (0,))
    assert (both.l1.tolist(), both.hlt.tolist()) == ([6.0], [2.0])
    assert (both.l1_prescales.tolist(), both.hlt_prescales.tolist()) == ([2.0], [10.0])


def test_conditions_are_those_of_the_rows(table):
    first, second, _ = rate_table.read(table(), LIMITS)
    assert first.conditions == Conditions(fill=99, beams_stable=True)
    assert second.conditions == Conditions(fill=100, pileup=51.0, beams_stable=False)


def test_a_dataset_is_read_where_it_is_named(table):
    assert {item.dataset for item in rate_table.read(table(), LIMITS)} == {rate_table.UNKNOWN_DATASET}
    named = table(dataset=["/Trigger/X/RATES"] * 4)
    assert {item.dataset for item in rate_table.read(named, LIMITS)} == {"/Trigger/X/RATES"}


@pytest.mark.parametrize("name", ["run", "name", "rate_hz"])
def test_a_missing_column_is_named(table, name):
    (error,) = rate_table.read(table(**{name: None}), LIMITS)
    assert (error.reason, error.value) == ("missing-column", f"'{name}'")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"run": ["x", "7", "6", "7"]}, "wrong-type"), ({"prescale": ["1", "1", "one", "1"]}, "wrong-type")],
)
def test_a_table_whose_columns_are_of_the_wrong_kind_is_refused(table, changed, reason):
    (error,) = rate_table.read(table(**changed), LIMITS)
    assert error.reason == reason
    (column, values), *_ = changed.items()
    bad = next(row for row, value in enumerate(values) if not value.isdigit())
    assert error.field == f"{table().name}: column {column!r} row {bad}"


def test_what_is_wrong_with_one_rate_leaves_the_others(table):
    first, second, error, third = rate_table.read(table(rate_hz=[5.5, -2.0, 4.0, 6.0]), LIMITS)
    assert [record.key.ls for record in (first, second, third)] == [9, 1, 2]
    assert (second.menu.l1, second.menu.hlt) == (("L1_A",), ())
    assert (error.reason, error.field[-26:]) == ("negative-count", "run 7 LS 1: HLT_1: rate_hz")


@pytest.mark.parametrize("column", ["run", "name", "rate_hz"])
def test_a_row_that_lacks_a_value_is_named_and_left_out(table, column):
    values = [None if row == 1 else value for row, value in enumerate(COLUMNS[column])]
    error, *records = rate_table.read(table(**{column: values}), LIMITS)
    assert (error.reason, error.field.partition(": ")[2]) == ("null", f"column {column!r} row 1")
    assert [(record.key.ls, record.menu.hlt) for record in records] == [(9, ()), (1, ()), (2, ())]


def test_what_is_not_told_of_a_rate_is_left_open(table):
    (record, *_) = rate_table.read(table(seed=None, prescale=None), LIMITS)
    assert record.menu.hlt == ()
    assert np.isnan(record.l1_prescales).all()
    untold = table(prescale=[None, 10, 1, 2], prescale_name=["2b", "2b", "", "2b"], prescale_index=[3, 3, -1, 3])
    first, second, _ = rate_table.read(untold, LIMITS)
    assert (first.conditions.prescale_name, first.conditions.prescale_index) == (None, None)
    assert (second.conditions.prescale_name, second.conditions.prescale_index) == ("2b", 3)


def test_a_version_is_no_part_of_a_name(table):
    versions = {}
    for version in (12, 13):
        names = [name if name.startswith("L1") else f"{name}_v{version}" for name in COLUMNS["name"]]
        versions[version] = [record.menu for record in rate_table.read(table(name=None, path=names), LIMITS)]
    for old, new in zip(*versions.values(), strict=True):
        assert (old.l1, old.hlt) == (new.l1, new.hlt)
        assert {*new.versions} <= {0, 13}


TRUTHS = [
    ("TRUE", "FALSE"),
    ("True", "False"),
    ("T", "F"),
    ("1", "0"),
    ("1.0", "0.0"),
    ("yes", "No"),
    (" true", "false "),
]


@pytest.mark.parametrize("truth", TRUTHS)
def test_true_and_false_are_read_as_spreadsheets_r_and_sql_write_them(table, truth):
    outputs = [truth[0], truth[1], "", truth[1]]
    records = list(rate_table.read(table(beams_stable=outputs), LIMITS))
    assert [record.conditions.beams_stable for record in records] == [None, False, True]


def test_what_is_neither_true_nor_false_is_named_by_column_and_row(table):
    (error,) = rate_table.read(table(beams_stable=["TRUE", "maybe", "TRUE", "FALSE"]), LIMITS)
    assert (error.field.partition(": ")[2], error.value) == ("column 'beams_stable' row 1", "'maybe'")


def test_whole_numbers_may_be_floats_as_pandas_writes_columns_with_gaps(table):
    records = rate_table.read(table(run=[7.0, 7.0, 6.0, 7.0], fill=[100.0, 100.0, float("nan"), 100.0]), LIMITS)
    assert [(record.key.run, record.conditions.fill) for record in records] == [(6, None), (7, 100), (7, 100)]


def test_a_header_alone_says_so_whether_its_line_ends_or_not(tmp_path):
    path = tmp_path / "rates.csv"
    for end in ("", "\n", "\r\n"):
        path.write_text(",".join(COLUMNS) + end)
        assert [error.reason for error in rate_table.read(path, LIMITS)] == ["no-rates"]


def test_text_that_is_not_utf8_is_named_in_csv_too(tmp_path):
    path = tmp_path / "rates.csv"
    path.write_bytes("run,ls,name,seed,rate_hz,prescale\n7,2,L1_A,,5.5,1\n7,2,HLT_é,L1_A,1,1\n".encode("latin-1"))
    assert rate_table.is_table(path)
    (error,) = rate_table.read(path, LIMITS)
    assert (error.reason, error.field) == ("not-utf8", "rates.csv: column 'name' row 1")


@pytest.mark.parametrize("separator", [";", "\t", "|", " "])
def test_a_table_of_another_separator_is_a_table_of_rates_and_its_header_is_shown(tmp_path, separator):
    path = tmp_path / "rates.csv"
    header = separator.join(COLUMNS)
    path.write_text(f"{header}\n{separator.join('1' for _ in COLUMNS)}\n")
    assert rate_table.is_table(path)
    (error,) = rate_table.read(path, LIMITS)
    assert error.reason == "missing-column"
    assert f"the columns stand in one: {header!r}" in str(error)


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / "rates.csv"
    path.write_text("\ufeffrun,ls,name,seed,rate_hz,prescale\n7,2,L1_A,,5.5,1\n")
    assert [record.key for record in rate_table.read(path, LIMITS)] == [LumisectionKey(7, 2)]


def test_a_table_without_rows_says_so(table):
    (error,) = rate_table.read(table(**{name: values[:0] for name, values in COLUMNS.items()}), LIMITS)
    assert (error.reason, error.field.partition(": ")[2]) == ("no-rates", "rows")


def test_a_column_that_stands_twice_is_named(tmp_path):
    path = tmp_path / "rates.csv"
    path.write_text("run,ls,name,seed,rate_hz,prescale,rate_hz\n7,2,L1_A,,5.5,1,6\n")
    (error,) = rate_table.read(path, LIMITS)
    assert (error.reason, error.value) == ("column-twice", "'rate_hz'")


def test_a_lumisection_of_too_many_rates_is_refused(table):
    results = list(rate_table.read(table(), RateLimits(1 << 20, 1)))
    assert [getattr(item, "reason", "read") for item in results] == ["read", "too-many-rates", "read"]


def test_tables_of_rates_are_told_from_others(table):
    assert rate_table.is_table(table())
    assert not rate_table.is_table(table(rate_hz=None))


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_damaged_file_is_no_table(tmp_path, suffix):
    path = tmp_path / f"rates.{suffix}"
    path.write_bytes(b"\xfd damaged")
    assert not rate_table.is_table(path)
    (error,) = rate_table.read(path, LIMITS)
    assert error.reason in {"bad-table", "missing-column"}


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_file_that_is_not_there_is_the_systems_error(tmp_path, suffix):
    with pytest.raises(FileNotFoundError):
        rate_table.is_table(tmp_path / f"rates.{suffix}")


@pytest.mark.parametrize("column", ["name", "seed", "dataset", "era"])
def test_text_that_is_not_utf8_is_named_with_its_row(tmp_path, column):
    texts = pa.array([b"L1_A", b"HLT_\xff", b"L1_A", b"L1_B"]).view(pa.string())
    path = tmp_path / "rates.parquet"
    pq.write_table(pa.table(COLUMNS | {column: texts}), path)
    (error,) = rate_table.read(path, LIMITS)
    assert (error.reason, error.field) == ("not-utf8", f"rates.parquet: column '{column}' row 1")
