"""What operators have accepted as the new reference of an element; see :mod:`opint.store.acceptances`."""

from collections.abc import Mapping
from dataclasses import dataclass

from streams.keys import LumisectionKey


@dataclass(frozen=True, slots=True)
class AcceptedState:
    """What an operator has accepted as the new reference of an element: its state ``since`` a lumisection.

    Up to ``until``, where it was accepted, it is good whatever it looks like; what follows is judged.
    """

    since: LumisectionKey
    until: LumisectionKey


Accepted = Mapping[str, AcceptedState]
"""By element."""

LEAST_ACCEPTED = 4
"""Histograms of an accepted state that a monitoring element is judged by: sampled lumisections, or whole runs."""
