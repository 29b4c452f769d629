"""Runs of one histogram each, or of one in each of several folders, as files of whole runs hold them."""

from functools import cache

import numpy as np

from streams.records import Axis, Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement

BINS = 60


@cache
def catalogue(folders):
    names = ["Muon/time"] if folders == 1 else [f"Muon/Sector{number}/time" for number in range(folders)]
    return Catalogue.of([MonitoringElement(name, (Axis(BINS, -30.0, 30.0),)) for name in names])


CATALOGUE = catalogue(1)


def whole_run(number, *, shift=0.0, dead=False, entries=1e5, folders=1):
    """A run of so many entries about a bell that moves a little from run to run."""
    rng = np.random.default_rng([number, 5])
    places = np.linspace(-3, 3, BINS)
    shape = np.exp(-0.5 * (places - shift - 0.02 * rng.normal()) ** 2) + 0.05
    if dead:
        shape[28:31] = 0.0
    counts = rng.poisson(entries * shape / shape.sum(), size=(folders, BINS)).astype(np.float32)
    return HistogramBatch(
        LumisectionKey(number, 0),
        "/Toy/Run/DQM",
        "Muon",
        Conditions(),
        catalogue(folders),
        (counts,),
        np.zeros((folders, 2)),
        counts.sum(axis=1, dtype=np.float64),
    )
