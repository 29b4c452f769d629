"""Progress on standard error: a bar, or a line where the end is not known. Only a terminal shows them."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(title: str) -> Iterator[Callable[[str, float], None]]:
    """Show a bar; call the yielded function with the name of the present step and the share done, 0 to 1."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        disable=not sys.stderr.isatty(),
    ) as progress:
        task = progress.add_task(title, total=1.0)

        def advance(step: str, share: float) -> None:
            progress.update(task, description=f"{title}: {step}", completed=share)

        yield advance


@contextmanager
def spinner(title: str) -> Iterator[Callable[[str], None]]:
    """Show a spinner beside ``title``; call the yielded function with the text that replaces it."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr),
        disable=not sys.stderr.isatty(),
    ) as progress:
        task = progress.add_task(title, total=None)
        yield lambda text: progress.update(task, description=text)
