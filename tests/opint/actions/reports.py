"""Failing workflows for tests, and a predictor whose answers are plain."""

import json

from opint.actions.action import RecoveryAction, Suggestion, TargetPrediction
from streams.workflows import ErrorCount, ErrorMessage, WorkflowFacts, WorkflowFailures

OPEN_FILE = "Fatal exception: failed to open file root://eos.cern.ch//store/data/Run2024I/{n}.root"
MEMORY = "Job {n} exceeded its memory limit and was killed"


def failing(number: int, time_s: float = 1000.0, **changes) -> WorkflowFailures:
    """A task that fails at a site with two exit codes."""
    fields = {
        "time": time_s,
        "task": f"/workflow_{number}/task_0",
        "errors": (ErrorCount(8021, "T2_IT_Rome", 10 + number, True), ErrorCount(50660, "T2_US_MIT", 2, False)),
        "facts": WorkflowFacts(campaign="Run3Summer22", priority=1000, lost_wall_time=3600.0 * number),
        "messages": (ErrorMessage(OPEN_FILE.format(n=number), 8021, "T2_IT_Rome", 10 + number),),
    }
    return WorkflowFailures(**fields | changes)


class OftenAcdc:
    """Suggests ACDC for everything, with more memory where jobs ran out of it most."""

    version = "v1"

    def suggest(self, snapshots):
        return [self._suggestion(snapshot) for snapshot in snapshots]

    def _suggestion(self, snapshot):
        memory = "18-20k" if max(snapshot.errors, key=lambda error: error.jobs).code == 50660 else "default"
        probability = {"acdc": 0.9, "clone": 0.08, "special": 0.02}
        targets = {"action": TargetPrediction("acdc", probability, False, "scripted")}
        targets["memory"] = TargetPrediction(memory, {memory: 1.0}, False, "scripted")
        return Suggestion(snapshot.digest, RecoveryAction("acdc", memory=memory), targets, {"acdc": 0.8})


def lines(*messages: dict) -> bytes:
    """JSON lines."""
    return "\n".join(map(json.dumps, messages)).encode()
