"""What commands show on a terminal: tables, and progress on standard error."""

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from rich.table import Table


def terminal_table(*columns: str, folding: Collection[str]) -> Table:
    """A table in which a narrow terminal folds these columns, and no number or time."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column not in folding, overflow="fold" if column in folding else "ellipsis")
    return table


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
