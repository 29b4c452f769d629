"""Timing."""

import numpy as np

from benchmarks.dqm import cost


class Recorded:
    """A group whose reference is never asked."""

    reference = "reference"


def test_blocks_hold_at_least_256_histograms_of_lumisections_in_turn(monkeypatch):
    monkeypatch.setattr(cost, "features", lambda counts, pileup, _reference: (counts, pileup))
    counts = [np.full((60, 4), ls, dtype=np.int64) for ls in range(3)]
    stacked, pileup = cost._block(Recorded(), counts, np.array([0.0, 1.0, 2.0], dtype=np.float32))
    assert stacked.shape == (5, 60, 4)
    assert stacked.shape[0] * stacked.shape[1] >= cost.BATCH
    assert stacked[:, 0, 0].tolist() == pileup.tolist() == [0, 1, 2, 0, 1]


def test_the_first_call_is_not_timed():
    calls = []
    assert cost._timed(lambda: calls.append(1), 3) >= 0
    assert len(calls) == 4


def test_fresh_lumisections_have_all_subsystems():
    assert {batch.subsystem for batch in cost._batches(3, 2)} == {"Calo", "Muon", "Pixel", "Strips"}
