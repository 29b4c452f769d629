"""``nightshift cache watch|publish|suggestions``: suggestions on trial on accesses as caches report them."""

import json
from typing import Annotated

import typer

from opint.cli.cache import FirstSize, Json, TraceFile, laboratory, read_trace
from opint.cli.common import AsWire, Config, Log, Wire, open_store, start, stop_on_signal
from opint.cli.progress import bar
from opint.suggestion_report import print_suggestions

CacheName = Annotated[str, typer.Option("--cache", help="Name of the cache, as in `nightshift cache suggest --cache`.")]


def watch(config: Config = None, log_format: Log = None) -> None:
    """Keep trying the stored suggestions in the dark, beside LRU, on the accesses that caches report.

    At the end of each day they are judged anew; what has done worse than LRU is withdrawn for good. Runs until it is
    told to stop (SIGTERM, Ctrl-C). Killed at any moment, it goes on where it was: no access is lost or counted twice.
    """
    settings = start(config, log_format)
    with laboratory():
        from opint.cache_watch import run_watch

    with stop_on_signal() as stop:
        run_watch(settings, open_store(settings), stop)


def publish(
    trace: TraceFile,
    cache: CacheName,
    wire: AsWire = Wire.ARROW,
    first_size: FirstSize = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Publish the requests of a trace as the cache would report them, as fast as they are taken."""
    settings = start(config, log_format)
    with laboratory():
        from opint.cache_publishing import publish_trace
    made = read_trace(trace, first_size)
    with stop_on_signal() as stop, bar("accesses") as progress:
        done = publish_trace(made, cache, settings, wire.content_type, stop, progress)
    typer.echo(f"published {done} accesses of {len(made)}")


def suggestions(
    cache: Annotated[str | None, typer.Option("--cache", help="Only this cache.", show_default="all")] = None,
    as_json: Json = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Show the stored suggestions, the greatest saving first, and how each stands its trial."""
    from opint.store import suggestions as stored

    with open_store(start(config, log_format)).read() as tx:
        names = stored.caches(tx) if cache is None else [cache]
        found = {name: [dict(row._mapping) for row in stored.of_cache(tx, name)] for name in names}
        through_s = {name: stored.tried_through_s(tx, name) for name in names}
    if as_json:
        typer.echo(json.dumps(found))
        return
    if not found:
        typer.echo("no suggestions are stored; `nightshift cache suggest --cache NAME` makes them")
    for name, rows in found.items():
        why_none = f"none are stored; `nightshift cache suggest --cache {name}` makes them"
        print_suggestions(name, rows, through_s[name], why_none=why_none)
