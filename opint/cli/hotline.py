"""``nightshift hotline``: the most unusual events."""

from typing import Annotated

import typer

from opint.cli.common import Config, Limit, Log, open_store, start

app = typer.Typer(help="List the most unusual events.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """List the most unusual events."""


@app.command("list")
def list_(
    limit: Limit = 50,
    skip: Annotated[int, typer.Option(min=0, help="Leave out so many of the newest.")] = 0,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Show kept events, newest first, with what is unusual about each."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from opint.store import hotline
    from opint.times import iso

    with open_store(start(config, log_format)).read() as tx:
        found = hotline.newest(tx, limit, skip)
    table = Table("kept (UTC)", "dataset", "run", "LS", "event", "once in", "unusual (usual range)", box=None)
    for one in found:
        unusual = "\n".join(
            f"{each['feature']} {each['value']:.4g} ({each['low']:.3g} to {each['high']:.3g})" for each in one.unusual
        )
        row = iso(one.kept_s), one.dataset, str(one.run), str(one.ls), str(one.event), f"{one.once_in_hours:.3g} h"
        table.add_row(*(Text(cell) for cell in (*row, unusual)))
    Console().print(table if found else "No events are kept.")
