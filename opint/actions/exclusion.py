"""Which sites not to use again: those listed as bad at which much of a workflow fails."""

from collections import Counter

from streams.workflows import WorkflowFailures

LEAST_SHARE = 0.25
"""Share of the failed jobs at a site that is listed as bad for it to be excluded."""


def sites_to_exclude(snapshot: WorkflowFailures) -> tuple[str, ...]:
    """Names of the sites, sorted; none where good sites are not told from bad ones."""
    jobs = Counter[str]()
    for error in snapshot.errors:
        if error.site_good is False:
            jobs[error.site] += error.jobs
    return tuple(sorted(site for site, count in jobs.items() if count >= LEAST_SHARE * snapshot.failed_jobs))
