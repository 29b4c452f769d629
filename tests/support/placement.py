"""A small grid with its replicas, a few weeks of reads, and a plan."""

from dataclasses import replace
from datetime import date

import numpy as np

from opint.placement.backtest import Scenario
from opint.placement.decision import Budget, PlacementDecision, Prices, apply_decision
from opint.placement.plan import Action, Line, Plan, Refusal, RefusalCause
from opint.placement.replicas import Replicas
from opint.placement.simulate_sites import GridSize, first_replicas, readers, simulate_grid
from opint.placement.sites import TB, Rse, StorageKind
from opint.popularity.history import Label
from opint.popularity.simulate import CatalogueSize, simulate_catalogue

LABEL = Label("naccess", ">", 10)


def disk(name, capacity_tb, free_tb=0.0, region=""):
    return Rse(name, StorageKind.DISK, round(capacity_tb * TB), round(free_tb * TB), region)


def tape(name="T1_US_FNAL_Tape"):
    return Rse(name, StorageKind.TAPE, round(1e4 * TB), round(1e4 * TB))


def replicas(rses, sizes_tb, placed, locked=(), rules=()):
    """Datasets ``/D0/A-v1/AOD`` … of these sizes; ``held`` are (dataset, RSE) by number, ``locked`` rows of it."""
    n = len(sizes_tb)
    dataset, rse = np.array(placed, dtype=np.intp).reshape(-1, 2).T
    return Replicas(
        tuple(rses),
        tuple(f"/D{row}/A-v1/AOD" for row in range(n)),
        np.array(sizes_tb, dtype=np.float64) * TB,
        np.full(n, np.datetime64("NaT"), dtype="datetime64[D]"),
        dataset,
        rse,
        np.isin(np.arange(len(placed)), locked),
        tuple(rules) or ("",) * len(placed),
    )


def world(seed, datasets=60, weeks=26, first=18, disk_share=0.15, network_share=0.1, most_copies=2):
    """Forecasts are what comes, blurred; of what is on disk a third is on no tape, and a fifth is locked."""
    rng = np.random.default_rng(seed)
    history = simulate_catalogue(rng, CatalogueSize(datasets, weeks))
    total = history.size_bytes.sum()
    rses = simulate_grid(rng, GridSize(6, disk_share * total))
    popular = LABEL.holds(history.measures["naccess"])
    probability = {week: 0.7 * popular[:, week] + 0.2 * rng.random(datasets) for week in range(first, weeks)}
    tapes = np.flatnonzero([rse.kind is StorageKind.TAPE for rse in rses])
    initial = first_replicas(rng, history, first - 1, rses)
    cut = ~initial.on_disk & (initial.disk_copies[initial.dataset] > 0) & (initial.dataset % 3 == 0)
    thinned = apply_decision(PlacementDecision(cut, np.empty(0, np.intp), np.empty(0, np.intp)), initial)
    return Scenario(
        history,
        readers(rng, history, rses),
        replace(thinned, locked=thinned.on_disk & (thinned.dataset % 5 == 0)),
        rng.choice(tapes, datasets),
        probability,
        LABEL,
        Budget(network_share * disk_share * total, most_copies),
        Prices(),
    )


WEEK = date(2024, 9, 2)
RULE = "0123456789abcdef0123456789abcdef"


def line(action, name, rse="T2_DE_DESY", benefit=5.0, rule=""):
    return Line(WEEK, action, f"/Sample/{name}-v1/AODSIM", rse, 3 * 10**12, benefit, f"<b>{name}</b> is wanted", rule)


LINES = (
    line(Action.COPY, "A", benefit=9.0),
    line(Action.COPY, "B"),
    line(Action.DELETE, "C", rule=RULE),
    line(Action.KEEP, "D"),
)
REFUSALS = (Refusal(WEEK, Action.COPY, "/Sample/E-v1/AODSIM", "", RefusalCause.NETWORK, "it is too large"),)
PLAN = Plan(WEEK, LINES, REFUSALS, "greedy", 14.0, float("inf"))
