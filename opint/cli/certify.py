"""``nightshift certify``: good-run JSON, and what was left out of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opint.cli.common import MOST_NUMBER, Config, Log, open_store, start

if TYPE_CHECKING:
    from rich.console import Console

    from opint.certification.certificate import Certificate, Luminosity


def certify(
    runs: Annotated[
        list[int], typer.Argument(metavar="RUN...", help="Runs that are in the database.", min=1, max=MOST_NUMBER)
    ],
    dataset: Annotated[
        str | None, typer.Option(help="Dataset to certify.", show_default="the only one that has the run")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the good-run JSON here.", show_default="standard output")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write reasons and luminosity of every range here, as JSON.")
    ] = None,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Write which lumisections are good for physics: {"355374": [[59, 84]]}, both ends included.

    Certified is what was judged and found good, or only suspect. Lumisections that are bad, in an incident, not
    inspected well enough (certify.least_inspected) or never received are left out; the table on standard error
    says why, and what luminosity that costs.
    """
    import json

    import orjson
    from rich.console import Console

    from opint.certification.certificate import good_runs
    from opint.certification.facts import certify_run

    settings = start(config, log_format)
    with open_store(settings).read() as tx:
        found = [certify_run(tx, run, dataset, settings.certify) for run in dict.fromkeys(runs)]
    if report is not None:
        _write(report, orjson.dumps({str(one.run): one for one in found}, option=orjson.OPT_INDENT_2))
    console = Console(stderr=True)
    for one in found:
        _show(one, console)
    text = json.dumps(good_runs(found))
    if out is None:
        typer.echo(text)
    else:
        _write(out, f"{text}\n".encode())


def _write(path: Path, content: bytes) -> None:
    from conf.errors import NightshiftError

    try:
        path.write_bytes(content)
    except OSError as error:
        raise NightshiftError(f"{path} cannot be written: {error.strerror}") from None


def _show(one: "Certificate", console: "Console") -> None:
    from rich.markup import escape
    from rich.table import Table

    certified, every = one.lumisections
    console.print(
        f"[bold]run {one.run}[/bold] {escape(one.dataset)}: {certified} of {every} lumisections certified, "
        f"{_amount(one.certified)} of {_amount(one.recorded)} recorded"
    )
    if not every:
        console.print("  histograms of the whole run only: there are no lumisections to certify")
    for why in one.whole_run:
        console.print(f"  the whole run: {escape(str(why))}")
    if one.least_inspected is not None:
        where = f"{escape(one.least_inspected.subsystem)} in LS {one.least_inspected.ls}"
        console.print(f"  least inspected in what is certified: {one.least_inspected.share:.0%} ({where})")
    if one.excluded:
        table = Table("left out", "LS", "why", "lost", box=None)
        for part in one.excluded:
            reasons = escape("; ".join(map(str, part.why)))
            table.add_row(f"{part.first}–{part.last}", str(part.lumisections), reasons, _amount(part.lost))
        console.print(table)


def _amount(told: "Luminosity") -> str:
    from opint.certification.certificate import LUMI_UNIT

    unknown = f" + {told.unknown} LS that do not say" if told.unknown else ""
    return f"{told.recorded:.4g} {LUMI_UNIT}{unknown}"
