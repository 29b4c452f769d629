"""Parameters of the generated HEP workloads. They were fixed before any agent was trained, and stay as they are.

Calibrated to how often files are read at CERN's EOS (151.5 M files: 56.2% are read once, 23.5% twice, 96.3% at most
ten times); nothing in them was chosen by looking at what a cache policy makes of the trace. The volume (about 80 TB a
day at ``scale`` 1) is that of the published CMS region of 2018, whose trace is not public.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DataTier:
    """One data tier: how many of the datasets are of it, and what such a dataset looks like."""

    name: str
    share: float
    """Share of all datasets, 0 to 1."""
    files: float
    """Median number of files of a dataset."""
    size_gb: float
    """Median size of a file, in GB of 1e9 bytes."""
    popularity: float
    """Users' interest in a dataset of this tier, relative to the others."""
    campaign: float
    """Probability that production reads the whole dataset once, soon after its release."""


TIERS = (
    DataTier("RAW", 0.10, 220.0, 3.6, 0.05, 0.9),
    DataTier("GEN-SIM", 0.20, 150.0, 1.8, 0.05, 0.9),
    DataTier("AOD", 0.15, 140.0, 3.2, 0.6, 0.5),
    DataTier("MINIAOD", 0.30, 80.0, 2.6, 2.0, 0.1),
    DataTier("NANOAOD", 0.15, 25.0, 1.4, 3.0, 0.0),
    DataTier("USER", 0.10, 40.0, 0.4, 1.0, 0.0),
)


@dataclass(frozen=True, slots=True)
class Workload:
    """What happens at one regional cache. Rates are those of ``scale`` 1; widths are those of natural logarithms."""

    name: str
    days: int = 42
    scale: float = 1.0
    """Scales datasets and tasks alike, so that the shape of the trace stays."""
    tiers: tuple[DataTier, ...] = field(default=TIERS)
    datasets: int = 4200
    released_before: float = 0.45
    """Share of the datasets that exist when the trace begins; the others are released during it."""
    files_sigma: float = 0.9
    size_sigma: float = 0.5
    zipf: float = 0.45
    """Exponent of the datasets' popularity among users."""
    half_life_days: float = 25.0
    """After this time users want a dataset half as much."""
    tasks_per_day: float = 250.0
    """Analysis tasks that users begin."""
    users: int = 400
    """Who run them, all equally many."""
    whole: float = 0.4
    """Share of the tasks that read every file of the dataset; the others read a random part of it."""
    rerun: float = 0.31
    """Probability that a task is run again, each time anew."""
    rerun_gap_days: float = 3.0
    rerun_gap_sigma: float = 0.9
    task_hours: float = 9.0
    """Median time in which a task reads its files, in shuffled order."""
    task_hours_sigma: float = 0.9
    campaign_days: float = 3.0
    """Median time in which production reads a dataset, in order."""
    picks_per_day: float = 2000.0
    """Files that somebody reads alone, to look or to debug."""
    retry: float = 0.07
    """Probability that a read is repeated within the hour, as after a failed job."""
    pileup_files: int = 700
    """Files of the pileup library that simulation mixes in, each of which is read all the time."""
    pileup_reads_per_day: float = 2600.0
    pileup_size_gb: float = 2.2
    weekend: float = 0.55
    """Rate of new tasks on Saturday and Sunday, relative to weekdays."""
    night: float = 0.5
    """Rate of new tasks at night (20 to 8 h), relative to the day."""
    sites: int = 3
    cpu_s_per_gb: float = 1500.0
    io_s_per_gb: float = 600.0
    cost_sigma: float = 0.5
    """Width of both costs between tasks."""


WORKLOADS = {
    "mixed": Workload("mixed"),
    "analysis": Workload("analysis", tasks_per_day=330.0, rerun=0.42, pileup_reads_per_day=1200.0),
    "campaigns": Workload("campaigns", datasets=6500, tasks_per_day=190.0, rerun=0.28, pileup_reads_per_day=4500.0),
}
"""The three workloads of the benchmarks: as in between, more users and re-runs, more production."""
