"""A plan: what is to be done about each replica and why, and what was left out and why."""

import hashlib
import math
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What is done about a dataset at an RSE."""

    COPY = "copy"
    DELETE = "delete"
    KEEP = "keep"


class Why(StrEnum):
    """Why something that was worth doing is not done."""

    LOCKED = "locked"
    LAST_COPY = "last copy"
    NO_SIZE = "size not known"
    NETWORK = "network budget"
    ROOM = "no room"
    PRICE = "not worth its price"
    OTHERS = "others save more"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to do in the week that begins on ``week``.

    ``benefit`` is in reads: what is saved, less the prices, against not doing it; a deletion that makes room for others
    has a negative one. ``rule`` is the Rucio rule that holds the replica, empty where not known.
    """

    week: date
    action: Action
    dataset: str
    rse: str
    bytes: int
    benefit: float
    reason: str
    rule: str = ""

    @property
    def id(self) -> str:
        """The same for the same action on the same dataset, RSE and week, in whichever plan it stands."""
        return _id(self.week, self.action, self.dataset, self.rse)

    def as_json(self) -> dict[str, Any]:
        """All fields and the id."""
        return {"id": self.id, **asdict(self), "week": self.week.isoformat()}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was left out; ``rse`` is empty where it would have been any of them."""

    week: date
    action: Action
    dataset: str
    rse: str
    why: Why
    reason: str

    @property
    def id(self) -> str:
        """That of the line that it would have been."""
        return _id(self.week, self.action, self.dataset, self.rse)

    def as_json(self) -> dict[str, Any]:
        """All fields and the id."""
        return {"id": self.id, **asdict(self), "week": self.week.isoformat()}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done in the week that begins on ``week``.

    It saves ``value`` reads, prices paid; no plan saves more than ``bound`` (infinite where that is not known).
    ``method`` says how it was found.
    """

    week: date
    lines: tuple[Line, ...]
    refusals: tuple[Refusal, ...]
    method: str
    value: float
    bound: float

    def bytes(self, action: Action) -> int:
        """Sum over the lines of an action."""
        return sum(line.bytes for line in self.lines if line.action is action)

    def as_json(self) -> dict[str, Any]:
        """Everything; a bound that is not known is null."""
        return {
            "week": self.week.isoformat(),
            "method": self.method,
            "value": self.value,
            "bound": self.bound if math.isfinite(self.bound) else None,
            "lines": [line.as_json() for line in self.lines],
            "refusals": [refusal.as_json() for refusal in self.refusals],
        }


def _id(week: date, *words: str) -> str:
    text = "\n".join([week.isoformat(), *words])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
