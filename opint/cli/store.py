"""``nightshift db``: the database's tables."""

import typer

from opint.cli.common import Config, Log, start

app = typer.Typer(help="Create and upgrade the database.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Create and upgrade the database."""


@app.command()
def upgrade(config: Config = None, log_format: Log = None) -> None:
    """Create the tables, or bring them up to this release. Safe to repeat, and before every start."""
    from opint.store.engine import Store

    settings = start(config, log_format)
    store = Store.open(settings.database.url.get_secret_value())
    before = store.version()
    store.upgrade()
    typer.echo(f"{store.name}: {before or 'empty'} -> {store.version()}")
