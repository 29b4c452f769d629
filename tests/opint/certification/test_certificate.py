"""Ranges, and luminosity that adds up."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opint.certification.certificate import Certificate, Inspected, Luminosity, certify, good_runs, ranges
from opint.certification.rules import LumisectionFacts, Objection, ObjectionCause, QualityCounts, SeenIncident

COUNTS = {"Muon": QualityCounts(9, 0, 0, 1)}


def fine(ls: int) -> LumisectionFacts:
    return LumisectionFacts(ls, beams_stable=True, recorded_lumi=0.5, model_version="m1", subsystems=COUNTS)


def of(*facts: LumisectionFacts) -> Certificate:
    return certify("/A/B/C", 7, facts, 0.5)


def test_ranges_are_inclusive_and_gaps_are_not_received() -> None:
    report = of(*map(fine, (59, 60, 61, 84)))
    assert report.good == ((59, 61), (84, 84))
    assert [(item.first, item.last, item.why) for item in report.excluded] == [
        (1, 58, (Objection(ObjectionCause.NOT_RECEIVED),)),
        (62, 83, (Objection(ObjectionCause.NOT_RECEIVED),)),
    ]
    assert report.lumisections == (4, 84)
    assert (report.certified, report.lost) == (Luminosity(2.0, 0), Luminosity(0.0, 80))
    assert good_runs([report, of()]) == {"7": [[59, 61], [84, 84]]}


def test_a_range_ends_where_the_reasons_change() -> None:
    off = replace(fine(2), not_ready=("tob",))
    both = replace(off, ls=3, incidents=(SeenIncident(4, "Muon", 1, False),))
    report = of(fine(1), off, both, replace(both, ls=4), fine(5))
    assert [(item.first, item.last, len(item.why)) for item in report.excluded] == [(2, 2, 1), (3, 4, 2)]
    assert report.lost_by_cause == {ObjectionCause.DETECTOR_OFF: Luminosity(1.5)}, "each lumisection is lost once"


def test_what_was_least_inspected_is_told() -> None:
    report = of(fine(1), replace(fine(2), subsystems={"Muon": QualityCounts(5, 2, 0, 3)}))
    assert report.least_inspected == Inspected(0.7, "Muon", 2)
    assert (report.warnings, report.model_versions) == (1, ("m1",))


def test_a_subsystem_that_stays_away_is_missed() -> None:
    report = of(replace(fine(1), subsystems=COUNTS | {"Strips": QualityCounts(3, 0, 0, 0)}), fine(2))
    assert report.good == ((1, 1),)
    assert report.excluded[0].why == (Objection(ObjectionCause.NOT_INSPECTED, "Strips"),)


def test_a_bad_whole_run_speaks_against_every_lumisection() -> None:
    whole = replace(fine(0), beams_stable=None, subsystems={"Muon": QualityCounts(0, 0, 1, 9)})
    report = of(whole, fine(1), fine(2))
    assert report.good == ()
    assert report.excluded[0].why == (Objection(ObjectionCause.BAD, "Muon (whole run)"),)
    assert report.recorded == Luminosity(1.0), "the whole run is no lumisection"
    assert of(replace(whole, subsystems={"Muon": QualityCounts(1, 0, 0, 9)}), fine(1)).good == ((1, 1),)


def test_a_run_of_whole_run_histograms_has_nothing_to_certify() -> None:
    report = of(replace(fine(0), beams_stable=None))
    assert (report.good, report.excluded, report.lumisections, report.least_inspected) == ((), (), (0, 0), None)


@given(st.sets(st.integers(1, 40)))
def test_ranges_hold_what_was_given(numbers: set[int]) -> None:
    result = ranges(sorted(numbers))
    assert {ls for first, last in result for ls in range(first, last + 1)} == numbers
    assert all(after[0] > before[1] + 1 for before, after in pairwise(result))


lumisections = st.dictionaries(
    st.integers(1, 30),
    st.builds(
        LumisectionFacts,
        st.just(0),
        closed=st.booleans(),
        beams_stable=st.sampled_from([True, False, None]),
        recorded_lumi=st.none() | st.integers(0, 4).map(float),
        subsystems=st.fixed_dictionaries({"Muon": st.builds(QualityCounts, *[st.integers(0, 3)] * 4)}),
    ),
)


@given(lumisections)
def test_every_lumisection_is_told_once_and_luminosity_adds_up(facts: dict[int, LumisectionFacts]) -> None:
    report = of(*(replace(item, ls=ls) for ls, item in facts.items()))
    parts = sorted([*report.good, *((item.first, item.last) for item in report.excluded)])
    assert [ls for first, last in parts for ls in range(first, last + 1)] == list(range(1, max(facts, default=0) + 1))
    assert report.recorded.recorded == pytest.approx(report.certified.recorded + report.lost.recorded)
    assert report.recorded.unknown == report.certified.unknown + report.lost.unknown
    for sample in ([item.lost for item in report.excluded], report.lost_by_cause.values()):
        assert sum(item.recorded for item in sample) == pytest.approx(report.lost.recorded)
        assert sum(item.unknown for item in sample) == report.lost.unknown
