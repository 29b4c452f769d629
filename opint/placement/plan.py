"""A plan: the action for each replica with its reason, and the actions left out with theirs."""

import hashlib
import math
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """The action for a dataset at an RSE."""

    COPY = "copy"
    DELETE = "delete"
    KEEP = "keep"


class RefusalCause(StrEnum):
    """Why a worthwhile action is left out."""

    LOCKED = "locked"
    LAST_COPY = "last copy"
    NO_SIZE = "size not known"
    NETWORK = "network budget"
    ROOM = "no room"
    PRICE = "not worth its price"
    OTHERS = "others save more"


@dataclass(frozen=True, slots=True)
class Line:
    """One action in the week that begins on ``week``.

    ``benefit`` is in reads: savings less prices, compared with not doing it; it is negative for a deletion that makes
    room for others. ``rule`` is the Rucio rule that holds the replica, empty if unknown.
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
        """Identifier of this action on this dataset, RSE and week, the same in every plan."""
        return _id(self.week, self.action, self.dataset, self.rse)

    def as_json(self) -> dict[str, Any]:
        """All fields and the id."""
        return {"id": self.id, **asdict(self), "week": self.week.isoformat()}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An action left out; ``rse`` is empty if it could have been any."""

    week: date
    action: Action
    dataset: str
    rse: str
    why: RefusalCause
    reason: str

    @property
    def id(self) -> str:
        """Identifier of the line that it would have been."""
        return _id(self.week, self.action, self.dataset, self.rse)

    def as_json(self) -> dict[str, Any]:
        """All fields and the id."""
        return {"id": self.id, **asdict(self), "week": self.week.isoformat()}


@dataclass(frozen=True, slots=True)
class Plan:
    """All actions in the week that begins on ``week``.

    It saves ``value`` reads after prices; no plan saves more than ``bound`` (infinite if unknown). ``method`` is that
    of the solver.
    """

    week: date
    lines: tuple[Line, ...]
    refusals: tuple[Refusal, ...]
    method: str
    value: float
    bound: float

    def bytes(self, action: Action) -> int:
        """Bytes of all lines with an action."""
        return sum(line.bytes for line in self.lines if line.action is action)

    def as_json(self) -> dict[str, Any]:
        """All fields; an unknown bound is null."""
        return {
            "week": self.week.isoformat(),
            "method": self.method,
            "value": self.value,
            "bound": self.bound if math.isfinite(self.bound) else None,
            "lines": [line.as_json() for line in self.lines],
            "refusals": [refusal.as_json() for refusal in self.refusals],
        }


def _id(week: date, *parts: str) -> str:
    text = "\n".join([week.isoformat(), *parts])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
