"""What can be wrong with access tables, or with what is asked of a forecast.

NightshiftError
└── PopularityError
    ├── TableError          a file, a row or a column cannot be used
    └── LeakError           a feature is not known at the time of the forecast
"""

from collections.abc import Callable

from conf.errors import NightshiftError

Warn = Callable[[str], None]
"""Hears, in one line, what of a table was left out."""


class PopularityError(NightshiftError):
    """Something about popularity that a user can cause, meet or mend."""


class TableError(PopularityError):
    """Part of an access table that cannot be used: where it is, which field, what stood there, what to do."""

    def __init__(self, origin: str, field: str, value: object, hint: str = "") -> None:
        """Describe the fault; a long ``value`` is cut to 120 characters."""
        shown = str(value)
        shown = shown if len(shown) <= 120 else shown[:117] + "..."
        self.origin = origin
        self.field = field
        super().__init__(f"{origin}: {field} is {shown}" + (f"; {hint}" if hint else ""))


class LeakError(PopularityError):
    """A feature that would tell the future: nobody knows it when the forecast is made."""
