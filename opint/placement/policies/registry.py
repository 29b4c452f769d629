"""All policies by name."""

from collections.abc import Mapping

from opint.placement.policies import forecast, keep_everything, lru, persistence
from opint.placement.policies.situation import Policy

POLICIES: Mapping[str, Policy] = {
    "keep_everything": keep_everything.decide,
    "lru": lru.decide,
    "persistence": persistence.decide,
    "forecast": forecast.decide,
}
"""The last one is what is suggested; the others are what it is compared with."""
