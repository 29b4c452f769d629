"""Failing workflows in a store, as the daemon would have written them."""

from sqlalchemy import Connection

from opint.actions.handler import judged_snapshot
from opint.actions.new_messages import MessageIntake, restored
from opint.actions.predictors import Predictors
from opint.store import message_classes, workflows
from streams.workflows import WorkflowFailures
from tests.opint.actions.reports import OftenAcdc


def seed_workflows(tx: Connection, snapshots: list[WorkflowFailures], predictor=None, now_s=None) -> list[int]:
    """Store these snapshots, each of another task, as the newest of it; numbers of the tasks."""
    now_s = max(snapshot.time for snapshot in snapshots) if now_s is None else now_s
    intake = MessageIntake(restored(message_classes.every(tx), 1000))
    before = workflows.by_task(tx, [snapshot.task for snapshot in snapshots])
    suggested = Predictors(predictor or OftenAcdc()).suggest(snapshots)
    judged = [
        judged_snapshot(failures, intake, None, suggestion)
        for failures, suggestion in zip(snapshots, suggested, strict=True)
    ]
    numbers = workflows.keep(tx, judged, before, now_s)
    message_classes.count(tx, intake.tallies, now_s)
    return numbers
