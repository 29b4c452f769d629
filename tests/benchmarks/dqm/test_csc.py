"""Faults in real runs."""

import numpy as np
import pytest

from benchmarks.dqm import autodqm_pulls, csc
from dqm.simulate.faults import FaultKind
from streams.codecs import Limits
from streams.files import read_file


def test_pulls_within_the_tolerance_are_none():
    reference = np.full((1, 50), 1e6)
    near = reference * 1.009
    near[0, 0] *= 1.1
    pulls = autodqm_pulls.pulls(near, reference)
    # The hot bin takes a share of the expectation from all others.
    assert np.abs(pulls[0, 1:]).max() < 2
    assert pulls[0, 0] > 20


def test_faults_change_what_they_say(real_data):
    batch = next(iter(read_file(real_data("csc/segments_time_combined.parquet"), Limits(64 << 20, 1000, 1000))))
    counts = batch.counts[0][0].astype(float)
    rng = np.random.default_rng(0)
    hot = csc._hit(rng, batch, counts, FaultKind.HOT, 0.01)
    assert (hot >= counts).all()
    assert hot.sum() == pytest.approx(1.01 * counts.sum(), rel=1e-3)
    assert (csc._hit(rng, batch, counts, FaultKind.DEAD, 0.02)[counts > 0] == 0).sum() in {3, 4}


@pytest.mark.benchmark
def test_the_table_is_made(real_data):
    data = real_data("csc/segments_time_combined.parquet").parents[1]
    result = csc.measure(data, quick=True, seeds=(11,), progress=lambda _: None)
    assert {
        f"csc_detected_{kind}_{severity:g}" for kind, sample in csc.SEVERITIES.items() for severity in sample[-2:]
    } < set(result)
    assert all(0 <= item.value <= 1 for item in result.values())
    assert {"csc_detected_adaptive_dead_0.05", "csc_false_alarms_declared_adaptive"} < set(result)
    assert result["csc_lasting_found_dead"].value > result["csc_lasting_found_dead"].peer_value
    assert result["csc_detected_gain_0.1"].value > result["csc_detected_gain_0.1"].peer_value
