"""What a user of the simulator can get wrong."""

from conf.errors import NightshiftError


class SimulationError(NightshiftError):
    """A file that the simulator was given, or a fault that it was asked for, is unusable."""
