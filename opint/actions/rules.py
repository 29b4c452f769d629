"""The automatic recovery table, as it is in production: what an exit code alone says (indico 587955/2937424).

The code with the most failed jobs for which there is a rule decides, if it has at least a tenth of the failures.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

from opint.actions.action import TARGETS, RecoveryAction, Suggestion, TargetPrediction
from streams.workflows import WorkflowFailures

LEAST_SHARE = 0.1
LEAST_SITE_SHARE = 0.25
"""Share of the failed jobs at a site that is listed as bad for it to be excluded."""
MORE_MEMORY = 1000.0
"""MB that are added where jobs used too much."""
MEMORY_LIMITS = ((9000.0, "2-9k"), (16_000.0, "10-16k"))
"""Largest request (MB) of each class but the last."""
RECOVERED = (61104, 8028, 8021, 71305)
BLOCKED = 99109
TOO_MUCH_MEMORY = 50660
TOO_LONG = 50664
NO_EVENT = (8001, "no lhe event")
"""A code whose jobs are split only where a message says so."""


class RecoveryRules:
    """Suggests what the table says, and ACDC where it says nothing.

    How often the rules are right has not been measured, so that they abstain: their probabilities are 1 and 0.
    """

    @property
    def version(self) -> str:
        """Digest of the table."""
        table = [LEAST_SHARE, MORE_MEMORY, MEMORY_LIMITS, RECOVERED, BLOCKED, TOO_MUCH_MEMORY, TOO_LONG, NO_EVENT]
        return hashlib.sha256(repr(table).encode()).hexdigest()

    def suggest(self, snapshots: Sequence[WorkflowFailures]) -> list[Suggestion]:
        """What the table says about each."""
        return [_suggestion(snapshot) for snapshot in snapshots]


def apply_rules(snapshot: WorkflowFailures) -> RecoveryAction:
    """The action that the table names."""
    jobs = Counter[int]()
    for error in snapshot.errors:
        jobs[error.code] += error.jobs
    excluded = sites_to_exclude(snapshot)
    for code, count in jobs.most_common():
        if count < LEAST_SHARE * snapshot.failed_jobs:
            break
        if code in RECOVERED:
            return RecoveryAction("acdc", excluded_sites=excluded)
        if code == BLOCKED:
            return RecoveryAction("special")
        if code == TOO_MUCH_MEMORY:
            return RecoveryAction("acdc", memory=_more_memory(snapshot.facts.requested_memory))
        if code == TOO_LONG or (code == NO_EVENT[0] and _says(snapshot, *NO_EVENT)):
            return RecoveryAction("acdc", splitting="10-100x")
    return RecoveryAction("acdc", excluded_sites=excluded)


def _suggestion(snapshot: WorkflowFailures) -> Suggestion:
    action = apply_rules(snapshot)
    targets = {}
    for name, classes in TARGETS.items():
        value = getattr(action, name)
        targets[name] = TargetPrediction(value, {each: float(each == value) for each in classes}, True, "rules")
    return Suggestion(snapshot.digest, action, targets, {}, refusal="" if snapshot.errors else "no job failed")


def _more_memory(requested: float | None) -> str:
    needed = (requested or 0.0) + MORE_MEMORY
    return next((name for limit, name in MEMORY_LIMITS if needed <= limit), "18-20k")


def _says(snapshot: WorkflowFailures, code: int, words: str) -> bool:
    return any(message.code in (code, None) and words in message.text.lower() for message in snapshot.messages)


def sites_to_exclude(snapshot: WorkflowFailures) -> tuple[str, ...]:
    """Sites listed as bad at which much fails, sorted; none where good sites are not told from bad ones."""
    jobs = Counter[str]()
    for error in snapshot.errors:
        if error.site_good is False:
            jobs[error.site] += error.jobs
    return tuple(sorted(site for site, count in jobs.items() if count >= LEAST_SITE_SHARE * snapshot.failed_jobs))
