"""Parts of a lumisection add up to the same state in any number, order and multiplicity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.core.assembly import complete, merge
from dqm.core.state import Amounts, Bands, LumisectionState, ScoredBatch, SubsystemScores
from streams.records import Axis, Catalogue, Conditions, LumisectionKey, MonitoringElement

NAMES = tuple(f"Muon/Sector{i}/occupancy" for i in range(6))
CATALOGUE = Catalogue.of([MonitoringElement(name, (Axis(4, 0.0, 4.0),)) for name in NAMES])
KEY = LumisectionKey(379415, 7)


def part(rows, digests=None, subsystem="Muon", catalogue=CATALOGUE, scorers=("pull", "autoencoder")):
    """The given rows of a catalogue, with values that follow from row and digest."""
    n = len(catalogue)
    present = np.zeros(n, dtype=bool)
    present[list(rows)] = True
    content = np.arange(100, 100 + n, dtype=np.uint64)
    for row, digest in (digests or {}).items():
        content[row] = digest
    return ScoredBatch(
        KEY,
        "/Cosmics/Run2024B-v1/DQM",
        subsystem,
        Conditions(fill=9473),
        "model-1",
        SubsystemScores(
            catalogue=catalogue,
            scorers=scorers,
            present=present,
            p_values=np.where(present, 1.0 / content, np.nan).astype(np.float32),
            scores=np.where(present, np.vstack([content, 2 * content]), np.nan).astype(np.float32),
            digests=np.where(present, content, 0).astype(np.uint64),
            reasons=np.where(present, content % 3, 0).astype(np.uint8),
            bands=Bands.from_array(np.where(present, np.vstack([content + n for n in range(7)]), np.nan)),
            amounts=Amounts.from_array(np.where(present, np.vstack([content + n for n in range(3)]), np.nan)),
        ),
    )


def total(parts):
    state: LumisectionState | None = None
    for item in parts:
        state = merge(state, item, now_s=1.0).state
    assert state is not None
    return state


def assert_same(first, second):
    assert first.parts.keys() == second.parts.keys()
    for name, item in first.parts.items():
        other = second.parts[name]
        assert item.catalogue == other.catalogue
        for field in ("present", "p_values", "scores", "digests", "reasons"):
            np.testing.assert_array_equal(getattr(item, field), getattr(other, field), err_msg=field)
        np.testing.assert_array_equal(item.bands.as_array(), other.bands.as_array())
        np.testing.assert_array_equal(item.amounts.as_array(), other.amounts.as_array())


splits = st.lists(st.sets(st.integers(0, len(NAMES) - 1), min_size=1), min_size=1, max_size=6)


@given(splits, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(split, random):
    parts = [part(rows, subsystem=name) for rows in split for name in ("Muon", "Calo")]
    shuffled = [*parts, *parts]
    random.shuffle(shuffled)
    assert_same(total(parts), total(shuffled))


@given(splits)
def test_a_part_that_came_before_changes_nothing(split):
    state = total([part(rows) for rows in split])
    again = merge(state, part(split[0]), now_s=2.0)
    assert again.state is state
    assert not again.changed
    assert again.conflicts == ()


def test_other_content_is_a_conflict_and_the_first_stands():
    first = total([part([0, 1])])
    merged = merge(first, part([1, 2], digests={1: 999}), now_s=2.0)
    assert merged.conflicts == (NAMES[1],)
    assert merged.changed
    assert merged.state.parts["Muon"].digests[1] == 101
    assert merged.state.parts["Muon"].digests[2] == 102


def test_first_conditions_stand_but_unknown_ones_are_filled_in():
    blind = part([0])
    unknown = ScoredBatch(KEY, blind.dataset, "Calo", Conditions(), "model-1", blind.scores)
    assert total([unknown, blind]).conditions.fill == 9473
    assert total([blind, unknown]).conditions.fill == 9473


def test_catalogues_and_scorers_are_united():
    stranger = Catalogue.of([MonitoringElement("Muon/New/charge", (Axis(9, 0.0, 1.0),))])
    state = total([part([0]), part([0], catalogue=stranger, scorers=("pull", "other"))])
    muon = state.parts["Muon"]
    assert set(muon.catalogue.names) == {*NAMES, "Muon/New/charge"}
    assert muon.scorers == ("pull", "autoencoder", "other")
    new = muon.catalogue.index["Muon/New/charge"]
    assert muon.scores[0, new] == 100
    assert np.isnan(muon.scores[1, new])
    assert muon.present.sum() == 2


@pytest.mark.parametrize(("rows", "expected"), [([0, 1, 2, 3, 4], False), (range(6), True)])
def test_complete_when_every_expected_element_has_come(rows, expected):
    assert complete(total([part(rows)]), {"Muon": CATALOGUE}) is expected


def test_a_missing_subsystem_is_not_complete():
    assert not complete(total([part(range(6))]), {"Muon": CATALOGUE, "Calo": CATALOGUE})


def test_unexpected_elements_are_not_waited_for():
    expected = Catalogue.of(list(CATALOGUE.elements[:2]))
    assert complete(total([part([0, 1])]), {"Muon": expected})
