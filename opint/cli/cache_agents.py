"""``nightshift cache train|evaluate|leaderboard|compile``: agents that steer a cache, policies over fixed traces."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conf.errors import SettingsError
from opint.cli.cache import FirstSize, Json, TraceFile, laboratory, read_trace
from opint.cli.terminal import bar

if TYPE_CHECKING:
    from numpy.random import Generator

    from rl_cache.traces.trace import Trace

AgentFile = Annotated[Path, typer.Option("--agent", help="The file that `nightshift cache train` wrote.")]
Size = Annotated[str, typer.Option("--size", "-s", help="Size of the cache: 100TiB, or 10% of the trace's files.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
_MIN_REQUESTS = 100
"""Fewer requests could not be cut into parts to learn from, to tune on and to choose by."""
_TRAINING_TRACES = 4
"""Generated traces of each workload that a network is trained on."""


def train(
    out: Annotated[Path, typer.Option("--out", help="Where the agent is written.")],
    traces: Annotated[
        list[Path] | None, typer.Argument(metavar="TRACE…", help="Traces of this cache.", show_default="generated ones")
    ] = None,
    steps: Annotated[int, typer.Option(min=0, help="Decisions that PPO trains on.")] = 2048,
    scale: Annotated[float, typer.Option(min=0.01, max=1, help="Size of generated traces.")] = 0.1,
    logs: Annotated[Path | None, typer.Option(help="Folder for TensorBoard.", show_default="none")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Written while PPO trains; if it is there, training goes on from it.")
    ] = None,
    first_size: FirstSize = False,
    seed: Seed = 0,
) -> None:
    """Train an agent on the earlier half of each trace; the next quarter tunes it, the last one chooses its form."""
    with laboratory():
        import numpy as np

        from rl_cache.agents.train import TrainingBudget, train_agent
    rng = np.random.default_rng(seed)
    parts = _split_traces(traces, first_size) if traces else _generate_traces(scale, rng)
    budget = TrainingBudget(ppo_steps=steps)
    with bar("training") as progress:
        result = train_agent(*parts, rng, budget=budget, progress=progress, logs=logs, checkpoint=checkpoint)
    result.agent.save(out)
    typer.echo(
        f"{out}: gain over S3-FIFO on validation, in points of the byte miss ratio: "
        f"network {100 * result.by_network:.2f}, knobs {100 * result.by_knobs:.2f}, policy {100 * result.by_policy:.2f}"
    )


def evaluate(
    agent: AgentFile,
    trace: TraceFile,
    size: Size = "10%",
    warm_up_days: Annotated[int, typer.Option("--warm-up-days", min=0, help="Served and not counted.")] = 0,
    first_size: FirstSize = False,
    as_json: Json = False,
) -> None:
    """Replay a trace that the agent was not trained on: byte miss ratio and written bytes, beside other policies."""
    with laboratory():
        from rl_cache.agents.evaluate import BASELINE, REFERENCE, compare_agent
        from rl_cache.errors import SimulationError
        from rl_cache.laboratory.agent import Agent
    loaded, read = Agent.load(agent), read_trace(trace, first_size)
    if warm_up_days >= len(read.day_starts) - 1:
        raise SimulationError(f"--warm-up-days is {warm_up_days}; {trace} has {len(read.day_starts) - 1} days")
    peers = ("lru", BASELINE, "gdsf", "w-tinylfu", REFERENCE)
    scores = compare_agent(read, loaded, capacity_bytes(size, read), peers, warm_up_days=warm_up_days)
    if as_json:
        typer.echo(json.dumps({name: asdict(score) for name, score in scores.items()}))
        return
    for name, score in sorted(scores.items(), key=lambda item: item[1].byte_miss_ratio):
        typer.echo(
            f"{name:12} byte miss ratio {score.byte_miss_ratio:.4f}, written {score.written_bytes / 1e12:.3f} TB"
        )


def capacity_bytes(size: str, trace: "Trace") -> int:
    """Bytes of a cache whose size is given in bytes or as a share of the trace's files."""
    from rl_cache.laboratory.units import parse_size

    return parse_size(size, trace.footprint_bytes)


def _split_traces(files: list[Path], first_size: bool) -> tuple[list["Trace"], list["Trace"], list["Trace"]]:
    """Earlier half, third quarter, last quarter of each trace."""
    traces = [read_trace(file, first_size) for file in files]
    if short := next((trace for trace in traces if len(trace) < _MIN_REQUESTS), None):
        raise SettingsError(f"{short.origin} has {len(short)} requests; training needs at least {_MIN_REQUESTS}")
    cuts = ((0, 2), (2, 3), (3, 4))
    first, second, third = ([t.part(len(t) * a // 4, len(t) * b // 4) for t in traces] for a, b in cuts)
    return first, second, third


def _generate_traces(scale: float, rng: "Generator") -> tuple[list["Trace"], list["Trace"], list["Trace"]]:
    from dataclasses import replace

    from rl_cache.traces.generate import hep
    from rl_cache.traces.workload import WORKLOADS

    def generate(per_workload: int = 1) -> list["Trace"]:
        return [hep(replace(load, scale=scale), rng) for load in WORKLOADS.values() for _ in range(per_workload)]

    return generate(_TRAINING_TRACES), generate(), generate()


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
        table.add_row(name, f"{entry.way:.3f}", f"{entry.worst:.3f}", f"{entry.write_ratio:.3f}")
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
