"""The real weekly tasks of ATLAS by working group, format and project: the last 50 weeks, forecast one by one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.dqm.table import files
from benchmarks.popularity.compared import FOREST, MODELS, OURS, forecasts, question_of, results
from benchmarks.report import Progress, Result
from opint.popularity.readers.atlas_groups import read

WEEKS, QUICK_WEEKS = 50, 8


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Results over weeks, with the first of the seeds."""
    (path,) = files(data, "popularity/atlas_weekly_from_2017.csv.gz")
    question = question_of(read(path))
    last = question.history.shape[1]
    weeks = range(last - (QUICK_WEEKS if quick else WEEKS), last)
    found = forecasts(question, weeks, (FOREST, OURS) if quick else MODELS, seeds[0], progress)
    return results("atlas", found, np.random.default_rng(seeds[0]))
