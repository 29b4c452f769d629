"""Generated traces: reproducible, shaped as documented, calibrated to how often files are really read."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rl_cache.traces.generate import hep
from rl_cache.traces.trace import Trace
from rl_cache.traces.workload import WORKLOADS

SMALL = 0.05


def simulated(name: str = "mixed", seed: int = 0, scale: float = SMALL) -> Trace:
    return hep(replace(WORKLOADS[name], scale=scale), np.random.default_rng(seed))


def reads_per_file(trace: Trace) -> np.ndarray:
    return np.bincount(trace.file, minlength=trace.n_files)


def test_the_seed_is_all_that_changes() -> None:
    first, again, other = simulated(seed=1), simulated(seed=1), simulated(seed=2)
    assert np.array_equal(first.time_s, again.time_s)
    assert np.array_equal(first.file, again.file)
    assert np.array_equal(first.file_size, again.file_size)
    assert not np.array_equal(first.file[:1000], other.file[:1000])


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_is_a_complete_trace(name: str) -> None:
    trace = simulated(name)
    days = (trace.time_s[-1] - trace.time_s[0]) / 86_400
    assert WORKLOADS[name].days - 1 < days <= WORKLOADS[name].days
    assert reads_per_file(trace).min() >= 1
    assert trace.file_size.max() > 2**32
    assert trace.dataset is not None
    assert trace.tier is not None
    assert trace.cpu_s is not None
    assert len(trace.site.names) == 3  # type: ignore[union-attr]
    assert trace.task is not None
    assert trace.user is not None
    outside = trace.task.code == trace.task.names.index("")
    assert np.array_equal(outside, trace.user.code == trace.user.names.index(""))
    assert 0.02 < outside.mean() < 0.3


def test_files_of_a_dataset_share_its_tier() -> None:
    trace = simulated()
    assert trace.dataset is not None
    assert trace.tier is not None
    for file in range(0, trace.n_files, 97):
        dataset = trace.dataset.names[trace.dataset.code[file]]
        assert dataset.endswith("/" + trace.tier.names[trace.tier.code[file]])


def test_mixed_is_read_as_often_as_files_at_eos() -> None:
    table = Path(os.environ.get("NIGHTSHIFT_DATA", "../shared/data")) / "cache" / "eos_read_counts.csv"
    if not table.exists():
        pytest.skip(f"{table} is not there; set NIGHTSHIFT_DATA")
    reads, files = np.loadtxt(table, delimiter=",", skiprows=1, usecols=(1, 2)).T
    count = np.concatenate([reads_per_file(simulated(seed=seed, scale=0.2)) for seed in range(4)])
    assert (count == 1).mean() == pytest.approx(files[reads == 1].sum() / files.sum(), abs=0.05)
    assert (count == 2).mean() == pytest.approx(files[reads == 2].sum() / files.sum(), abs=0.07)
    assert (count <= 10).mean() == pytest.approx(files[reads <= 10].sum() / files.sum(), abs=0.03)


def test_tasks_read_whole_datasets_together() -> None:
    """Siblings follow each other far more often than they would by chance."""
    trace = simulated()
    assert trace.dataset is not None
    dataset = trace.dataset.code[trace.file]
    near = np.mean([np.mean(dataset[lag:] == dataset[:-lag]) for lag in range(1, 20)])
    by_chance = np.mean(np.random.default_rng(0).permutation(dataset)[1:] == dataset[:-1])
    assert near > 3 * by_chance
