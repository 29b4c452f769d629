"""What can be wrong with what a placement plan is asked to do.

NightshiftError
└── PlacementError
"""

from conf.errors import NightshiftError


class PlacementError(NightshiftError):
    """A site, a budget or a decision that cannot be used: what it is, what stood there, what to do."""
