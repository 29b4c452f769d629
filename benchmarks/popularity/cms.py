"""The real weekly series of CMS, 2013 to 2015: the last 50 weeks, forecast one by one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.dqm.table import files
from benchmarks.popularity.compared import FOREST, MODELS, OURS, forecasts, question_of, results
from benchmarks.report import Progress, Result
from opint.popularity.readers.cms_series import read

WEEKS, QUICK_WEEKS = 50, 8


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Results over weeks, with the first of the seeds."""
    (path,) = files(data, "popularity/cms_weekly_naccess_2013_2015.csv.gz")
    question = question_of(read(path))
    last = question.history.shape[1]
    weeks = range(last - (QUICK_WEEKS if quick else WEEKS), last)
    found = forecasts(question, weeks, (FOREST, OURS) if quick else MODELS, seeds[0], progress)
    return results("cms", found, np.random.default_rng(seeds[0]))
