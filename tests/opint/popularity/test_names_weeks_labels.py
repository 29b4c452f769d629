"""Names, weeks and labels, read from the texts of a table."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opint.popularity.errors import PopularityError, TableError
from opint.popularity.history import Label, Weeks, parse_day, parse_name, parse_period


def test_a_name_has_three_parts_and_a_campaign():
    name = parse_name("/Muon0/Run2024I-PromptReco-v1/MINIAOD", "here")
    assert (name.primary, name.campaign, name.tier) == ("Muon0", "Run2024I", "MINIAOD")


@pytest.mark.parametrize("name", ["", "Muon0", "/a/b", "/a/b/AOD#1", "/a b/c/AOD", "/a/b/aod", "/" + "a" * 800])
def test_what_is_no_name_is_reported(name):
    with pytest.raises(TableError, match=r"here: dataset is .*/primary/processed/TIER"):
        parse_name(name, "here")


@given(st.dates(date(2000, 1, 1), date(2050, 1, 1)), st.integers(-3000, 3000))
def test_a_day_lies_in_its_week(anchor, days):
    weeks, day = Weeks(anchor), anchor + timedelta(days=days)
    start = weeks.start(weeks.number(day))
    assert start <= day < start + timedelta(days=7)


def test_days_are_written_in_two_ways():
    assert parse_day("2026-11-25", "x") == parse_day("20261125", "x") == date(2026, 11, 25)


@pytest.mark.parametrize("text", ["", "20261325", "2026-1-1", "tomorrow", "18991231", "25/11/2026", "²0261125"])
def test_what_is_no_day_is_reported(text):
    with pytest.raises(TableError, match="row 3: week is"):
        parse_day(text, "row 3")


def test_a_year_may_end_with_a_week_of_eight_days():
    assert parse_period("20131224-20131231", "x") == date(2013, 12, 24)
    for wrong in ("20130101-20130131", "20130107-20130101", "20130101"):
        with pytest.raises(TableError):
            parse_period(wrong, "x")


def test_a_label_is_read_and_not_executed():
    label = Label.parse(" naccess >= 10 ")
    assert str(label) == "naccess >= 10"
    assert label.holds(np.array([9.0, 10.0, 11.0], np.float32)).tolist() == [False, True, True]
    assert Label.parse(str(Label.parse("nusers > 2.5"))) == Label("nusers", ">", 2.5)
    for wrong in ("", "naccess", "cpu > 3", "naccess < 3", "naccess > x", "naccess > 10 or True", "__import__('os')"):
        with pytest.raises(PopularityError, match="label is"):
            Label.parse(wrong)
