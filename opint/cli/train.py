"""``nightshift train``: make models from good lumisections, a command for each kind that is learned from files."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conf.settings import Settings
from opint.cli.common import Config, Log, Runs, bundle_name, existing, open_store, runs_of, start
from opint.consumer.kind import RecordedKind
from opint.stream_kinds import reader_of, recorded_kinds

if TYPE_CHECKING:
    from opint.registry.training_data import OperatorFeedback

app = typer.Typer(help="Train models on good data.", no_args_is_help=True)

Seed = Annotated[int, typer.Option(help="Seed of everything that is random in training.")]
WithFeedback = Annotated[
    bool,
    typer.Option(
        "--with-feedback",
        help="Leave lumisections of confirmed incidents out and put those of false alarms in.",
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        help="Learn from what this file calls good: good-run JSON, CSV (run, ls, flag), Run Registry JSON. "
        "Where it calls enough bad, learn from that as well.",
    ),
]


@app.callback()
def group() -> None:
    """Train models on good data."""


def _command(kind: RecordedKind[Any]) -> Callable[..., None]:
    """The command that trains a bundle of this kind."""
    files_argument = typer.Argument(help=kind.files_help, callback=existing)
    name_option = typer.Option(
        "--as", help="Name of the bundle, so that another may go on judging.", show_default=kind.default_bundle
    )

    def command(
        files: Annotated[list[Path], files_argument],
        runs: Runs = "",
        seed: Seed = 0,
        name: Annotated[str, name_option] = "",
        config: Config = None,
        log_format: Log = None,
    ) -> None:
        settings = start(config, log_format)
        bundle = bundle_name(name) if name else kind.bundle(settings)
        _train(kind, settings, _good_records(kind, settings, files, runs_of(runs)), seed, bundle)

    def command_with_selection(
        files: Annotated[list[Path], files_argument],
        runs: Runs = "",
        seed: Seed = 0,
        name: Annotated[str, name_option] = "",
        with_feedback: WithFeedback = False,
        labels: Labels = None,
        config: Config = None,
        log_format: Log = None,
    ) -> None:
        from opint.labels.files import read_labels
        from opint.registry.training_data import OperatorFeedback, TrainingSelection

        settings = start(config, log_format)
        bundle = bundle_name(name) if name else kind.bundle(settings)
        selection = TrainingSelection(
            runs_of(runs),
            _operator_feedback(settings) if with_feedback else OperatorFeedback(),
            read_labels(labels) if labels else None,
        )
        records = list(selection.of(_good_records(kind, settings, files)))
        if with_feedback:
            left_out, put_in = len(selection.left_out), len(selection.put_in)
            typer.echo(f"feedback: {left_out} subsystem lumisections left out, {put_in} put in", err=True)
        if labels:
            typer.echo(f"labels: {len(selection.not_good)} subsystem lumisections left out as not good", err=True)
        _train(kind, settings, records, seed, bundle)
        if selection.bad:
            for line in kind.supervise(records, selection.bad, bundle, settings):
                typer.echo(line)

    return command_with_selection if kind.selects_lumisections else command


def _good_records(
    kind: RecordedKind[Any], settings: Settings, files: list[Path], runs: range = range(2**63 - 1)
) -> Iterator[Any]:
    """The usable records of files of one kind."""
    from opint import recordings

    return recordings.good_records(files, reader_of(kind, settings), runs)


def _train(kind: RecordedKind[Any], settings: Settings, records: Iterable[Any], seed: int, bundle: str) -> None:
    import numpy as np

    from opint.cli.terminal import bar

    with bar("training") as progress:
        lines = kind.train(records, bundle, settings, np.random.default_rng(seed), progress, time.time())
    for line in lines:
        typer.echo(line)


def _operator_feedback(settings: Settings) -> "OperatorFeedback":
    from opint.registry.training_data import OperatorFeedback

    with open_store(settings).read() as tx:
        return OperatorFeedback.read(tx)


for _kind in recorded_kinds():
    app.command(_kind.trained_as, help=_kind.training_help)(_command(_kind))
