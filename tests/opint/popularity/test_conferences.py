"""Calendars of conferences."""

from datetime import date

import pytest

from opint.popularity.errors import TableError
from opint.popularity.readers.conferences import read_conferences


def test_a_real_calendar(real_data):
    days = read_conferences(real_data("popularity/hep_conferences.csv"))
    assert date(2022, 8, 30) in days
    assert len(days) > 200
    assert list(days) == sorted(set(days))


def test_commas_and_days_as_iso_are_read_too(tmp_path):
    (tmp_path / "c.csv").write_text("name,ds\nEPS,2027-07-05\nLHCP,2026-05-04\n")
    assert read_conferences(tmp_path / "c.csv") == (date(2026, 5, 4), date(2027, 7, 5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\nEPS\n", "ds is missing"),
        ("", "columns is empty"),
        ("ds\nsoon\n", "row 1: ds is 'soon'; a day is needed"),
        ("ds,name\n2026-05-04,LHCP\n1066-10-14,Hastings\n", "row 2: ds is '1066-10-14'"),
        ("ds;name\n32.01.2026;x\n", "'32.01.2026'"),
        ("ds\n" + "x" * 1_000_001, "at most 1000000 are read"),
        (b"\xff\xfe\x00", "a CSV file with column ds is needed"),
    ],
)
def test_what_is_wrong_is_reported(tmp_path, text, message):
    (tmp_path / "c.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(TableError, match=message):
        read_conferences(tmp_path / "c.csv")
    with pytest.raises(TableError, match=r"none\.csv: file is"):
        read_conferences(tmp_path / "none.csv")
