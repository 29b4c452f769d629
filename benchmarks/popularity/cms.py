"""The real weekly series of CMS, 2013 to 2015: the last 50 weeks, forecast one by one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.dqm.table import files
from benchmarks.popularity.compared import newest_weeks
from benchmarks.report import Progress, Result
from opint.popularity.readers.cms_series import read


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Results over weeks, with the first of the seeds."""
    (path,) = files(data, "popularity/cms_weekly_naccess_2013_2015.csv.gz")
    return newest_weeks("cms", read(path), quick, seeds[0], progress)
