"""All commands put together, and one clear line for whatever a user can cause."""

import sys

import typer

from conf.errors import NightshiftError
from opint.cli import (
    accounts,
    actions,
    cache,
    cache_agents,
    cache_suggestions,
    certify,
    daemon,
    deadletters,
    files,
    hotline,
    incidents,
    labels,
    models,
    notify,
    popularity,
    shifts,
    silences,
    simulate,
    train,
    trigger,
    workflows,
)

app = typer.Typer(
    name="nightshift",
    help="Watch detector histograms as they stream in, and keep one honest list of what is wrong.\n\n"
    "Start with **nightshift demo**: everything embedded, one command.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_WATCH = "Watch"
_OPERATE = "Operate"
_PREPARE = "Prepare"
_CACHE = "Cache"
_DATASETS = "Datasets"

app.command(rich_help_panel=_WATCH)(daemon.demo)
app.command(rich_help_panel=_WATCH)(daemon.run)
app.command(rich_help_panel=_WATCH)(daemon.dashboard)
app.command(rich_help_panel=_WATCH)(files.score)
app.add_typer(incidents.app, name="incidents", rich_help_panel=_OPERATE)
app.add_typer(silences.app, name="silence", rich_help_panel=_OPERATE)
app.add_typer(notify.app, name="notify", rich_help_panel=_OPERATE)
app.add_typer(hotline.app, name="hotline", rich_help_panel=_OPERATE)
actions.app.command("list")(workflows.list_)
for command in (workflows.predict, workflows.publish, workflows.decide, workflows.outcome, workflows.export):
    actions.app.command()(command)
actions.app.command(hidden=True)(workflows.demo)
app.add_typer(actions.app, name="actions", rich_help_panel=_OPERATE)
app.add_typer(deadletters.app, name="deadletters", rich_help_panel=_OPERATE)
app.command(rich_help_panel=_OPERATE)(certify.certify)
app.command(rich_help_panel=_OPERATE)(labels.evaluate)
app.add_typer(labels.app, name="labels", rich_help_panel=_OPERATE)
app.command(rich_help_panel=_OPERATE)(daemon.doctor)
app.add_typer(daemon.database, name="db", rich_help_panel=_OPERATE)
app.add_typer(shifts.app, name="shift", rich_help_panel=_OPERATE)
app.add_typer(accounts.users, name="users", rich_help_panel=_OPERATE)
app.add_typer(accounts.tokens, name="tokens", rich_help_panel=_OPERATE)
app.add_typer(models.app, name="models", rich_help_panel=_PREPARE)
app.add_typer(train.app, name="train", rich_help_panel=_PREPARE)
app.command(rich_help_panel=_PREPARE)(files.replay)
app.command(rich_help_panel=_PREPARE)(simulate.simulate)
app.add_typer(trigger.app, name="trigger", rich_help_panel=_PREPARE)
cache.app.command()(cache_agents.train)
cache.app.command()(cache_agents.evaluate)
cache.app.command()(cache_agents.leaderboard)
cache.app.command("compile")(cache_agents.compile_policies)
cache.app.command()(cache_suggestions.suggest)
cache.app.command()(cache_suggestions.watch)
cache.app.command()(cache_suggestions.suggestions)
cache.app.command()(cache_suggestions.publish)
cache.app.command(hidden=True)(cache_suggestions.demo)
app.add_typer(popularity.app, name="popularity", rich_help_panel=_DATASETS)
app.add_typer(cache.app, name="cache", rich_help_panel=_CACHE)


def main() -> None:
    """Run a command; a :class:`NightshiftError` ends it with one line and exit code 1."""
    try:
        app()
    except NightshiftError as error:
        sys.stderr.write(f"nightshift: {error}\n")
        sys.exit(1)
