"""A small grid, what it holds, and a few weeks of what is read of it."""

from dataclasses import replace

import numpy as np

from opint.placement import simulate_sites
from opint.placement.backtest import World
from opint.placement.budget import Budget, Prices
from opint.placement.decision import Decision, applied
from opint.placement.replicas import Replicas
from opint.placement.simulate_sites import Grid
from opint.placement.sites import TB, Kind, Rse
from opint.popularity.label import Label
from opint.popularity.simulate import Size, simulate

LABEL = Label("naccess", ">", 10)


def disk(name, capacity_tb, free_tb=0.0, region=""):
    return Rse(name, Kind.DISK, round(capacity_tb * TB), round(free_tb * TB), region)


def tape(name="T1_US_FNAL_Tape"):
    return Rse(name, Kind.TAPE, round(1e4 * TB), round(1e4 * TB))


def replicas(rses, sizes_tb, held, locked=(), rules=()):
    """Datasets ``/D0/A-v1/AOD`` … of these sizes; ``held`` are (dataset, RSE) by number, ``locked`` rows of it."""
    n = len(sizes_tb)
    dataset, rse = np.array(held, dtype=np.intp).reshape(-1, 2).T
    return Replicas(
        tuple(rses),
        tuple(f"/D{row}/A-v1/AOD" for row in range(n)),
        np.array(sizes_tb, dtype=np.float64) * TB,
        np.full(n, np.datetime64("NaT"), dtype="datetime64[D]"),
        dataset,
        rse,
        np.isin(np.arange(len(held)), locked),
        tuple(rules) or ("",) * len(held),
    )


def world(seed, datasets=60, weeks=26, first=18, disk_share=0.15, network_share=0.1, most_copies=2):
    """Forecasts are what comes, blurred; of what is on disk a third is on no tape, and a fifth is locked."""
    rng = np.random.default_rng(seed)
    history = simulate(rng, Size(datasets, weeks))
    total = history.size_bytes.sum()
    rses = simulate_sites.simulate(rng, Grid(6, disk_share * total))
    popular = LABEL.holds(history.measures["naccess"])
    told = {week: 0.7 * popular[:, week] + 0.2 * rng.random(datasets) for week in range(first, weeks)}
    tapes = np.flatnonzero([one.kind is Kind.TAPE for one in rses])
    held = simulate_sites.first_replicas(rng, history, first - 1, rses)
    cut = ~held.on_disk & (held.disk_copies[held.dataset] > 0) & (held.dataset % 3 == 0)
    thinned = applied(Decision(cut, np.empty(0, np.intp), np.empty(0, np.intp)), held)
    return World(
        history,
        simulate_sites.readers(rng, history, rses),
        replace(thinned, locked=thinned.on_disk & (thinned.dataset % 5 == 0)),
        rng.choice(tapes, datasets),
        told,
        LABEL,
        Budget(network_share * disk_share * total, most_copies),
        Prices(),
    )
