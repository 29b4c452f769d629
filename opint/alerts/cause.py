"""Which fault an incident stands for, when its lumisections name more than one."""

from collections import Counter
from collections.abc import Sequence

from opint.store.incidents import NAMELESS_KINDS

NEWEST = 8
"""Newest occurrences that decide whether the fault has become another one."""

LEAST = 3
SHARE = 0.75
"""The fault is another one when so many of the newest occurrences, and this share of those that name one, agree."""


def present_kind(newest: Sequence[str], commonest: str) -> str:
    """The kind that the ``newest`` occurrences agree on; where they do not, the ``commonest`` of all.

    A guess at a single lumisection is often wrong, so that a few that differ change nothing.
    """
    named = Counter(kind for kind in newest if kind not in NAMELESS_KINDS)
    for kind, number in named.most_common(1):
        if number >= LEAST and number >= SHARE * named.total():
            return kind
    return commonest
