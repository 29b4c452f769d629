"""Tables on a terminal, for commands that list: apart from what needs NumPy, so that these start quickly."""

from collections.abc import Collection

from rich.table import Table


def terminal_table(*columns: str, folding: Collection[str]) -> Table:
    """A table in which a narrow terminal folds these columns, and no number or time."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column not in folding, overflow="fold" if column in folding else "ellipsis")
    return table
