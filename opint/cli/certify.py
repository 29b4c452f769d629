"""``nightshift certify``: good-run JSON, and what was left out of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opint.cli.common import MOST_NUMBER, Config, Log, open_store, start, write_file

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
        certificates = [certify_run(tx, run, dataset, settings.certify) for run in dict.fromkeys(runs)]
    if report is not None:
        write_file(
            report,
            orjson.dumps(
                {str(certificate.run): certificate for certificate in certificates}, option=orjson.OPT_INDENT_2
            ),
        )
    console = Console(stderr=True)
    for certificate in certificates:
        _show(certificate, console)
    text = json.dumps(good_runs(certificates))
    if out is None:
        typer.echo(text)
    else:
        write_file(out, f"{text}\n".encode())


def _show(certificate: "Certificate", console: "Console") -> None:
    from rich.markup import escape
    from rich.table import Table

    certified, every = certificate.lumisections
    console.print(
        f"[bold]run {certificate.run}[/bold] {escape(certificate.dataset)}: "
        f"{certified} of {every} lumisections certified, "
        f"{_amount(certificate.certified)} of {_amount(certificate.recorded)} recorded"
    )
    if not every:
        console.print("  histograms of the whole run only: there are no lumisections to certify")
    for why in certificate.whole_run:
        console.print(f"  the whole run: {escape(str(why))}")
    if certificate.least_inspected is not None:
        where = f"{escape(certificate.least_inspected.subsystem)} in LS {certificate.least_inspected.ls}"
        console.print(f"  least inspected in what is certified: {certificate.least_inspected.share:.0%} ({where})")
    if certificate.excluded:
        table = Table("left out", "LS", "why", "lost", box=None)
        for part in certificate.excluded:
            reasons = escape("; ".join(map(str, part.why)))
            table.add_row(f"{part.first}–{part.last}", str(part.lumisections), reasons, _amount(part.lost))
        console.print(table)


def _amount(luminosity: "Luminosity") -> str:
    from opint.certification.certificate import LUMI_UNIT

    unknown = f" + {luminosity.unknown} LS that do not say" if luminosity.unknown else ""
    return f"{luminosity.recorded:.4g} {LUMI_UNIT}{unknown}"
