import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dqm.core.digests import EMPTY
from dqm.rates.closing import content
from streams.records import TriggerMenu

MENU = TriggerMenu(("L1_A", "L1_B"), ("HLT_1", "HLT_2", "HLT_3"), (0, 0, 1))
CATALOGUE = MENU.catalogue


def of(rates):
    rates = np.asarray(rates, dtype=float)
    return content(rates, rates * 100, CATALOGUE)


def folder(seed):
    return [row for row, name in enumerate(CATALOGUE.names) if name.startswith(seed)]


@given(st.integers(0, 4), st.floats(0.01, 10))
def test_a_rate_that_changes_changes_its_folder_and_no_other(row, more):
    before = np.array([50.0, 3.0, 2.0, 70.0, 1.0])
    after = before.copy()
    after[row] += more
    changed = of(before) != of(after)
    part = CATALOGUE.names[row].split("/")[0]
    assert [bool(item) for item in changed] == [name.startswith(part) for name in CATALOGUE.names]


def test_two_rates_that_change_places_are_another_content():
    assert (of([50.0, 3.0, 2.0, 70.0, 1.0])[folder("L1_A")] != of([3.0, 50.0, 2.0, 70.0, 1.0])[folder("L1_A")]).all()


def test_a_folder_that_counts_little_is_empty():
    result = of([0.01, 0.0, 0.02, 70.0, 1.0])
    assert (result[folder("L1_A")] == np.uint64(EMPTY)).all()
    assert (result[folder("L1_B")] != np.uint64(EMPTY)).all()
