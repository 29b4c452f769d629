"""``nightshift models``: which bundles there are, how one in shadow compares, and letting it judge."""

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from opint.cli.common import Config, Limit, Log, Runs, bundle_name, open_store, runs_of, start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from opint.registry.comparison import FeedbackAgreement, FlaggedRates, Pair

app = typer.Typer(help="List, compare and promote models.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The bundle's folder below dqm.models.")]


@app.callback()
def group() -> None:
    """List, compare and promote models."""


@app.command("list")
def list_(config: Config = None, log_format: Log = None) -> None:
    """Show the bundles below dqm.models: which one judges, which one judges in shadow, and how much each has."""
    from rich.console import Console

    from opint.cli.terminal import terminal_table
    from opint.registry.bundles import list_bundles
    from opint.wording import iso

    settings = start(config, log_format)
    columns = ("name", "version", "role", "trained on (run:LS)", "judged LS", "shadow LS", "promoted")
    table = terminal_table(*columns, folding=["name", "trained on (run:LS)", "judged LS", "shadow LS"])
    for entry in list_bundles(settings.dqm, open_store(settings)):
        since = "" if entry.promoted is None else f"{iso(entry.promoted.at_s)} by {entry.promoted.actor}"
        numbers = (str(entry.judged), str(entry.in_shadow))
        table.add_row(entry.name, entry.version[:12], entry.role, entry.trained or entry.trouble, *numbers, since)
    Console().print(table if table.row_count else f"No bundles in {settings.dqm.models}.")


@app.command()
def compare(name: Name, runs: Runs = "", limit: Limit = 50, config: Config = None, log_format: Log = None) -> None:
    """Compare the verdicts of a bundle in shadow with those of the one that judges.

    It must have run beside the current one (dqm.shadow). Shows rates for each subsystem, what both say of
    incidents that operators have confirmed or called false alarms, and the lumisections judged differently.
    """
    from rich.console import Console

    from opint.registry import comparison
    from opint.registry.bundles import current_bundle, load_named
    from opint.registry.training_data import OperatorFeedback

    settings = start(config, log_format)
    store = open_store(settings)
    now, shadow = current_bundle(settings.dqm, store), load_named(settings.dqm, bundle_name(name))
    with store.read() as tx:
        pairs = comparison.read_pairs(tx, now.bundle.version, shadow.bundle.version, runs_of(runs))
        operator_feedback = OperatorFeedback.read(tx)
    console = Console()
    console.print(
        f"now: {now.name} {now.bundle.version[:12]} · in shadow: {name} {shadow.bundle.version[:12]}", highlight=False
    )
    if not pairs:
        console.print(f"No lumisection was judged by both. Set dqm.shadow to {name} and let the daemon run.")
        raise typer.Exit(1)
    _show_rates(console, comparison.rates(pairs))
    for verdict, agreement in zip(
        ("confirmed", "called false alarms"), comparison.agreement(pairs, operator_feedback), strict=True
    ):
        _show_agreement(console, verdict, agreement)
    _show_differences(console, [pair for pair in pairs if pair.differs], limit)


@app.command()
def promote(
    name: Name,
    by: Annotated[str, typer.Option("--by", help="Who promotes.", show_default="your login name")] = "",
    note: Annotated[str, typer.Option("--note", help="Why.")] = "",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Let a bundle judge from the next start of each daemon on.

    Recorded in the database in one transaction, with name, time and version. From then on the daemons refuse a
    bundle of that name with other content. Going back is promoting the earlier bundle.
    """
    import time

    from opint.registry.bundles import promote as promote_

    settings = start(config, log_format)
    store = open_store(settings)
    done = promote_(settings.dqm, store, bundle_name(name), by or getpass.getuser(), note, time.time())
    before = done.previous[:12] or "none"
    typer.echo(f"{name}: version {done.version[:12]} judges in place of {before} once the daemons are started again")


def _show_rates(console: "Console", rates: "Sequence[FlaggedRates]") -> None:
    from rich.table import Table

    columns = ("subsystem", "LS", "bad in both", "only now", "only in shadow", "warning", "not inspected", "bad MEs/LS")
    table = Table(*columns, box=None)
    for subsystem_rates in rates:
        counts = (
            subsystem_rates.lumisections,
            subsystem_rates.both_bad,
            subsystem_rates.only_current,
            subsystem_rates.only_shadow,
        )
        changes = [f"{before} → {after}" for before, after in (subsystem_rates.warnings, subsystem_rates.not_inspected)]
        flagged = f"{subsystem_rates.flagged_current:.3g} → {subsystem_rates.flagged_shadow:.3g}"
        table.add_row(subsystem_rates.subsystem, *map(str, counts), *changes, flagged)
    console.print(table)


def _show_agreement(console: "Console", verdict: str, agreement: "FeedbackAgreement") -> None:
    if agreement.lumisections:
        console.print(
            f"of {agreement.lumisections} subsystem lumisections in incidents that operators {verdict}: "
            f"{agreement.current} bad now, {agreement.shadow} bad in shadow",
            highlight=False,
        )


def _show_differences(console: "Console", pairs: "Sequence[Pair]", limit: int) -> None:
    from rich.table import Table

    if not pairs:
        console.print("No lumisection is judged differently.")
        return
    table = Table("dataset", "run", "LS", "subsystem", "now", "in shadow", "bad MEs", box=None)
    for pair in pairs[-limit:][::-1]:
        qualities = [side.quality.name.lower().replace("_", " ") for side in (pair.current, pair.shadow)]
        flagged = f"{pair.current.flagged} → {pair.shadow.flagged}"
        table.add_row(pair.dataset, str(pair.key.run), str(pair.key.ls), pair.subsystem, *qualities, flagged)
    console.print(f"judged differently: {len(pairs)}, newest first" + (f", {limit} shown" * (len(pairs) > limit)))
    console.print(table)
