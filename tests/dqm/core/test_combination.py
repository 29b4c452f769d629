"""What scorers of whole lumisections say, and whom they name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dqm.core.combination import SubsystemOpinion, condemned_elements, folder_p, folders
from streams.records import Axis, Catalogue, MonitoringElement

CATALOGUE = Catalogue.of([MonitoringElement(f"DT/Sector{i // 3}/me{i:02}", (Axis(4, 0.0, 4.0),)) for i in range(18)])


def shares(**by_name):
    """Shares by number of ME, ``me04=3.0``."""
    result = np.zeros(len(CATALOGUE))
    for name, value in by_name.items():
        result[[item.endswith(name) for item in CATALOGUE.names]] = value
    return result


def names(opinion):
    return [CATALOGUE.names[row] for row in np.flatnonzero(condemned_elements(opinion, CATALOGUE))]


def test_the_elements_that_hold_most_are_named():
    assert names(SubsystemOpinion(1e-6, shares(me04=9.0, me05=2.0, me03=0.1, me10=1.0))) == [
        "DT/Sector1/me04",
        "DT/Sector1/me05",
    ]


def test_two_folders_that_share_it_are_both_named():
    assert names(SubsystemOpinion(1e-6, shares(me04=5.0, me10=4.0, me00=0.5))) == ["DT/Sector1/me04", "DT/Sector3/me10"]


def test_where_it_lies_everywhere_the_greatest_is_named():
    spread = np.full(len(CATALOGUE), 1.0) + shares(me17=0.5)
    assert set(names(SubsystemOpinion(0.1, spread))) == {f"DT/Sector5/me{i}" for i in (15, 16, 17)}


def test_nothing_held_names_nobody():
    assert names(SubsystemOpinion(1.0, shares())) == []


@given(hnp.arrays(np.float64, len(CATALOGUE), elements=st.floats(0, 1e6)))
def test_somebody_is_named_if_anything_is_held_and_never_more_than_four_folders(share):
    result = condemned_elements(SubsystemOpinion(0.5, share), CATALOGUE)
    assert result.any() == (share > 0).any()
    assert not result[share == 0].any()
    # Ties at the most may exceed four only where all folders hold less than a quarter.
    if share.sum() and np.bincount(folders(CATALOGUE).of, share).max() >= 0.25 * share.sum():
        assert len(set(folders(CATALOGUE).of[result])) <= 4


def test_the_budget_sees_only_the_folders_that_are_named():
    result = folder_p([SubsystemOpinion(0.01, shares(me04=1.0)), None, SubsystemOpinion(0.5, shares())], CATALOGUE)
    place = folders(CATALOGUE).names.index("DT/Sector1")
    assert result.shape == (6, 3)
    assert result[place, 0] == pytest.approx(0.01)
    assert (np.delete(result[:, 0], place) == 1).all()
    assert np.isnan(result[:, 1]).all()
    assert (result[:, 2] == 1).all()
