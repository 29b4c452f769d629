"""The real weekly tasks of ATLAS by working group, format and project: the last 50 weeks, forecast one by one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.dqm.table import files
from benchmarks.popularity.compared import newest_weeks
from benchmarks.report import Progress, Result
from opint.popularity.readers.atlas_groups import read


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Results over weeks, with the first of the seeds."""
    (path,) = files(data, "popularity/atlas_weekly_from_2017.csv.gz")
    return newest_weeks("atlas", read(path), quick, seeds[0], progress)
