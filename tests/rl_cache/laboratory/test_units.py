"""Bytes as people write them, and the other way round."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cache.errors import SimulationError
from rl_cache.laboratory.units import format_bytes, parse_bytes, parse_daily_bandwidth, parse_size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4096", 4096),
        ("100TiB", 100 * 2**40),
        ("2.5 TB", 25 * 10**11),
        ("1k", 1000),
        ("3KiB", 3072),
        (" 7 GB ", 7 * 10**9),
    ],
)
def test_bytes(text, expected):
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "TB", "1.2.3GB", "-4GB", "4 TiBs", "4 Ti B", ".", "1e5"])
def test_what_is_no_number_of_bytes(text):
    with pytest.raises(SimulationError, match="write 100TiB"):
        parse_bytes(text)


def test_a_share_of_the_files():
    assert parse_size("10%", 5000) == 500
    assert parse_size("0.001%", 5000) == 1
    assert parse_size("3kB", 5000) == 3000
    for text in ("0%", "-3%", "%", "nan%", "101 00%"):
        with pytest.raises(SimulationError, match="write 10%"):
            parse_size(text, 5000)


def test_the_published_bandwidth():
    assert parse_daily_bandwidth("10Gbit/s") == 108 * 10**12
    assert parse_daily_bandwidth("2 MB/s") == 172_800_000_000
    for text in ("10", "0Gbit/s", "10Gb/s", "x"):
        with pytest.raises(SimulationError, match="write 10Gbit/s"):
            parse_daily_bandwidth(text)


@given(st.integers(0, 2**62))
def test_what_is_shown_can_be_read_again(number):
    assert parse_bytes(format_bytes(number)) == pytest.approx(number, rel=0.006)
