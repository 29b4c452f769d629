"""What certification is measured by."""

import pytest

from benchmarks.dqm import certify
from benchmarks.dqm.certify import Round, results
from opint.certification.rules import ObjectionCause


def test_shares_and_times_are_means_over_detectors():
    item = Round(0.0, {ObjectionCause.BAD: 0.02}, 0.01, 1.0, 0.25, 2.0, 1.0, 1000)
    other = Round(0.1, {ObjectionCause.BAD: 0.01, ObjectionCause.NOT_INSPECTED: 0.03}, 0.03, 0.5, 0.25, 4.0, 1.0, 1000)
    report = results([item, other])
    assert report["certified_of_faulty_lumi"].value == pytest.approx(0.05)
    assert report["lost_of_good_lumi"].value == pytest.approx(0.03)
    assert report["lost_of_good_lumi_not_inspected"].value == pytest.approx(0.015)
    result = report["old_fault_found_with_feedback"]
    assert (result.value, result.peer_value, result.ratio) == (0.75, 0.25, 3.0)
    assert report["judged_with_shadow"].value == pytest.approx(3000.0)
    assert report["judged_with_shadow"].peer_value == pytest.approx(1000.0)


@pytest.mark.benchmark
def test_the_table_is_made(real_data):
    data = real_data("oms/Run2024E-v1.parquet").parents[1]
    report = certify.measure(data, quick=True, seeds=(11,), progress=lambda _: None)
    assert report["certified_of_faulty_lumi"].value < 0.2
    assert report["lost_of_good_lumi"].value < 0.2
    assert report["lost_of_good_lumi_after_feedback"].value <= report["lost_of_good_lumi"].value
    result = report["old_fault_found_with_feedback"]
    assert result.value > result.peer_value
