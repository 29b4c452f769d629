"""``nightshift run`` and ``nightshift dashboard``: the two long-running parts."""

import typer

from opint.cli.common import Config, Log, open_store, start, stop_on_signal


def run(config: Config = None, log_format: Log = None) -> None:
    """Consume histograms, judge them, keep incidents. Runs until it is told to stop (SIGTERM, Ctrl-C).

    Several daemons with the same stream.kafka.group share the partitions. Killed at any moment, it goes
    on where it was: nothing is lost or done twice.
    """
    settings = start(config, log_format)
    from opint.daemon.run import run_daemon

    with stop_on_signal() as stop:
        run_daemon(settings, open_store(settings), stop)


def dashboard(config: Config = None, log_format: Log = None) -> None:
    """Serve the operator's page on a loopback address."""
    settings = start(config, log_format)
    import time

    from opint.dashboard.serve import serve

    serve(settings, open_store(settings), time.time, lambda address: typer.echo(f"dashboard: {address}"))
