"""A failing task: its errors over time, what is suggested and why, cases alike, decisions and outcome."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from opint.actions.action import TARGETS, RecoveryAction
from opint.actions.documents import action_of, snapshot_of, suggestion_of
from opint.actions.heat_map import HeatMap, heat_map
from opint.dashboard.api import Number, or_404
from opint.dashboard.render import Renderer
from opint.dashboard.workflow_actions import is_emulated
from opint.store import workflow_pages
from opint.store.engine import Store
from opint.store.workflow_pages import SnapshotView
from streams.workflows import WorkflowFailures


class SitesMap(NamedTuple):
    """The map of one kind of sites."""

    kind: str
    heat: HeatMap


class SnapshotBar(NamedTuple):
    """A snapshot in the row over time: failed jobs, and their share (0 to 1) of the greatest number."""

    view: SnapshotView
    jobs: int
    share: float


def add_pages(routes: APIRouter, store: Store, renderer: Renderer) -> None:
    """The page of a task."""

    @routes.get("/workflows/{task_id}", include_in_schema=False)
    def task(
        request: Request,
        task_id: Number,
        snapshot: Annotated[
            Number | None, Query(description="number of a snapshot; the newest if it is left out")
        ] = None,
    ) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            detail = or_404(workflow_pages.detail(tx, task_id), f"There is no task {task_id}.")
            templates = workflow_pages.templates_of(tx, task_id)
        view = detail.task
        history = [snapshot_of(view.task, shown.content) for shown in detail.snapshots]
        number = view.snapshot_id if snapshot is None else snapshot
        places = [place for place, shown in enumerate(detail.snapshots) if shown.id == number]
        place = or_404(places[0] if places else None, f"There is no snapshot {number} of task {view.task}.")
        suggestion = None if detail.suggestion is None else suggestion_of(detail.suggestion)
        return renderer.page(
            request,
            "workflow_task.html",
            detail=detail,
            failures=history[place],
            shown=detail.snapshots[place],
            bars=_bars(detail.snapshots, history),
            maps=_maps(history[place], history),
            suggestion=suggestion,
            offered=suggestion.action if suggestion and not suggestion.refusal else RecoveryAction("acdc"),
            decided=[(entry, entry.action and action_of(entry.action)) for entry in detail.decisions],
            templates=templates,
            targets=TARGETS,
            emulated=is_emulated(view.workflow),
            **live,
        )


def _bars(views: Sequence[SnapshotView], history: Sequence[WorkflowFailures]) -> list[SnapshotBar]:
    """Oldest first."""
    jobs = [failures.failed_jobs for failures in history]
    bars = [SnapshotBar(view, count, count / max(jobs)) for view, count in zip(views, jobs, strict=True)]
    return bars[::-1]


def _maps(failures: WorkflowFailures, history: Sequence[WorkflowFailures]) -> list[SitesMap]:
    """Of good and bad sites apart, in colours that mean the same in all snapshots."""
    most = max(error.jobs for snapshot in history for error in snapshot.errors)
    kinds = {"Good sites": True, "Bad sites": False, "Sites": None}
    parts = ((kind, [error for error in failures.errors if error.site_good is good]) for kind, good in kinds.items())
    return [SitesMap(kind, heat_map(errors, most)) for kind, errors in parts if errors]
