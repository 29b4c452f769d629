"""``nightshift cache train|evaluate|suggest``: an agent, what it is worth, and what a cache can learn from it."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conf.errors import SettingsError
from opint.cli.cache import FirstSize, Json, TraceFile, laboratory, read_trace
from opint.cli.common import Config, Log, open_store, start
from opint.cli.progress import bar
from opint.suggestion_report import print_suggestions

if TYPE_CHECKING:
    from numpy.random import Generator

    from rl_cache.traces.trace import Trace

AgentFile = Annotated[Path, typer.Option("--agent", help="The file that `nightshift cache train` wrote.")]
Size = Annotated[str, typer.Option("--size", "-s", help="Of the cache: 100TiB, or 10% of the trace's files.")]
_FEWEST = 100
"""Requests: fewer could not be cut into parts to learn from, to tune on and to choose by."""
_TRAINED_ON = 4
"""Generated traces of each workload that a network is trained on."""
Seed = Annotated[int, typer.Option(help="Of everything random.")]


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

        from rl_cache.agents.train import Effort
        from rl_cache.agents.train import train as learn
    rng = np.random.default_rng(seed)
    parts = _parts(traces, first_size) if traces else _generated(scale, rng)
    with bar("training") as progress:
        made = learn(*parts, rng, effort=Effort(ppo_steps=steps), progress=progress, logs=logs, checkpoint=checkpoint)
    made.agent.save(out)
    typer.echo(
        f"{out}: gain over S3-FIFO on validation, in points of the byte miss ratio: "
        f"network {100 * made.by_network:.2f}, knobs {100 * made.by_knobs:.2f}, policy {100 * made.by_policy:.2f}"
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
        from rl_cache import evaluate as scores
        from rl_cache.agent import Agent
        from rl_cache.errors import SimulationError
    loaded, read = Agent.load(agent), read_trace(trace, first_size)
    if warm_up_days >= len(read.day_starts) - 1:
        raise SimulationError(f"--warm-up-days is {warm_up_days}; {trace} has {len(read.day_starts) - 1} days")
    peers = ("lru", scores.SHADOW, "gdsf", "w-tinylfu", scores.BOUND)
    found = scores.measure(read, loaded, _capacity(size, read), peers, warm_up_days=warm_up_days)
    if as_json:
        typer.echo(json.dumps({name: asdict(score) for name, score in found.items()}))
        return
    for name, score in sorted(found.items(), key=lambda item: item[1].byte_miss_ratio):
        typer.echo(
            f"{name:12} byte miss ratio {score.byte_miss_ratio:.4f}, written {score.written_bytes / 1e12:.3f} TB"
        )


def suggest(
    agent: AgentFile,
    trace: TraceFile,
    size: Size = "10%",
    cache: Annotated[str, typer.Option("--cache", help="Name of the cache that the suggestions are kept under.")] = "",
    first_size: FirstSize = False,
    seed: Seed = 0,
    as_json: Json = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Suggest admission rules, quotas and pins, each tried in the dark on the later half of the trace beside LRU.

    With --cache they are kept in the store, in place of those of the last time, and `nightshift cache watch` goes on
    trying them.
    """
    with laboratory():
        import numpy as np

        from opint.store import suggestions, trials
        from rl_cache.agent import Agent
        from rl_cache.suggest import tried
        from rl_cache.suggestion import judged
    # Before anything that takes its time, so that a mistake is told at once.
    store = open_store(start(config, log_format)) if cache else None
    read, now_s = read_trace(trace, first_size), time.time()
    rules = tried(read, Agent.load(agent), _capacity(size, read))
    made = judged(rules.trials, np.random.default_rng(seed))
    if store is not None:
        standing = [number for number, one in enumerate(made) if not one.withdrawn]
        with store.begin() as tx:
            suggestions.keep(tx, cache, made, now_s)
            trials.save(tx, cache, rules.trials.only(standing), now_s)
    made.sort(key=lambda one: -one.saved_bytes_per_day)
    rows = [suggestions.row_of(cache, one, now_s) for one in made]
    if as_json:
        typer.echo(json.dumps(rows))
        if not rows:
            typer.echo(f"nightshift: no suggestions: {rules.why_none}", err=True)
        return
    print_suggestions(cache or str(trace), rows, why_none=rules.why_none)


def _capacity(text: str, trace: "Trace") -> int:
    from rl_cache.quantities import parse_size

    return parse_size(text, trace.footprint_bytes)


def _parts(files: list[Path], first_size: bool) -> tuple[list["Trace"], list["Trace"], list["Trace"]]:
    """Earlier half, third quarter, last quarter of each trace."""
    whole = [read_trace(file, first_size) for file in files]
    if short := next((one for one in whole if len(one) < _FEWEST), None):
        raise SettingsError(f"{short.origin} has {len(short)} requests; training needs at least {_FEWEST}")
    cuts = ((0, 2), (2, 3), (3, 4))
    first, second, third = ([t.part(len(t) * a // 4, len(t) * b // 4) for t in whole] for a, b in cuts)
    return first, second, third


def _generated(scale: float, rng: "Generator") -> tuple[list["Trace"], list["Trace"], list["Trace"]]:
    from dataclasses import replace

    from rl_cache.traces.generate import hep
    from rl_cache.traces.workload import WORKLOADS

    def some(each: int = 1) -> list["Trace"]:
        return [hep(replace(workload, scale=scale), rng) for workload in WORKLOADS.values() for _ in range(each)]

    return some(_TRAINED_ON), some(), some()
