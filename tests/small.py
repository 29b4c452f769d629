"""A small detector for tests that need a trained model: quick to train, quick to judge."""

import numpy as np

from dqm.simulate.built_in import channels, gaussian, normalised
from dqm.simulate.detector import Detector
from dqm.simulate.faults import Fault, FaultKind
from dqm.simulate.templates import Template
from streams.records import Axis, Conditions, LumisectionKey, MonitoringElement

LEVEL = Conditions(fill=9000, pileup=50.0, delivered_lumi=0.44, recorded_lumi=0.42, beams_stable=True)


def small_detector():
    """Two subsystems of four monitoring elements each, with 20 bins or so."""
    rng = np.random.default_rng(7)
    results = []
    for subsystem in ("Muon", "Strips"):
        for part in (1, 2):
            folder = f"{subsystem}/Part{part}"
            for name, axis in (("occupancy", Axis(24, 0, 24, "wire")), ("timing", Axis(20, -10, 10, "time [ns]"))):
                base = channels((axis,), rng) if name == "occupancy" else gaussian(axis, 0.0, 3.0)
                base = normalised(base)
                modes = 0.01 * np.vstack([base * np.linspace(-1, 1, axis.bins), base * np.cos(np.arange(axis.bins))])
                element = MonitoringElement(f"{folder}/{name}", (axis,))
                results.append(Template(subsystem, element, base, modes, 20_000.0))
    return Detector(results, np.random.default_rng(8))


def keys(count, first_run=380_000, per_run=400):
    """``count`` lumisections over several runs, in order."""
    return [LumisectionKey(first_run + n // per_run, n % per_run + 1) for n in range(count)]


def small_fault(among, first, last):
    """A hot channel in one folder, from ``among[first]`` to ``among[last]``."""
    return Fault(FaultKind.HOT, "Muon", 0.5, among[first], among[last], elements=("Muon/Part1/occupancy",), seed=3)
