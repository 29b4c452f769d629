"""``nightshift demo``: everything embedded, one command."""

from pathlib import Path
from typing import Annotated

import typer

from opint.cli.common import Config, Log, start, stop_on_signal


def demo(
    folder: Annotated[Path, typer.Option(help="Where models, database and logs are kept.")] = Path("var/demo"),
    pace: Annotated[float, typer.Option(min=0.04, max=20, help="Lumisections per second.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of what is simulated, and of its faults.")] = 1,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Watch a simulated detector and trigger: broker, producers, daemon and dashboard on this machine.

    The first start trains the models on simulated good lumisections (under a minute). Then open the
    printed address: histograms, trigger rates and events arrive, faults are injected, found, named and
    explained, and the most unusual events are kept. The next start goes on where this one ends; to begin
    anew, remove the folder.
    """
    from opint.cli.progress import bar
    from opint.demo import processes as parts
    from opint.demo.models import ensure_models

    settings = start(config, log_format)
    with stop_on_signal() as stop:
        with bar("preparing") as progress:
            ensure_models(settings, folder / "models", seed, progress)
        if not stop.is_set():
            parts.run(settings, folder, pace, seed, stop, typer.echo)
