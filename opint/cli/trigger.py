"""``nightshift trigger``: emulated trigger rates, for tests and demonstrations."""

from typing import Annotated

import typer

from opint.cli.common import (
    AsWire,
    AtMost,
    ConditionsFile,
    Config,
    GoodOnly,
    Log,
    OutFile,
    Pace,
    Publish,
    Skip,
    TruthFile,
    Wire,
    start,
)
from opint.cli.simulate import deliver, one_destination

app = typer.Typer(help="Emulate trigger rates, for tests and demonstrations.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Emulate trigger rates, for tests and demonstrations."""


@app.command()
def simulate(
    conditions: ConditionsFile = None,
    good_only: GoodOnly = False,
    skip: Skip = 0,
    lumisections: AtMost = None,
    faults: Annotated[int, typer.Option(min=0, max=100, help="Faults in every 300 lumisections.")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of noise and faults.")] = 1,
    trigger_seed: Annotated[int, typer.Option(help="Seed of the trigger: its menu, prescales and drift.")] = 0,
    truth: TruthFile = None,
    out: OutFile = None,
    publish: Publish = False,
    pace: Pace = None,
    wire: AsWire = Wire.ARROW,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Emulate the rates of 40 L1 seeds and 600 HLT paths with injected faults; write or publish them.

    Rates follow pileup, and prescales the prescale column, of the conditions, which may be real. Faults hit one path,
    a seed and its paths, all rates or prescales; some rates are stuck, some missing. With the --seed and the
    conditions of `nightshift simulate`, both produce the same runs and lumisections.

    To watch rates: simulate good ones (--faults 0 --good-only --lumisections 3000 --out good.arrow), learn from them
    (`nightshift train rates good.arrow`), set rates.watch to true, start `nightshift run` and publish.
    """
    from dqm.simulate.rates import Trigger
    from opint.demo.simulation import conditions_of, faulty_rates

    one_destination(out, publish)
    settings = start(config, log_format)
    source = conditions_of(conditions, good_only, seed)
    stream = faulty_rates(Trigger.built_in(trigger_seed), source, skip, lumisections, faults, seed, truth)
    deliver(stream, "lumisections", out, settings, wire, pace)
