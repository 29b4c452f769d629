"""``nightshift actions``: what operators should do about failing workflows, learned from what they did."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opint.cli.common import Config, Log, existing, open_store, start

if TYPE_CHECKING:
    from opint.actions.action import DecidedCase

app = typer.Typer(help="Suggest what to do about failing workflows: train, predict, decide.", no_args_is_help=True)

CaseFiles = Annotated[
    list[Path], typer.Argument(help="Files of decided cases, a JSON object a line (see docs/actions.md).")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of whatever is random.")]
Precision = Annotated[
    float, typer.Option(min=0.5, max=0.999, help="Share of the predictions without abstention that is to be right.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.callback()
def group() -> None:
    """Suggest what to do about failing workflows: train, predict, decide."""


@app.command()
def train(
    files: Annotated[list[Path] | None, typer.Argument(help="Files of decided cases, a JSON object a line.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the trained model; without it where the daemon looks.")
    ] = None,
    with_decisions: Annotated[
        bool, typer.Option("--with-decisions", help="Learn from the decisions in the database as well.")
    ] = False,
    precision: Precision = 0.95,
    seed: Seed = 0,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Train a model on decided cases and keep it in a folder, which is loaded without executing anything in it.

    Probabilities are calibrated on cases decided after those learned. Where trees do not beat the rules of the
    automatic recovery and the commonest class there, these predict in their place, and this command says so.
    """
    from opint.actions.deciding import decided_cases
    from opint.actions.model import save
    from opint.actions.training import train_predictor
    from opint.cli.terminal import bar

    settings = start(config, log_format)
    folder = settings.dqm.models / settings.actions.model if out is None else out
    cases = _read(files or [])
    if with_decisions:
        with open_store(settings).read() as tx:
            cases += decided_cases(tx)
    with bar("training") as progress:
        predictor = train_predictor(cases, precision, seed, progress)
    save(predictor, folder)
    for name, target in [*predictor.targets.items(), ("sites", predictor.sites.model)]:
        typer.echo(f"{name}: {target.predictor}. {target.reason}")
    typer.echo(f"{folder}: trained on {len(cases)} cases, version {predictor.version[:12]}")


@app.command()
def scoreboard(
    files: CaseFiles,
    share: Annotated[
        float, typer.Option(min=0.1, max=0.95, help="Share of the cases, the earliest, that are learned.")
    ] = 0.75,
    precision: Precision = 0.95,
    seed: Seed = 0,
    weekly: Annotated[bool, typer.Option("--weekly", help="List each week as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn from earlier cases, and compare with simpler methods on later ones.

    Beside the model stand the commonest class, the rules of the automatic recovery and a logistic regression on counts.
    """
    import dataclasses

    import orjson
    from rich.console import Console
    from rich.table import Table

    from opint.actions.comparison import (
        ALL_WEEKS,
        LOGISTIC,
        MAJORITY,
        MODEL,
        PEERS,
        RULES,
        predict_model,
        score_weeks,
    )
    from opint.actions.message_classes import MessageClasses
    from opint.actions.training import make_examples, split, train_on
    from opint.cli.terminal import bar

    classes = MessageClasses()
    earlier, later = split(make_examples(_read(files), classes), share)
    with bar("training") as progress:
        predictor = train_on(earlier, classes, precision, seed, progress)
    predictions = {
        name: {target: PEERS[name](earlier, later, target) for target in later.labels}
        for name in (MAJORITY, RULES, LOGISTIC)
    }
    scores = list(score_weeks(later, {MODEL: predict_model(predictor, later), **predictions}, precision))
    if as_json:
        shown = [dataclasses.asdict(score) for score in scores if weekly or score.week == ALL_WEEKS]
        # A measure that needs two classes is null where only one was decided.
        typer.echo(orjson.dumps(shown).decode())
        return
    table = Table("week", "target", "method", "cases", "accuracy", "macro recall", "AUC", "ECE", "coverage", box=None)
    for score in scores:
        if weekly or score.week == ALL_WEEKS:
            measures = (score.accuracy, score.macro_recall, score.macro_auc, score.calibration_error, score.coverage)
            numbers = (f"{measure:.3f}" for measure in measures)
            table.add_row(score.week, score.target, score.method, str(score.cases), *numbers)
    Console().print(table)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="Write the decided cases to this file (JSON lines).")],
    count: Annotated[int, typer.Option("--cases", min=1, max=1_000_000, help="Number of cases.")] = 33_000,
    weeks: Annotated[int, typer.Option(min=1, max=1000, help="Number of weeks they are spread over.")] = 60,
    codes_and_sites: Annotated[
        Path | None,
        typer.Option(help="JSON file with lists all_errors and all_sites, to be used in place of made-up ones."),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Emulate a history of failing workflows, what operators did and how it ended; docs/actions.md says how."""
    import numpy as np

    from opint.actions.files import write_cases
    from opint.actions.simulation.causes import Material, read_material
    from opint.actions.simulation.history import simulate_history

    material = Material() if codes_and_sites is None else read_material(codes_and_sites)
    history = simulate_history(np.random.default_rng(seed), count, weeks, material)
    typer.echo(f"{out}: {write_cases((simulated.case for simulated in history), out)} emulated cases")


@app.command()
def classes(
    files: Annotated[list[Path], typer.Argument(help="Text files with a message on each line, or Parquet files.")],
    column: Annotated[str, typer.Option(help="Column of Parquet files that has the messages.")] = "message",
    top: Annotated[int, typer.Option(min=1, max=10_000, help="Number of classes shown, the largest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Sort error messages into classes, and list them with their counts."""
    import json
    from collections import Counter

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from opint.actions.files import read_messages
    from opint.actions.message_classes import MessageClasses

    sorter, counts = MessageClasses(), Counter[int]()
    for path in existing(files):
        counts.update(sorter.classify(text)[0].number for text in read_messages(path, column))
    templates = {each.number: each.template for each in sorter.classes()}
    largest = counts.most_common(top)
    if as_json:
        rows = [{"number": number, "messages": count, "template": templates[number]} for number, count in largest]
        typer.echo(json.dumps(rows))
        return
    table = Table("number", "messages", "template", box=None)
    for number, count in largest:
        table.add_row(str(number), str(count), Text(templates[number]))
    Console().print(table)
    typer.echo(f"{sum(counts.values())} messages in {len(counts)} classes")


def _read(files: list[Path]) -> "list[DecidedCase]":
    """The cases of the files; lines that cannot be read are named on standard error."""
    from opint.actions.files import UnreadLine, read_cases

    cases: list[DecidedCase] = []
    for path in existing(files):
        for case in read_cases(path):
            if isinstance(case, UnreadLine):
                typer.echo(f"{case.place} is left out: {case.reason}", err=True)
            else:
                cases.append(case)
    return cases
