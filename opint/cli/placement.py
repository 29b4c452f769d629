"""``nightshift popularity plan``: what to copy to disk and what to delete from it, by the forecast of the next week."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from opint.cli.common import Config, Log, open_store, start
from opint.cli.popularity_options import (
    Catalogue,
    Conferences,
    Keep,
    LabelText,
    ModelName,
    Seed,
    TableFile,
    TrainedFile,
    load_task,
    load_trained,
    train_on_table,
    write_json,
)


def plan(
    context: typer.Context,
    table: TableFile,
    sites: Annotated[
        Path,
        typer.Option(help="RSEs: YAML, CSV or Parquet with name, kind (disk, tape), capacity_tb, free_tb, region."),
    ],
    replicas: Annotated[
        Path, typer.Option(help="Replicas: CSV or Parquet with dataset, rse, size, locked, last_read, rule_id.")
    ],
    network_tb: Annotated[float, typer.Option(min=0, help="TB that may be copied in the week.")],
    most_copies: Annotated[int, typer.Option(min=1, max=100, help="Most replicas of a dataset on disk.")] = 3,
    rules: Annotated[Path | None, typer.Option(help="Write the plan as requests to Rucio to this file (JSON).")] = None,
    account: Annotated[str, typer.Option(help="Rucio account that would own the rules.")] = "nightshift",
    scope: Annotated[str, typer.Option(help="Rucio scope of the datasets.")] = "cms",
    activity: Annotated[str, typer.Option(help="Rucio activity of the copies.")] = "Data Rebalancing",
    lifetime_weeks: Annotated[int, typer.Option(min=1, max=520, help="Lifetime of a rule in weeks.")] = 13,
    ask_approval: Annotated[bool, typer.Option(help="Whether each rule has to be approved in Rucio.")] = True,
    trained: TrainedFile = None,
    label: LabelText = "naccess > 10",
    model: ModelName = "boosting",
    conferences: Conferences = None,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, not a table.")] = False,
    keep: Keep = False,
    catalogue: Catalogue = "datasets",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Plan what to copy to disk and what to delete from it next week, with reasons. Nothing is sent anywhere.

    The plan holds the replicas that save most of the forecast reads, for their price and within the budgets. Tape and
    locked replicas stay as they are, and so does the last copy of a dataset. The table does not tell where datasets are
    read: all regions count alike. With --keep the plan appears on the page Placement, where its lines are accepted or
    rejected.
    """
    import numpy as np
    from rich.console import Console

    from conf.errors import SettingsError
    from opint.placement.decision import Budget, Prices
    from opint.placement.demand import expected_demand, region_shares
    from opint.placement.plan import dry_run
    from opint.placement.planner import make_plan
    from opint.placement.replicas import read_replicas
    from opint.placement.rules import RuleOptions, rule_requests
    from opint.placement.sites import TB, disk_names, read_sites
    from opint.placement.storage import store_plan
    from opint.popularity.forecasting import CONFIDENCE, forecast

    store = open_store(start(config, log_format)) if keep else None
    rses = read_sites(sites)
    present_replicas = read_replicas(replicas, rses)
    options = RuleOptions(account, lifetime_weeks, ask_approval, scope, activity)
    if trained is None:
        task = load_task(table, label, 1, conferences)
        trained_model = train_on_table(task, model, seed)
    else:
        task, trained_model = load_trained(context, table, trained)
    if trained_model.horizon != 1:
        raise SettingsError(
            f"{trained} forecasts {trained_model.horizon} weeks ahead; a plan is for the next week: "
            "train with --horizon 1"
        )
    history = task.history
    next_week = forecast(task, history.shape[1] - 1, trained_model, CONFIDENCE)
    probability = np.zeros(history.shape[0])
    probability[next_week.dataset] = next_week.probability
    anywhere = region_shares(np.zeros((history.shape[0], len(present_replicas.regions))))
    demand = expected_demand(history, task.label, probability, anywhere)
    planned = make_plan(
        history.weeks.start(next_week.week), present_replicas, demand, Budget(network_tb * TB, most_copies), Prices()
    )
    if store is not None:
        store_plan(store, catalogue, planned, time.time())
        store.close()
    if as_json:
        typer.echo(json.dumps(planned.as_json()))
    else:
        Console().print(dry_run(planned))
    if rules is not None:
        requests, ruleless = rule_requests(planned.lines, disk_names(rses), options)
        write_json(rules, requests)
        typer.echo(f"{rules}: {len(requests)} requests", err=as_json)
        if ruleless:
            typer.echo(f"{len(ruleless)} deletions are left out: the rules of their replicas are not known", err=True)
