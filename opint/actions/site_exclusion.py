"""Which sites operators would not use again: a target with two classes for each site that stands out."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log1p

import numpy as np

from opint.actions.action import DecidedCase
from opint.actions.features import STATUS, Column, FeatureSpace
from opint.actions.rules import sites_to_exclude
from opint.actions.target_model import DecidedCases, TargetModel, train_target
from streams.arrays import Indices
from streams.workflows import WorkflowFailures

LEAST_SHARE = 0.05
"""Share of the failed jobs that a site in order must have to be looked at."""


@dataclass(frozen=True)
class SiteModel:
    """The columns of sites, and what decides about each."""

    space: FeatureSpace
    model: TargetModel

    def excluded(self, snapshots: Sequence[WorkflowFailures]) -> list[tuple[str, ...]]:
        """Names of the sites that are more likely excluded than not, sorted, for each snapshot."""
        sites = [(place, site, row) for place, each in enumerate(snapshots) for site, row in _candidates(each)]
        if not sites:
            return [()] * len(snapshots)
        by_rule = [set(sites_to_exclude(snapshot)) for snapshot in snapshots]
        rules = np.array([site in by_rule[place] for place, site, _ in sites], dtype=np.intp)
        chances = self.model.probabilities(self.space.matrix([row for _, _, row in sites]), rules)[:, 1]
        excluded: list[list[str]] = [[] for _ in snapshots]
        for (place, site, _), chance in zip(sites, chances, strict=True):
            if chance > 0.5:
                excluded[place].append(site)
        return [tuple(sorted(names)) for names in excluded]


def train_sites(cases: Sequence[DecidedCase], week: Indices, precision: float, seed: int) -> SiteModel:
    """Train on the sites of all cases, which are in order of time; ``week`` (n,) counts weeks."""
    rows: list[Mapping[Column, float]] = []
    table: list[tuple[bool, bool, int]] = []
    for case, number in zip(cases, week, strict=True):
        by_rule = set(sites_to_exclude(case.failures))
        for site, row in _candidates(case.failures):
            rows.append(row)
            table.append((site in case.action.excluded_sites, site in by_rule, int(number)))
    space = FeatureSpace.of(rows)
    label, rules, weeks = (np.array(column, dtype=np.intp) for column in zip(*table, strict=True))
    return SiteModel(space, train_target(DecidedCases(space.matrix(rows), label, rules, weeks, 2), precision, seed))


def _candidates(snapshot: WorkflowFailures) -> Iterator[tuple[str, dict[Column, float]]]:
    """Each site that is listed as bad or has many of the failures, with its features."""
    by_site: dict[str, Counter[int]] = {}
    by_code = Counter[int]()
    status: dict[str, bool | None] = {}
    for error in snapshot.errors:
        by_site.setdefault(error.site, Counter())[error.code] += error.jobs
        by_code[error.code] += error.jobs
        if status.get(error.site) is not False:
            status[error.site] = error.site_good
    total = snapshot.failed_jobs
    for site, jobs in by_site.items():
        share = jobs.total() / total
        if share < LEAST_SHARE and status[site] is not False:
            continue
        row: dict[Column, float] = {("code", str(code)): log1p(count) for code, count in jobs.items()}
        commonest, _ = by_code.most_common(1)[0]
        shape = {
            "share": share,
            "jobs": log1p(jobs.total()),
            "sites": float(len(by_site)),
            "rank": float(sum(other.total() > jobs.total() for other in by_site.values())),
            "share of the commonest code": jobs[commonest] / by_code[commonest],
        }
        row |= {("shape", name): value for name, value in shape.items()}
        yield (
            site,
            row | {("status", STATUS[status[site]]): 1.0, ("site", site): 1.0, ("main code", str(commonest)): 1.0},
        )
