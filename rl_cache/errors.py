"""Faults of traces, simulations and agents.

NightshiftError
├── TraceError          a trace, or a file that should hold one, cannot be used
├── SimulationError     a capacity, watermark or policy that makes no sense
└── AgentError          a file of a trained agent cannot be used
"""

from pathlib import Path

from conf.errors import NightshiftError


class TraceError(NightshiftError):
    """A trace that cannot be used: which field, what stood there, where it comes from, what to do."""

    def __init__(self, origin: str, field: str, value: object, hint: str = "") -> None:
        """Describe the fault; a long ``value`` is cut to 120 characters."""
        shown = str(value)
        shown = shown if len(shown) <= 120 else shown[:117] + "..."
        self.origin = origin
        self.field = field
        super().__init__(f"{origin}: {field} is {shown}" + (f"; {hint}" if hint else ""))


class SimulationError(NightshiftError):
    """An argument of a simulation that makes no sense."""


class AgentError(NightshiftError):
    """A file of a trained agent, or of its training, that cannot be used."""

    def __init__(self, path: Path, fault: str) -> None:
        """Name the file and the fault."""
        super().__init__(f"{path} {fault}")
        self.path = path
