"""What the machine did, lumisection by lumisection: read from a table of real conditions, or generated.

Luminosity is in 1/pb for the lumisection. That follows from the real tables themselves: luminosity over
pileup is ``bunches * 2**18 / cross-section`` (a lumisection is 2**18 orbits, and pileup is luminosity
per crossing times the inelastic cross-section); with 80 mb their usual ratio, 0.00767, gives 2,340
colliding bunches, which is what the machine ran with in 2024.
"""

from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow
import pyarrow.parquet

from dqm.simulate.faults import SimulationError
from streams.records import Conditions, LumisectionKey

CROSS_SECTION_PB = 80e9
"""Inelastic cross-section of the pileup convention: 80 mb."""
ORBITS = 2**18
BUNCHES = 2340

_READY = {
    "bpix": "bpix_ready",
    "fpix": "fpix_ready",
    "tibtid": "tibtid_ready",
    "tob": "tob_ready",
    "tecp": "tecp_ready",
    "tecm": "tecm_ready",
}
_COLUMNS = (
    "run_number",
    "lumisection_number",
    "fill_number",
    "pileup",
    "delivered_lumi_per_lumisection",
    "recorded_lumi_per_lumisection",
    "prescale_index",
    "beams_stable",
    "cms_active",
    *_READY.values(),
)


def from_oms(path: Path, *, good_only: bool = False) -> Iterator[tuple[LumisectionKey, Conditions]]:
    """Lumisections of a parquet table of real conditions, in (run, LS) order.

    The era is the file's name up to the first hyphen (``Run2024B-v1.parquet``). ``good_only`` leaves
    those with stable beams in which the experiment recorded data.

    Raises:
        SimulationError: the file cannot be read or lacks a column.
    """
    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise SimulationError(f"conditions file {path} cannot be read: {str(error).splitlines()[0]}") from error
    missing = [name for name in _COLUMNS if name not in table.column_names]
    if missing:
        raise SimulationError(f"conditions file {path} has no column {missing[0]!r}; it needs {', '.join(_COLUMNS)}")
    era = path.stem.partition("-")[0]
    ordered = table.select(_COLUMNS).sort_by([("run_number", "ascending"), ("lumisection_number", "ascending")])
    columns = [ordered[name].to_pylist() for name in _COLUMNS]
    for values in zip(*columns, strict=True):
        row = dict(zip(_COLUMNS, values, strict=True))
        if good_only and not (row["beams_stable"] and row["cms_active"] and row["recorded_lumi_per_lumisection"] > 0):
            continue
        yield (
            LumisectionKey(row["run_number"], row["lumisection_number"]),
            Conditions(
                fill=row["fill_number"],
                era=era,
                pileup=row["pileup"],
                delivered_lumi=row["delivered_lumi_per_lumisection"],
                recorded_lumi=row["recorded_lumi_per_lumisection"],
                prescale_index=None if row["prescale_index"] < 0 else row["prescale_index"],
                beams_stable=row["beams_stable"],
                dcs=MappingProxyType({part: row[column] for part, column in _READY.items()}),
            ),
        )


def generate(
    rng: np.random.Generator,
    *,
    fills: int,
    stable: int = 1500,
    first_run: int = 400_000,
    first_fill: int = 9900,
    peak_pileup: float = 62.0,
) -> Iterator[tuple[LumisectionKey, Conditions]]:
    """Lumisections of ``fills`` LHC fills with about ``stable`` lumisections of stable beams each.

    A fill is an injection (no pileup), a short ramp before stable beams are declared, levelled pileup,
    exponential decay, and a dump. Every fill has one to three runs; the prescale column follows pileup.
    """
    run = first_run
    for fill in range(first_fill, first_fill + fills):
        pileup = _pileup(rng, max(2, round(stable * rng.uniform(0.5, 1.5))), peak_pileup)
        idle = int(rng.integers(3, 8))
        profile = np.concatenate([np.zeros(idle), np.linspace(0.3, 0.9, 4) * pileup[0], pileup, np.zeros(2)])
        declared = (np.arange(len(profile)) >= idle + 4) & (profile > 0)
        changes = np.sort(rng.integers(idle + 5, len(profile), int(rng.integers(0, 3))))
        for numbers in np.split(np.arange(len(profile)), changes):
            for ls, at in enumerate(numbers, start=1):
                yield LumisectionKey(run, ls), _conditions(rng, fill, float(profile[at]), bool(declared[at]))
            run += int(rng.integers(1, 4))


def luminosity(pileup: float, bunches: int = BUNCHES) -> float:
    """Delivered luminosity of one lumisection in 1/pb at a mean pileup."""
    return pileup * bunches * ORBITS / CROSS_SECTION_PB


def _pileup(rng: np.random.Generator, stable: int, peak: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    level = peak * rng.uniform(0.95, 1.05)
    time = np.arange(stable)
    levelled = rng.uniform(0.3, 0.6) * stable
    decay = np.where(time < levelled, 1.0, np.exp(-(time - levelled) / 1500))
    return np.asarray(level * decay * (1 + 0.003 * rng.standard_normal(stable)))


def _conditions(rng: np.random.Generator, fill: int, pileup: float, stable: bool) -> Conditions:
    delivered = luminosity(pileup)
    # Dead time is a few percent; now and then data taking stops for part of a lumisection.
    live = rng.uniform(0.93, 0.98) * (rng.uniform(0.3, 0.9) if rng.random() < 0.005 else 1.0)
    return Conditions(
        fill=fill,
        era="Simulated",
        pileup=pileup,
        delivered_lumi=delivered,
        recorded_lumi=delivered * live,
        prescale_index=int(np.clip((65 - pileup) // 8, 0, 7)) if stable else None,
        beams_stable=stable,
        dcs=MappingProxyType(dict.fromkeys(_READY, stable)),
    )
