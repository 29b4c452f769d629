"""The matrix of a snapshot as people look at it: sites in rows, exit codes in columns, what is frequent first."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from streams.workflows import ErrorCount

MOST_CODES, MOST_SITES = 16, 30
LEVELS = 5


@dataclass(frozen=True, slots=True)
class HeatCell:
    """Failed ``jobs``, and how many that is from 0 (none) to :data:`LEVELS` (most of all cells)."""

    jobs: int
    level: int


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Sites against exit codes; ``more_codes`` and ``more_sites`` are not shown, and have ``more_jobs`` together."""

    codes: tuple[int, ...]
    rows: tuple[tuple[str, tuple[HeatCell, ...]], ...]
    jobs: int
    more_codes: int
    more_sites: int
    more_jobs: int


def heat_map(errors: Iterable[ErrorCount], most: int) -> HeatMap:
    """The map of these errors; ``most`` is the greatest number of jobs of any cell that it is compared with."""
    cells, codes, sites = Counter[tuple[str, int]](), Counter[int](), Counter[str]()
    for error in errors:
        cells[error.site, error.code] += error.jobs
        codes[error.code] += error.jobs
        sites[error.site] += error.jobs
    shown_codes = [code for code, _ in sorted(codes.items(), key=lambda item: (-item[1], item[0]))[:MOST_CODES]]
    shown_sites = [site for site, _ in sorted(sites.items(), key=lambda item: (-item[1], item[0]))[:MOST_SITES]]
    rows = tuple(
        (site, tuple(HeatCell(cells[site, code], _level(cells[site, code], most)) for code in shown_codes))
        for site in shown_sites
    )
    jobs = sum(cells.values())
    shown = sum(cell.jobs for _, row in rows for cell in row)
    return HeatMap(
        tuple(shown_codes), rows, jobs, len(codes) - len(shown_codes), len(sites) - len(shown_sites), jobs - shown
    )


def _level(jobs: int, most: int) -> int:
    """Levels grow with the logarithm, since one cell often has a thousand times the jobs of the others."""
    return 0 if jobs < 1 else 1 + round((LEVELS - 1) * math.log(jobs) / math.log(max(most, 2)))
