"""``nightshift labels`` and ``nightshift evaluate``: people's flags, and how the verdicts do against them."""

import getpass
import tempfile
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conf.errors import SettingsError
from opint.cli.common import Config, Log, existing, open_store, start, write_file
from streams.stopping import stop_on_signal

if TYPE_CHECKING:
    from rich.console import Console

    from opint.labels.evaluation import Evaluation, Tally
    from opint.labels.label import Disagreement, Labels
    from streams.keys import LumisectionKey

MOST_ROWS = 30
"""Rows of a table of runs or causes that a terminal shows."""

app = typer.Typer(help="Keep people's labels of lumisections: import and export them.", no_args_is_help=True)

LabelFiles = Annotated[
    list[Path],
    typer.Option(
        "--labels",
        help="Good-run JSON, CSV (run, ls, flag) or Run Registry JSON; repeat to hold labels against each other.",
        callback=existing,
    ),
]


class LabelFormat(StrEnum):
    """How labels are written."""

    CSV = "csv"
    GOOD_RUNS = "good-runs"
    REGISTRY = "registry"


@app.callback()
def group() -> None:
    """Keep people's labels of lumisections: import and export them."""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Good-run JSON, CSV (run, ls, flag) or Run Registry JSON.")],
    source: Annotated[str, typer.Option("--as", help="Name of the source.", show_default="the name of the file")] = "",
    by: Annotated[str, typer.Option("--by", help="Whose labels they are.", show_default="your login name")] = "",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Store the labels of a file, in place of earlier ones of that source. The page Labels holds them against verdicts.

    A CSV has the columns run, ls (or first and last; whole runs without) and flag (good or bad), and if you like
    subsystem and cause. In good-run JSON the rest of a listed run is bad; runs that are not listed have no label.
    """
    import time

    from opint.labels.files import read_labels
    from opint.labels.storage import import_labels

    settings = start(config, log_format)
    labels = read_labels(file)
    name = source or file.name
    import_labels(open_store(settings), name, labels, by or getpass.getuser(), time.time())
    typer.echo(f"{name}: {len(labels)} labels of {len(labels.runs)} runs")


@app.command("list")
def list_(config: Config = None, log_format: Log = None) -> None:
    """Show the sources of labels in the store."""
    from rich.console import Console
    from rich.table import Table

    from opint.store import labels
    from opint.wording import iso

    settings = start(config, log_format)
    with open_store(settings).read() as tx:
        sources = labels.sources(tx)
    table = Table("source", "labels", "bad", "runs", "imported", box=None)
    for entry in sources:
        extent = f"{entry.first_run}–{entry.last_run}"
        table.add_row(entry.name, str(entry.labels), str(entry.bad), extent, iso(entry.at_s))
    Console().print(table if sources else "No labels yet: `nightshift labels import FILE`.")


@app.command()
def export(
    source: Annotated[str, typer.Argument(help="A source that `nightshift labels list` shows.")],
    form: Annotated[LabelFormat, typer.Option("--as", help="Form of the file.")] = LabelFormat.CSV,
    out: Annotated[Path | None, typer.Option(help="Write here.", show_default="standard output")] = None,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Write the labels of a source; where people have settled a dispute since, their answer."""
    from opint.labels import files
    from opint.labels.storage import read_source

    settings = start(config, log_format)
    with open_store(settings).read() as tx:
        labels = read_source(tx, source)
    write = {
        LabelFormat.CSV: files.as_csv,
        LabelFormat.GOOD_RUNS: files.as_good_runs,
        LabelFormat.REGISTRY: files.as_registry_json,
    }
    text = write[form](labels).rstrip("\n")
    if out is None:
        typer.echo(text)
    else:
        write_file(out, f"{text}\n".encode())


