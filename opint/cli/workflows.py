"""``nightshift actions list|predict|publish|decide|outcome|export``: failing workflows, and decisions about them."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conf.errors import SettingsError
from conf.settings import Settings
from opint.cli.common import Config, Limit, Log, existing, open_store, start, stored_text, write_file
from streams.stopping import stop_on_signal

if TYPE_CHECKING:
    from opint.actions.action import Suggestion
    from opint.store.engine import Store
    from streams.workflows import FailureReport

ReportFiles = Annotated[list[Path], typer.Argument(help="Reports of failing workflows (JSON, see docs/formats.md).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
TaskName = Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.", callback=stored_text)]
Actor = Annotated[str, typer.Option("--actor", help="Who decides.", callback=stored_text)]
Reason = Annotated[str, typer.Option("--reason", help="Why; needed to reject.", callback=stored_text)]


def list_(
    which: Annotated[str, typer.Option(help="undecided, decided, open, ended or unreported.")] = "undecided",
    limit: Limit = 50,
    as_json: AsJson = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """List failing tasks by cost, and what is suggested about each."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from opint.store import workflow_pages
    from opint.store.workflow_pages import TaskFilter

    kind = next((name for name in workflow_pages.WHICH if name == which), None)
    if kind is None:
        raise SettingsError(f"--which is {which!r}; it can be {', '.join(workflow_pages.WHICH)}")
    settings = start(config, log_format)
    open_s = 3600.0 * settings.actions.unreported_hours
    with open_store(settings).read() as tx:
        page = workflow_pages.page(tx, TaskFilter(kind), time.time(), open_s, limit=limit)
    if as_json:
        typer.echo(page.model_dump_json())
        return
    table = Table("task", "code", "site", "failed jobs", "lost h", "suggested", "decision", box=None)
    for view in page.items:
        lost = "–" if view.lost_wall_s is None else f"{view.lost_wall_s / 3600:.0f}"
        numbers = (str(view.code), Text(view.site), str(view.failed_jobs), lost)
        table.add_row(Text(view.task), *numbers, view.suggested, view.decision)
    Console().print(table if page.items else "No failing task fits.")


