"""Real rates of single paths by lumisection, with their conditions, as messages bring them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.dqm.table import files
from benchmarks.rates.culprits import near_collisions
from dqm.rates.observed import is_usable
from dqm.simulate.conditions import from_oms
from streams.codecs.envelope import Place
from streams.codecs.rates import read_rates
from streams.records import Conditions, LumisectionKey, TriggerRates

ERAS = ("Run2024B", "Run2024E", "Run2024I")
EARLIER_SHARE = 0.6
"""Of the usable lumisections of an era, which are learned from where it is judged by itself."""

Era = list[TriggerRates]


def eras(data: Path) -> Mapping[str, Era]:
    """Rates in order by era, those in and near collisions, with the versions and columns that they had."""
    names = [f"{kind}{era}-v1.parquet" for era in ERAS for kind in ("rates/hlt_", "oms/")]
    files(data, *names)
    return {era: _era(data / f"rates/hlt_{era}-v1.parquet", data / f"oms/{era}-v1.parquet") for era in ERAS}


def _era(rates: Path, conditions: Path) -> Era:
    conditions_by_key = dict(near_collisions(list(_named(conditions))))
    table = pq.read_table(rates).sort_by([("run", "ascending"), ("ls", "ascending"), ("path", "ascending")])
    run, ls, path, rate = (table[name].to_numpy() for name in ("run", "ls", "path", "rate_hz"))
    starts = np.flatnonzero(np.diff(run, prepend=-1) | np.diff(ls, prepend=-1))
    records = []
    for start, stop in zip(starts, [*starts[1:], len(run)], strict=True):
        key = LumisectionKey(int(run[start]), int(ls[start]))
        if key in conditions_by_key:
            names, unknown = path[start:stop].tolist(), np.full(stop - start, np.nan)
            place = Place(key, f"/Trigger/{conditions_by_key[key].era}/RATES", conditions_by_key[key])
            records.append(read_rates(place, names, [""] * len(names), rate[start:stop].astype(np.float64), unknown))
    return records


def _named(path: Path) -> Sequence[tuple[LumisectionKey, Conditions]]:
    """Conditions with the names of prescale columns; luminosities that were measured below 0 are 0."""
    table = pq.read_table(path, columns=["run_number", "lumisection_number", "prescale_name"])
    columns = (table[name].to_pylist() for name in table.column_names)
    names = {LumisectionKey(run, ls): name for run, ls, name in zip(*columns, strict=True)}
    return [
        (
            key,
            replace(
                measured,
                prescale_name=names[key] or None,
                delivered_lumi=max(measured.delivered_lumi or 0.0, 0.0),
                recorded_lumi=max(measured.recorded_lumi or 0.0, 0.0),
            ),
        )
        for key, measured in from_oms(path)
    ]


def halves(era: Era) -> tuple[Era, Era]:
    """The earlier part of an era and its rest; the cut lies between two runs."""
    usable = np.cumsum([is_usable(record.conditions) for record in era])
    at = int(np.searchsorted(usable, EARLIER_SHARE * usable[-1]))
    cut = next(place for place in range(at, len(era)) if era[place].key.run != era[place - 1].key.run)
    return era[:cut], era[cut:]
