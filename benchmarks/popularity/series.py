"""Two real series, the last 50 weeks forecast one at a time: weekly accesses of CMS and weekly tasks of ATLAS."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.dqm.table import files
from benchmarks.popularity.compared import newest_weeks
from benchmarks.report import Progress, Result
from opint.popularity.readers.access_table import read_atlas_groups, read_cms_series


def measure_cms(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Accesses of CMS datasets, 2013 to 2015; results over weeks, with the first of the seeds."""
    (path,) = files(data, "popularity/cms_weekly_naccess_2013_2015.csv.gz")
    return newest_weeks("cms", read_cms_series(path), quick, seeds[0], progress)


def measure_atlas(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Tasks of ATLAS by working group, format and project; results over weeks, with the first of the seeds."""
    (path,) = files(data, "popularity/atlas_weekly_from_2017.csv.gz")
    return newest_weeks("atlas", read_atlas_groups(path), quick, seeds[0], progress)
