"""``nightshift cache leaderboard|compile``: all policies over fixed traces, and their machine code made beforehand."""

import json
from dataclasses import asdict

import typer

from opint.cli.cache import Json, laboratory
from opint.cli.terminal import bar


def leaderboard(as_json: Json = False) -> None:
    """Compare all policies on fixed generated traces: how far each goes from LRU to Belady, and what it writes.

    Another package enters with an entry point of the group nightshift.cache_policies whose object, called without
    arguments, gives a policy (rl_cache.policies.protocols.Policy). Only this simulator is measured, no real cache.
    """
    from rich.console import Console
    from rich.table import Table

    with laboratory():
        from rl_cache.laboratory.leaderboard import fixed_traces
        from rl_cache.laboratory.leaderboard import leaderboard as compare
    with bar("policies") as progress:
        entries = compare(fixed_traces(), progress)
    if as_json:
        typer.echo(json.dumps([asdict(entry) for entry in entries]))
        return
    table = Table(box=None, pad_edge=False)
    for name in ("policy", "to Belady", "worst", "written"):
        table.add_column(name, justify="left" if name == "policy" else "right", no_wrap=True)
    for entry in entries:
        name = f"{entry.policy} (knows the future)" if entry.clairvoyant else entry.policy
        table.add_row(name, f"{entry.way:.3f}", f"{entry.worst:.3f}", f"{entry.written:.3f}")
    Console().print(table)
    Console().print("to Belady: mean share of the way from LRU; written: of what LRU writes", style="dim")


def compile_policies() -> None:
    """Compile all policies now, so that nobody waits at the first use; the code is kept on disk."""
    with laboratory():
        from opint.caches.handler import warm_up
        from rl_cache.laboratory.leaderboard import compile_all
    with bar("compiling") as progress:
        warm_up()
        count = compile_all(progress)
    typer.echo(f"{count} policies are compiled")
