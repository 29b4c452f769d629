"""A line on standard error for work whose end is not known, only where somebody looks at a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def spinner(title: str) -> Iterator[Callable[[str], None]]:
    """Begins with ``title``; call what it yields with what there is to say now."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr),
        disable=not sys.stderr.isatty(),
    ) as progress:
        task = progress.add_task(title, total=None)

        def tell(text: str) -> None:
            progress.update(task, description=text)

        yield tell
