"""Always the commonest action: the simplest peer of every method."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from opint.actions.action import TARGETS, RecoveryAction, Suggestion, TargetPrediction
from streams.workflows import WorkflowFailures

PUBLISHED_SHARES: Mapping[str, Mapping[str, float]] = {
    "action": {"acdc": 0.88, "clone": 0.10, "special": 0.02},
    "memory": {"default": 0.928, "2-9k": 0.02, "10-16k": 0.012, "18-20k": 0.04},
    "splitting": {"default": 0.986, "2-3x": 0.004, "10-100x": 0.01},
    "xrootd": {"default": 0.72, "enabled": 0.28},
}
"""Share of each class as published (indico 587955/2937424); the commonest of memory and splitting so that all is 1."""


class MajorityAction:
    """Suggests the class of each target that is commonest in ``shares``, and never abstains: it knows nothing else."""

    def __init__(self, shares: Mapping[str, Mapping[str, float]] = PUBLISHED_SHARES) -> None:
        """Take shares of classes, by target; by default the published ones."""
        self._targets = {
            name: TargetPrediction(max(shares[name], key=shares[name].__getitem__), shares[name], False, "majority")
            for name in TARGETS
        }
        self._version = hashlib.sha256(json.dumps(["majority", shares], sort_keys=True).encode()).hexdigest()

    @property
    def version(self) -> str:
        """Digest of the shares."""
        return self._version

    def suggest(self, snapshots: Sequence[WorkflowFailures]) -> list[Suggestion]:
        """The same for each."""
        action = RecoveryAction(**{name: target.value for name, target in self._targets.items()})  # type: ignore[arg-type]
        return [Suggestion(snapshot.digest, action, self._targets, {}) for snapshot in snapshots]
