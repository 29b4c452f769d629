"""Errors about access tables and forecasts.

NightshiftError
└── PopularityError
    ├── TableError          a file, a row or a column cannot be used
    └── LeakError           a feature is not known at the time of the forecast
"""

from collections.abc import Callable

from conf.errors import NightshiftError

Warn = Callable[[str], None]
"""Called with one line that says which part of a table was left out."""


class PopularityError(NightshiftError):
    """A fault of popularity or its input that a user can understand and correct."""


class TableError(PopularityError):
    """Part of an access table that cannot be used: the place, the field, its value, and what to do."""

    def __init__(self, origin: str, field: str, value: object, hint: str = "") -> None:
        """Describe the fault; a long ``value`` is cut to 120 characters."""
        text = str(value)
        text = text if len(text) <= 120 else text[:117] + "..."
        self.origin = origin
        self.field = field
        super().__init__(f"{origin}: {field} is {text}" + (f"; {hint}" if hint else ""))


class LeakError(PopularityError):
    """A feature that contains the future: it is not known when the forecast is made."""
