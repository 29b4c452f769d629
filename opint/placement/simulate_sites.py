"""A simulated grid, its first replicas of a catalogue, and the regions of its readers. Everything is invented.

As in the WLCG a few tier-1 sites have tape and much disk, and many tier-2 sites have disk alone, of very different
sizes. Three regions read, each its own datasets more than others.
"""

import uuid
from dataclasses import dataclass

import numpy as np

from opint.placement.replicas import Replicas
from opint.placement.sites import TB, Rse, StorageKind, regions
from opint.popularity.history import History
from streams.arrays import Float64

COUNTRIES = {
    "Americas": ("US", "BR", "MX"),
    "Asia": ("TW", "IN", "KR", "CN"),
    "Europe": ("DE", "IT", "FR", "ES", "UK", "CH", "BE", "PL"),
}
REGION_SHARES = {"Americas": 0.35, "Asia": 0.1, "Europe": 0.55}
"""Shares of sites and of readers by region."""
TIER1 = 0.15
"""Share of the sites that are tier 1, whose disk is TIER1_DISK times that of a tier 2."""
TIER1_DISK = 4.0
TAPE_TB = 1e6
"""Tape of a tier-1 site: more than is ever filled."""
SPREAD = 0.6
"""Standard deviation of the logarithm of the sizes of sites."""
OWN_REGION = 2.0
"""Concentration of a Dirichlet distribution: the smaller, the more a dataset belongs to one region."""
FILLED = 0.85
LOCKED = 0.03
DISK_ONLY = 0.03
"""Shares of the disk that is filled at first, of its replicas that are locked, and that are on no tape."""


@dataclass(frozen=True, slots=True)
class GridSize:
    """The size of a grid: the number of sites, each with one disk RSE, and the bytes of all disks."""

    sites: int
    disk_bytes: float


def simulate_grid(rng: np.random.Generator, grid: GridSize) -> tuple[Rse, ...]:
    """Disk RSEs, all free, and tape RSEs of tier-1 sites."""
    names = tuple(REGION_SHARES)
    region = np.concatenate([np.arange(len(names)), rng.choice(len(names), grid.sites, p=list(REGION_SHARES.values()))])
    region = region[: grid.sites]
    is_tier1 = np.arange(grid.sites) < max(1, round(TIER1 * grid.sites))
    weight = rng.lognormal(0.0, SPREAD, grid.sites) * np.where(is_tier1, TIER1_DISK, 1.0)
    disks, tapes = [], []
    for number, (where, large, part) in enumerate(zip(region, is_tier1, weight / weight.sum(), strict=True)):
        place = names[where]
        site = f"T{1 if large else 2}_{rng.choice(COUNTRIES[place])}_Site{number:02d}"
        capacity = round(grid.disk_bytes * part)
        disks.append(Rse(f"{site}_Disk" if large else site, StorageKind.DISK, capacity, capacity, place))
        if large:
            tapes.append(Rse(f"{site}_Tape", StorageKind.TAPE, round(TAPE_TB * TB), round(TAPE_TB * TB), place))
    return (*disks, *tapes)


def readers(rng: np.random.Generator, history: History, rses: tuple[Rse, ...]) -> Float64:
    """Reads (n, R, T) by region of disk, which add up to those of the history."""
    overall = np.array([REGION_SHARES[name] for name in regions(rses)])
    share = rng.dirichlet(OWN_REGION * overall / overall.sum(), history.shape[0])
    reads = history.measures["naccess"].astype(np.int64)
    return np.moveaxis(rng.multinomial(reads, share[:, None, :]), 2, 1).astype(np.float64)


def first_replicas(rng: np.random.Generator, history: History, week: int, rses: tuple[Rse, ...]) -> Replicas:
    """The replicas at the end of a week: all datasets on tape, and on disk what was read last, as far as it fits."""
    n = history.shape[0]
    read = history.measures["naccess"][:, : week + 1] > 0
    since = np.where(read.any(axis=1), np.argmax(read[:, ::-1], axis=1), week + 1)
    exists = history.known_since <= week
    order = np.lexsort((rng.random(n), since))
    free = np.array([site_rse.free_bytes * FILLED if site_rse.kind is StorageKind.DISK else 0.0 for site_rse in rses])
    dataset, rse = [], []
    for row in order[exists[order]]:
        fitting = np.flatnonzero(free >= history.size_bytes[row])
        if len(fitting):
            target = int(rng.choice(fitting, p=free[fitting] / free[fitting].sum()))
            free[target] -= history.size_bytes[row]
            dataset.append(int(row))
            rse.append(target)
    on_disk = np.zeros(n, dtype=np.bool_)
    on_disk[dataset] = True
    tape = np.array([row for row, site_rse in enumerate(rses) if site_rse.kind is StorageKind.TAPE])
    archived = np.flatnonzero(exists & ~(on_disk & (rng.random(n) < DISK_ONLY)))
    datasets = np.concatenate([np.array(dataset, dtype=np.intp), archived])
    locked = np.concatenate([rng.random(len(dataset)) < LOCKED, np.zeros(len(archived), dtype=np.bool_)])
    targets = np.concatenate([np.array(rse, dtype=np.intp), rng.choice(tape, len(archived))])
    first_day = np.datetime64(history.first_day)
    days = np.where(read.any(axis=1), first_day + 7 * (week - since), np.datetime64("NaT"))
    return Replicas(
        rses,
        history.names,
        history.size_bytes,
        days.astype("datetime64[D]"),
        datasets,
        targets,
        locked,
        tuple(_rule(history.names[row], rses[target].name) for row, target in zip(datasets, targets, strict=True)),
    )


def _rule(dataset: str, rse: str) -> str:
    """A reproducible identifier of the rule that holds a replica."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{dataset}@{rse}").hex
