"""What a batch job is asked for."""

from dataclasses import dataclass
from datetime import date

from opint.popularity.label import Label


@dataclass(frozen=True, slots=True)
class Asked:
    """What makes a popular week, how many weeks ahead it is forecast, and the first days of known ``conferences``."""

    label: Label
    horizon: int = 1
    conferences: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Training:
    """Which model is trained; ``trees`` of a forest or of boosting, ``workers`` that XGBoost trains in.

    There must be free slots for as many workers.
    """

    model: str
    seed: int
    trees: int = 100
    workers: int = 1
