"""Weak faults for the comparison of methods."""

import numpy as np
import pytest

from benchmarks.dqm import combination
from dqm.simulate.detector import Detector
from dqm.simulate.faults import FaultKind
from streams.records import LumisectionKey

KEY = LumisectionKey(1, 1)


@pytest.fixture(scope="module")
def catalogue():
    return Detector.built_in(1).catalogues["Muon"]


@pytest.mark.parametrize("kind", list(combination.WEAK))
def test_extents_are_one_a_folder_and_a_quarter(catalogue, kind):
    faults = {
        extent: combination._fault(np.random.default_rng(3), kind, "Muon", catalogue, KEY, extent)
        for extent in combination.EXTENTS
    }
    assert len(faults["one"].elements) == 1
    assert len({name.rpartition("/")[0] for name in faults["folder"].elements}) == 1
    assert len(faults["quarter"].elements) == len(catalogue) // 4
    assert {fault.severity for fault in faults.values()} == {combination.WEAK[kind]}


def test_every_subsystem_can_be_hit_by_every_weak_fault():
    for name, catalogue in Detector.built_in(1).catalogues.items():
        for kind in combination.WEAK:
            assert combination._fault(
                np.random.default_rng(0), FaultKind(kind), name, catalogue, KEY, "quarter"
            ).elements


def test_subsystems_that_were_not_inspected_do_not_count():
    p = np.concatenate([np.linspace(0.001, 1, 1000), np.full(500, np.nan)])
    assert combination._quantile(p, 0.01) == pytest.approx(0.011, abs=1e-3)
    assert combination._share(p <= 0.0105, p) == pytest.approx(0.01)
