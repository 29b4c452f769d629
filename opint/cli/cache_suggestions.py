"""``nightshift cache suggest|watch|publish|suggestions``: rules for a cache, on trial on accesses as they come."""

import json
import os
import threading
import time
from typing import Annotated

import typer

from conf.errors import SettingsError
from opint.caches.kind import NAME
from opint.caches.suggestion_report import print_suggestions
from opint.cli.cache import FirstSize, Json, TraceFile, laboratory, read_trace
from opint.cli.cache_agents import AgentFile, Seed, Size, capacity_bytes
from opint.cli.common import AsWire, Config, Log, Wire, open_store, start
from opint.cli.terminal import bar
from streams.stopping import stop_on_signal

CacheName = Annotated[str, typer.Option("--cache", help="Name of the cache, as in `nightshift cache suggest --cache`.")]


def suggest(
    agent: AgentFile,
    trace: TraceFile,
    size: Size = "10%",
    cache: Annotated[str, typer.Option("--cache", help="Name of the cache that the suggestions are kept under.")] = "",
    rse: Annotated[
        str,
        typer.Option(
            help="RSE beside the cache: what would be pinned or fetched is to be copied there.", show_default="none"
        ),
    ] = "",
    catalogue: Annotated[str, typer.Option(help="Catalogue of the placement plan that gets the copies.")] = "datasets",
    first_size: FirstSize = False,
    seed: Seed = 0,
    as_json: Json = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Suggest refusals, quotas, pins and prefetches, each tried in shadow on the later half of the trace beside LRU.

    With --cache the store keeps them for the page Caches, in place of those suggested before, and `nightshift cache
    watch` goes on trying all but prefetches. With --rse as well, datasets that the agent would pin, and those that an
    active prefetch would fetch now, become lines of the placement plan.
    """
    with laboratory():
        import numpy as np

        from opint.caches.what_if import curve_points
        from opint.placement.storage import store_agent_lines
        from opint.store import caches, suggestions, trials
        from rl_cache.laboratory.agent import Agent
        from rl_cache.trials.prefetching import datasets_to_fetch, try_prefetching
        from rl_cache.trials.proposals import try_rules
        from rl_cache.trials.suggestions import judge_trials
    # Before any long work, so that a mistake in the settings is reported at once.
    store = open_store(start(config, log_format)) if cache else None
    if rse and not cache:
        raise SettingsError("--rse needs --cache NAME: lines of the plan are kept under the name of a cache")
    read, now_s = read_trace(trace, first_size), time.time()
    loaded, capacity = Agent.load(agent), capacity_bytes(size, read)
    rules = try_rules(read, loaded, capacity)
    rng = np.random.default_rng(seed)
    judged = judge_trials(rules.trials, rng)
    prefetching = try_prefetching(read, capacity, rng)
    suggested = [*judged, *(trial.suggestion for trial in prefetching)]
    if store is not None:
        continued = [number for number, suggestion in enumerate(judged) if not suggestion.withdrawn]
        with bar("other sizes and policies") as progress:
            points = curve_points(read, loaded, capacity, now_s, progress)
        with store.begin() as tx:
            suggestions.keep(tx, cache, suggested, now_s)
            trials.save(tx, cache, rules.trials.select(continued), now_s)
            caches.save_curves(tx, cache, points)
        if rse:
            to_fetch = datasets_to_fetch(read, prefetching, capacity)
            store_agent_lines(store, catalogue, cache, rse, judged, to_fetch, now_s)
    suggested.sort(key=lambda suggestion: -suggestion.saved_per_day)
    rows = [suggestions.row_of(cache, suggestion, now_s) for suggestion in suggested]
    if as_json:
        typer.echo(json.dumps(rows))
        if not rows:
            typer.echo(f"nightshift: no suggestions: {rules.why_none}", err=True)
        return
    print_suggestions(cache or str(trace), rows, why_none=rules.why_none)


def watch(config: Config = None, log_format: Log = None) -> None:
    """Keep trying the stored suggestions in shadow, beside LRU, on the accesses that caches report.

    They are judged anew at the end of each day; a suggestion that has done worse than LRU is withdrawn for good. Runs
    until it is stopped (SIGTERM, Ctrl-C). Killed at any moment, it resumes where it was: no access is lost or counted
    twice. With cache.watch, `nightshift run` does the same. Metrics are served at metrics.port, or at a free port where
    another process has that one.
    """
    settings = start(config, log_format)
    from opint.daemon.run import run_streams
    from opint.stream_kinds import KINDS

    with stop_on_signal() as stop:
        run_streams([KINDS[NAME]], settings, open_store(settings), stop, any_port=True)


def demo(seed: Seed = 1, config: Config = None, log_format: Log = None) -> None:
    """Simulate a cache for the demo: suggest from its past, publish accesses as they come, and keep trying."""
    settings = start(config, log_format)
    with laboratory():
        from opint.demo import cache as simulated
    from opint.daemon.run import run_streams
    from opint.stream_kinds import KINDS

    # What compiles and simulates gives way to what watches the detector.
    os.nice(10)
    store = open_store(settings)
    trace = simulated.demo_trace(seed, time.time())
    simulated.suggest(store, trace, seed, time.time())
    with stop_on_signal() as stop:
        publisher = threading.Thread(target=simulated.publish, args=(settings, trace, stop), name="publisher")
        publisher.start()
        try:
            run_streams([KINDS[NAME]], settings, store, stop, any_port=True)
        finally:
            stop.set()
            publisher.join()


def publish(
    trace: TraceFile,
    cache: CacheName,
    wire: AsWire = Wire.ARROW,
    first_size: FirstSize = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Publish the requests of a trace as the cache would report them, as fast as the broker takes them."""
    settings = start(config, log_format)
    with laboratory():
        from opint.caches.publish import publish_trace
    read = read_trace(trace, first_size)
    with stop_on_signal() as stop, bar("accesses") as progress:
        published = publish_trace(read, cache, settings, wire.content_type, stop, progress)
    typer.echo(f"published {published} accesses of {len(read)}")


def suggestions(
    cache: Annotated[str | None, typer.Option("--cache", help="Only this cache.", show_default="all")] = None,
    as_json: Json = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Show the stored suggestions, the greatest saving first, and the status of each in its trial."""
    from opint.store.suggestions import caches, of_cache, tried_through_s

    with open_store(start(config, log_format)).read() as tx:
        names = caches(tx) if cache is None else [cache]
        rows_by_cache = {name: [dict(row._mapping) for row in of_cache(tx, name)] for name in names}
        through_s = {name: tried_through_s(tx, name) for name in names}
    if as_json:
        typer.echo(json.dumps(rows_by_cache))
        return
    if not rows_by_cache:
        typer.echo("no suggestions are stored; `nightshift cache suggest --cache NAME` makes them")
    for name, rows in rows_by_cache.items():
        why_none = f"none are stored; `nightshift cache suggest --cache {name}` makes them"
        print_suggestions(name, rows, through_s[name], why_none=why_none)
