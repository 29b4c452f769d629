"""``nightshift hotline``: lists the most unusual events, and simulates events for tests and demonstrations."""

from typing import Annotated

import typer

from opint.cli.common import (
    MOST_NUMBER,
    AsWire,
    AtMost,
    ConditionsFile,
    Config,
    Limit,
    Log,
    OutFile,
    Pace,
    Publish,
    Skip,
    TruthFile,
    Wire,
    open_store,
    start,
)
from opint.cli.simulate import deliver, one_destination

app = typer.Typer(help="List the most unusual events, or simulate events.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """List the most unusual events, or simulate events."""


@app.command("list")
def list_(
    limit: Limit = 50,
    before: Annotated[
        int | None, typer.Option(min=1, max=MOST_NUMBER, help="Only events with a smaller number than this.")
    ] = None,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Show kept events, newest first, with what is unusual about each."""
    from rich.console import Console

    from opint.cli.render import kept_table
    from opint.store import hotline

    with open_store(start(config, log_format)).read() as tx:
        events = hotline.page(tx, limit=limit, before=before)
    Console().print(kept_table(events.items) if events.items else "No events are kept.")
    if events.next is not None:
        typer.echo(f"older ones: --before {events.next}")


@app.command()
def simulate(
    conditions: ConditionsFile = None,
    skip: Skip = 0,
    lumisections: AtMost = None,
    rate: Annotated[
        float, typer.Option(min=0.01, max=1000, help="Events a second of live time at a pileup of 40 (Hz).")
    ] = 10.0,
    rare: Annotated[float, typer.Option(min=0, max=0.5, help="Share of the events that are of a rare kind.")] = 2e-4,
    seed: Annotated[int, typer.Option(help="Seed of the events and of how the detector drifts.")] = 1,
    truth: TruthFile = None,
    out: OutFile = None,
    publish: Publish = False,
    pace: Pace = None,
    wire: AsWire = Wire.ARROW,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Simulate the features of single-lepton events, with a few rare ones among them; write or publish them.

    W, multijet, Z and top-pair events follow pileup, live time and fills of the conditions, which may be real. Rare are
    a light A that decays to four leptons, a leptoquark, a neutral and a charged scalar. It is a sketch of such events,
    no detector simulation.

    To watch events: simulate some (--rare 0 --lumisections 3000 --out events.arrow), learn from them (`nightshift train
    hotline events.arrow`), set hotline.watch to true, start `nightshift run` and publish.
    """
    from opint.demo.simulation import conditions_of, events_of

    one_destination(out, publish)
    settings = start(config, log_format)
    source = conditions_of(conditions, good_only=False, seed=seed)
    stream = events_of(source, skip, lumisections, rate, rare, seed, truth)
    deliver(stream, "lumisections", out, settings, wire, pace)
