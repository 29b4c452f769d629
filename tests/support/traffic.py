"""Histograms as a broker delivers them: in parts, some of them late or twice."""

import random
from dataclasses import replace
from functools import cache

import numpy as np

from dqm.simulate.detector import stream
from dqm.simulate.plan import plan_faults
from streams.records import Catalogue
from tests.small import LEVEL, keys


def halves(batch):
    """The same histograms in two messages."""
    even = np.arange(len(batch.catalogue)) % 2 == 0
    return [part_of(batch, even), part_of(batch, ~even)]


def part_of(batch, rows):
    blocks = zip(batch.catalogue.blocks, batch.counts, strict=True)
    counts = [matrix[rows[block.start : block.stop]] for block, matrix in blocks]
    return replace(
        batch,
        catalogue=chosen(batch.catalogue, tuple(rows)),
        counts=tuple(matrix for matrix in counts if len(matrix)),
        flow=batch.flow[rows],
        entries=batch.entries[rows],
    )


@cache
def chosen(catalogue, rows):
    return Catalogue.of([me for me, row in zip(catalogue.elements, rows, strict=True) if row])


def traffic(detector, lumisections, seed):
    """Messages of faulty lumisections: in parts, some twice, some late, keeping to a partition's watermark."""
    expected = keys(lumisections)
    faults = plan_faults(
        np.random.default_rng(seed), detector.catalogues, expected, count=lumisections // 100, length=15
    )
    rng = random.Random(seed)
    parts = [
        part
        for item in stream(detector, [(key, LEVEL) for key in expected], faults, seed)
        for batch in item.batches
        for part in halves(batch)
    ]
    twice = [(place + rng.randint(1, 8), part) for place, part in enumerate(parts) if rng.random() < 0.02]
    late = [(place + (rng.randint(1, 8) if rng.random() < 0.05 else 0), part) for place, part in enumerate(parts)]
    return [part for _, part in sorted([*late, *twice], key=lambda pair: pair[0])]