def evaluate(
    files: Annotated[
        list[Path], typer.Argument(help="Recordings and tables, in the order in which to judge.", callback=existing)
    ],
    labels: LabelFiles,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Judge files with the model in place and hold the verdicts against people's labels.

    The files are judged as the daemon would judge them in that order, in a database of its own. Of good and of bad
    lumisections it shows how many alarm, are suspect, GOOD or not inspected, and why; recall and precision of alarms;
    the area under the ROC; where people and nightshift disagree. Intervals (95 %) resample whole runs.
    """
    import numpy as np
    import orjson

    from opint.daemon.run import score_files
    from opint.labels.evaluation import answered
    from opint.labels.evaluation import evaluate as evaluated
    from opint.labels.files import read_labels
    from opint.store.engine import Store
    from opint.store.labels import read_verdicts

    settings = start(config, log_format)
    sources = [read_labels(path) for path in labels]
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder, stop_on_signal() as stop:
        store = Store.open(f"sqlite:///{folder}/evaluate.db")
        store.upgrade()
        score_files(settings, store, files, stop)
        with store.read() as tx:
            verdicts = list(read_verdicts(tx, sources[0].runs))
        store.close()
    outcomes = answered(sources[0], verdicts)
    if not outcomes:
        raise SettingsError(
            f"none of the {len(sources[0].runs)} labelled runs of {labels[0].name} was judged in these files; "
            "compare the runs, and the subsystems if the labels name any"
        )
    evaluation = evaluated(outcomes, sources[0].runs, np.random.default_rng(seed))
    bounds = _disagreements(labels, sources, {verdict.key for verdict in verdicts})
    if as_json:
        content = {"evaluation": evaluation, "labels": bounds}
        typer.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())
    else:
        _show(evaluation, bounds)


def _disagreements(
    paths: Sequence[Path], sources: "Sequence[Labels]", keys: "Collection[LumisectionKey]"
) -> "dict[str, Disagreement]":
    """How far each pair of label files agrees on what was judged, which bounds what any verdict can reach."""
    from opint.labels.label import disagreement

    return {
        f"{paths[a].name}, {paths[b].name}": disagreement(sources[a], sources[b], keys)
        for a, b in combinations(range(len(sources)), 2)
    }


def _show(evaluation: "Evaluation", bounds: "Mapping[str, Disagreement]") -> None:
    from rich.console import Console
    from rich.table import Table

    from opint.labels.evaluation import Estimate
    from opint.labels.label import Flag
    from opint.store.labels import Answer

    console = Console()
    table = Table("people say", *Answer, "all", box=None)
    for flag in (Flag.BAD, Flag.GOOD):
        counts = evaluation.answers[flag]
        table.add_row(flag, *(str(counts[answer]) for answer in Answer), str(sum(counts.values())))
    console.print(table)
    for reason, count in sorted(evaluation.not_inspected.items(), key=lambda item: -item[1]):
        console.print(f"  {count} not inspected: {reason.lower().replace('_', ' ')}")
    figures: dict[str, Estimate] = {
        "bad ones that alarm (recall)": evaluation.recall,
        "alarms that are bad (precision)": evaluation.precision,
        "good ones that alarm": evaluation.good_alarmed,
        "bad ones called GOOD": evaluation.bad_called_good,
        "inspected": evaluation.inspected,
        "area under the ROC": evaluation.auc,
    }
    table = Table("", "value", "95 %, by runs", "of", box=None)
    for name, figure in figures.items():
        value = "–" if figure.value is None else f"{figure.value:.3f}"
        interval = "too few runs" if figure.low is None else f"{figure.low:.3f}–{figure.high:.3f}"
        table.add_row(name, value, interval, str(figure.n))
    console.print(table)
    _show_tallies(console, "cause", evaluation.by_cause)
    opposite = {Flag.GOOD: Answer.ALARM, Flag.BAD: Answer.GOOD}
    odd = [tally for tally in evaluation.by_run if tally.answers[opposite[tally.flag]]]
    _show_tallies(console, "run where people and nightshift disagree", odd)
    if evaluation.unanswered:
        console.print(f"{evaluation.unanswered} labelled runs were not judged.")
    for names, bound in bounds.items():
        share = bound.differing / max(bound.lumisections, 1)
        kappa = "" if bound.kappa is None else f", kappa {bound.kappa:.2f}"
        console.print(
            f"{names}: differ in {bound.differing} of {bound.lumisections} lumisections{kappa}; "
            f"no verdict can agree with both in more than {1 - share:.1%}",
            highlight=False,
        )


def _show_tallies(console: "Console", what: str, tallies: "Sequence[Tally]") -> None:
    from rich.table import Table

    from opint.store.labels import Answer

    if tallies:
        table = Table(what, "people say", *Answer, box=None)
        for tally in tallies[:MOST_ROWS]:
            table.add_row(tally.name, tally.flag, *(str(tally.answers[answer]) for answer in Answer))
        console.print(table)
        if len(tallies) > MOST_ROWS:
            console.print(f"{len(tallies) - MOST_ROWS} more: --json has all of them")
