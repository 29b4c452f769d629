"""Ranges, and luminosity that adds up."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opint.certification.certificate import Certificate, Inspected, Luminosity, certify, good_runs, ranges
from opint.certification.rules import Cause, Counts, LumisectionFacts, Objection, SeenIncident

COUNTS = {"Muon": Counts(9, 0, 0, 1)}


def fine(ls: int) -> LumisectionFacts:
    return LumisectionFacts(ls, beams_stable=True, recorded_lumi=0.5, model_version="m1", subsystems=COUNTS)


def of(*facts: LumisectionFacts) -> Certificate:
    return certify("/A/B/C", 7, facts, 0.5)


def test_ranges_are_inclusive_and_gaps_are_not_received() -> None:
    told = of(*map(fine, (59, 60, 61, 84)))
    assert told.good == ((59, 61), (84, 84))
    assert [(one.first, one.last, one.why) for one in told.excluded] == [
        (1, 58, (Objection(Cause.NOT_RECEIVED),)),
        (62, 83, (Objection(Cause.NOT_RECEIVED),)),
    ]
    assert told.lumisections == (4, 84)
    assert (told.certified, told.lost) == (Luminosity(2.0, 0), Luminosity(0.0, 80))
    assert good_runs([told, of()]) == {"7": [[59, 61], [84, 84]]}


def test_a_range_ends_where_the_reasons_change() -> None:
    off = replace(fine(2), not_ready=("tob",))
    both = replace(off, ls=3, incidents=(SeenIncident(4, "Muon", 1, False),))
    told = of(fine(1), off, both, replace(both, ls=4), fine(5))
    assert [(one.first, one.last, len(one.why)) for one in told.excluded] == [(2, 2, 1), (3, 4, 2)]
    assert told.lost_by_cause == {Cause.DETECTOR_OFF: Luminosity(1.5)}, "each lumisection is lost once"


def test_what_was_least_inspected_is_told() -> None:
    told = of(fine(1), replace(fine(2), subsystems={"Muon": Counts(5, 2, 0, 3)}))
    assert told.least_inspected == Inspected(0.7, "Muon", 2)
    assert (told.warnings, told.model_versions) == (1, ("m1",))


def test_a_subsystem_that_stays_away_is_missed() -> None:
    told = of(replace(fine(1), subsystems=COUNTS | {"Strips": Counts(3, 0, 0, 0)}), fine(2))
    assert told.good == ((1, 1),)
    assert told.excluded[0].why == (Objection(Cause.NOT_INSPECTED, "Strips"),)


def test_a_bad_whole_run_speaks_against_every_lumisection() -> None:
    whole = replace(fine(0), beams_stable=None, subsystems={"Muon": Counts(0, 0, 1, 9)})
    told = of(whole, fine(1), fine(2))
    assert told.good == ()
    assert told.excluded[0].why == (Objection(Cause.BAD, "Muon (whole run)"),)
    assert told.recorded == Luminosity(1.0), "the whole run is no lumisection"
    assert of(replace(whole, subsystems={"Muon": Counts(1, 0, 0, 9)}), fine(1)).good == ((1, 1),)


def test_a_run_of_whole_run_histograms_has_nothing_to_certify() -> None:
    told = of(replace(fine(0), beams_stable=None))
    assert (told.good, told.excluded, told.lumisections, told.least_inspected) == ((), (), (0, 0), None)


@given(st.sets(st.integers(1, 40)))
def test_ranges_hold_what_was_given(some: set[int]) -> None:
    found = ranges(sorted(some))
    assert {ls for first, last in found for ls in range(first, last + 1)} == some
    assert all(after[0] > before[1] + 1 for before, after in pairwise(found))


lumisections = st.dictionaries(
    st.integers(1, 30),
    st.builds(
        LumisectionFacts,
        st.just(0),
        closed=st.booleans(),
        beams_stable=st.sampled_from([True, False, None]),
        recorded_lumi=st.none() | st.integers(0, 4).map(float),
        subsystems=st.fixed_dictionaries({"Muon": st.builds(Counts, *[st.integers(0, 3)] * 4)}),
    ),
)


@given(lumisections)
def test_every_lumisection_is_told_once_and_luminosity_adds_up(found: dict[int, LumisectionFacts]) -> None:
    told = of(*(replace(one, ls=ls) for ls, one in found.items()))
    parts = sorted([*told.good, *((one.first, one.last) for one in told.excluded)])
    assert [ls for first, last in parts for ls in range(first, last + 1)] == list(range(1, max(found, default=0) + 1))
    assert told.recorded.recorded == pytest.approx(told.certified.recorded + told.lost.recorded)
    assert told.recorded.unknown == told.certified.unknown + told.lost.unknown
    for some in ([one.lost for one in told.excluded], told.lost_by_cause.values()):
        assert sum(one.recorded for one in some) == pytest.approx(told.lost.recorded)
        assert sum(one.unknown for one in some) == told.lost.unknown
