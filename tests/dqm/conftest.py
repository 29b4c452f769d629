"""A small detector whose good lumisections are known exactly, for tests of judgement."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from conf.settings import DqmSettings
from dqm.histograms.train import train
from streams.records import Axis, Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement

DATASET = "/Toy/Run2024-v1/DQM"


def element(name, bins):
    return MonitoringElement(name, (Axis(bins, 0.0, float(bins)),))


@dataclass
class Toy:
    """MEs of two shapes in folders of three; Poisson counts about shapes that follow pileup and one slow drift."""

    seed: int = 0
    folders: int = 6
    bins: tuple = (24, 40)
    mean_entries: float = 3000.0
    drift: float = 0.05
    subsystem: str = "Muon"
    catalogue: Catalogue = field(init=False)

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        names = [
            (f"{self.subsystem}/Sector{f}/me{i}", self.bins[i % len(self.bins)])
            for f in range(self.folders)
            for i in range(3)
        ]
        self.catalogue = Catalogue.of([element(*name) for name in names])
        self.shapes, self.drifts, self.slopes = [], [], []
        for block in self.catalogue.blocks:
            n = block.stop - block.start
            shape = rng.gamma(8.0, size=(n, block.bins))
            self.shapes.append(shape / shape.sum(axis=1, keepdims=True))
            self.drifts.append(rng.normal(size=(n, block.bins)))
            self.slopes.append(rng.normal(size=(n, block.bins)))

    def means(self, block, pileup, drift):
        distortion = 1 + self.drift * drift * self.drifts[block] + 0.03 * (pileup - 45) / 10 * self.slopes[block]
        return self.mean_entries * pileup / 45 * self.shapes[block] * np.maximum(distortion, 0.05)

    def batch(self, ls, seed=1, run=1000, edit=None, dtype=np.float32):
        """One lumisection; ``edit`` changes the means of each block before counts are drawn."""
        rng = np.random.default_rng([self.seed, seed, run, ls])
        pileup = 48 + 12 * np.sin(ls / 37.0)
        drift = np.sin((ls + run) / 23.0)
        means = [self.means(block, pileup, drift) for block in range(len(self.shapes))]
        if edit is not None:
            edit(self.catalogue, means)
        counts = tuple(rng.poisson(mean).astype(dtype) for mean in means)
        entries = np.concatenate([count.sum(axis=1, dtype=np.float64) for count in counts])
        conditions = Conditions(fill=9000, pileup=pileup, recorded_lumi=pileup / 100, beams_stable=True)
        return HistogramBatch(
            LumisectionKey(run, ls),
            DATASET,
            self.subsystem,
            conditions,
            self.catalogue,
            counts,
            np.zeros((len(entries), 2)),
            entries,
        )


def train_toy(toy, folder, lumisections=300, settings=None):
    """Of 20 runs up to 1000, as consecutive lumisections."""
    batches = [toy.batch(ls, run=981 + 20 * (ls - 1) // lumisections) for ls in range(1, lumisections + 1)]
    return train(batches, folder, settings or DqmSettings(), np.random.default_rng(3), lambda _what, _share: None)


@pytest.fixture(scope="session")
def toy():
    return Toy()


@pytest.fixture(scope="session")
def toy_bundle(toy, tmp_path_factory):
    """A bundle trained on the first 300 lumisections, which belong to runs 981 to 1000."""
    return train_toy(toy, tmp_path_factory.mktemp("models") / "toy")