def predict(
    files: ReportFiles,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for each task, a line each.")] = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Suggest an action for each task in files, by the trained model or else by the rules."""
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    from opint.actions.documents import made_suggestion
    from opint.actions.predictors import open_predictors
    from opint.store.workflows import MODEL

    settings = start(config, log_format)
    predictor = open_predictors(settings).shown
    columns = Column("task", overflow="fold"), "suggested", "probability", "ends well", "because"
    table = Table(*columns, box=None)
    for report in _reports(files, settings):
        for failures, suggestion in zip(report.snapshots, predictor.suggest(report.snapshots), strict=True):
            if as_json:
                content = made_suggestion(MODEL, predictor.version, suggestion).content
                typer.echo(json.dumps({"task": failures.task, "version": predictor.version} | dict(content)))
            else:
                table.add_row(Text(failures.task), *map(Text, _suggestion_cells(suggestion)))
    if not as_json:
        Console().print(table)


def _suggestion_cells(suggestion: "Suggestion") -> tuple[str, str, str, str]:
    """Action with its parameters, its probability, that of success, and what spoke for it most."""
    if suggestion.refusal:
        return f"nothing: {suggestion.refusal}", "", "", ""
    names = {"sites": "without"}
    parameters = [
        f"{names.get(name, name)} {', '.join(value) if isinstance(value, list) else value}"
        for name, value in suggestion.action.parameters().items()
        if name != "action" and value != "default"
    ]
    target, success = suggestion.targets["action"], suggestion.success.get(suggestion.action.action)
    return (
        "; ".join([suggestion.action.action, *parameters]),
        "unsure" if target.abstained else f"{target.probabilities[target.value]:.0%}",
        "–" if success is None else f"{success:.0%}",
        "\n".join([reason.feature for reason in suggestion.contributions if reason.log_odds > 0][:3]),
    )


def publish(files: ReportFiles, config: Config = None, log_format: Log = None) -> None:
    """Publish reports in files to the topic of failing workflows."""
    from contextlib import closing

    from opint.actions.kind import WorkflowKind
    from streams.kafka import PARTITIONS, KafkaPublisher

    settings, published = start(config, log_format), 0
    with closing(KafkaPublisher(WorkflowKind().kafka(settings))) as publisher:
        publisher.ensure_topic(PARTITIONS)
        for report in _reports(files, settings):
            publisher.publish(report, "application/json")
            published += len(report.snapshots) + len(report.outcomes)
        publisher.flush()
    typer.echo(f"published {published} tasks")


def decide(
    task: TaskName,
    verdict: Annotated[str, typer.Argument(help="accepted, changed or rejected.")],
    actor: Actor,
    reason: Reason = "",
    action: Annotated[str, typer.Option(help="acdc, clone or special, where it is changed.")] = "",
    memory: Annotated[str, typer.Option(help="Class of memory.")] = "",
    splitting: Annotated[str, typer.Option(help="Class of splitting.")] = "",
    xrootd: Annotated[str, typer.Option(help="default or enabled.")] = "",
    exclude: Annotated[str, typer.Option(help="Sites not to be used, with commas between them.")] = "",
    cores: Annotated[int | None, typer.Option(min=1, max=1024, help="Cores of a job.")] = None,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Accept what is suggested about the newest snapshot of a task, change it, or reject it."""
    from typing import get_args

    from opint.actions import deciding
    from opint.actions.documents import typed_action
    from opint.store.workflow_decisions import Verdict

    kind: Verdict | None = next((name for name in get_args(Verdict) if name == verdict), None)
    if kind is None:
        raise SettingsError(f"the decision is {verdict!r}; it can be {', '.join(get_args(Verdict))}")
    if kind == "rejected" and not reason.strip():
        raise SettingsError("a rejection needs a reason: --reason TEXT")
    if kind == "changed" and not action:
        raise SettingsError("what is done instead is missing: --action acdc, clone or special")
    fields = {"action": action, "memory": memory, "splitting": splitting, "xrootd": xrootd, "excluded_sites": exclude}
    fields |= {"cores": "" if cores is None else str(cores)}
    chosen = typed_action(fields) if kind == "changed" else None
    store = open_store(start(config, log_format))
    number = _number(store, task)
    with store.begin() as tx:
        view = deciding.task_or_error(tx, number)
        deciding.decide(tx, view.id, view.snapshot_id, kind, chosen, actor, reason, time.time())


def outcome(
    task: TaskName,
    succeeded: Annotated[bool, typer.Option("--succeeded/--failed", help="How it ended.")],
    actor: Actor,
    reason: Reason = "",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Say how a task ended, which is the outcome of the newest decision about it."""
    from opint.actions import deciding

    store = open_store(start(config, log_format))
    number = _number(store, task)
    with store.begin() as tx:
        deciding.end(tx, number, succeeded, actor, reason, time.time())


def export(
    out: Annotated[Path, typer.Option("--out", help="File for the actions (JSON).")],
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Write accepted and changed actions to a file, in the form of AIErrorHandling. Nothing is sent."""
    from opint.actions.deciding import decided_cases
    from opint.actions.documents import handed_out

    with open_store(start(config, log_format)).read() as tx:
        decided = [(case.failures, case.action) for case in decided_cases(tx)]
    write_file(out, json.dumps(handed_out(decided), indent=1).encode())
    typer.echo(f"{out}: {len(decided)} tasks")


def _number(store: "Store", task: str) -> int:
    from opint.store import workflow_pages

    with store.read() as tx:
        number = workflow_pages.number_of(tx, task)
    if number is None:
        raise SettingsError(f"there is no task {task}; see `nightshift actions list`")
    return number


def _reports(files: list[Path], settings: Settings) -> "Iterator[FailureReport]":
    """Reports of the files; what cannot be read is named on standard error."""
    from opint.actions.kind import WorkflowKind
    from streams.errors import DecodeError
    from streams.files.workflows import read

    limits = WorkflowKind().limits(settings)
    for path in existing(files):
        for report in read(path, limits):
            if isinstance(report, DecodeError):
                typer.echo(f"nightshift: left out: {report}", err=True)
                continue
            for error in report.unread:
                typer.echo(f"nightshift: {path}: left out: {error}", err=True)
            yield report


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 1,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Emulate failing workflows for the demo: those of the past day, and more as time goes."""
    from opint.demo.workflows import publish as publish_emulated

    settings = start(config, log_format)
    with stop_on_signal() as stop:
        publish_emulated(settings, seed, stop)
