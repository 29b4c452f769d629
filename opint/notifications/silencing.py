"""Which silences hide which incidents, and what each silence does."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection

from conf.notifications import Matchers
from opint.notifications.subject import Subject, active, fits
from opint.store import silences as stored_silences
from opint.store.silences import StoredSilence

ENDS_SOON_S = 3600.0
"""A silence that ends within this time is listed as ending soon."""


@dataclass(frozen=True)
class Silence:
    """A stored silence; one without a time ends when all of its incidents are resolved (``unresolved`` are not)."""

    stored: StoredSilence
    unresolved: frozenset[int] = frozenset()

    @cached_property
    def match(self) -> Matchers:
        """Its matchers."""
        return Matchers.model_validate(self.stored.match)

    def is_running(self, now_s: float) -> bool:
        """Whether it hides anything that fits."""
        if self.stored.expired_s is not None:
            return False
        return bool(self.unresolved) if self.stored.ends_s is None else now_s < self.stored.ends_s

    def hides(self, subject: Subject, now_s: float) -> bool:
        """Whether it hides the incident; one without a time hides those alone that there were when it was made."""
        if not self.is_running(now_s):
            return False
        numbers = self.stored.incidents
        return subject.incident.id in numbers if numbers is not None else fits(self.match, subject.traits)

    def end(self, now_s: float) -> str:
        """When it ends, or that it has, in words."""
        if self.stored.expired_s is not None:
            return f"ended by {self.stored.expired_by}"
        if not self.is_running(now_s):
            return "over"
        return "until resolved" if self.stored.ends_s is None else "running"


def load(tx: Connection, now_s: float) -> list[Silence]:
    """Silences that hide what fits."""
    stored = stored_silences.running(tx, now_s)
    numbers = sorted({number for row in stored for number in row.incidents or ()})
    unresolved = stored_silences.unresolved(tx, numbers) if numbers else set()
    made = [Silence(row, frozenset(unresolved.intersection(row.incidents or ()))) for row in stored]
    return [silence for silence in made if silence.is_running(now_s)]


def hiding(silences: Iterable[Silence], subject: Subject, now_s: float) -> Silence | None:
    """The silence that hides an incident longest; None if none does."""
    there = [silence for silence in silences if silence.hides(subject, now_s)]
    return max(there, key=lambda silence: (silence.stored.ends_s or float("inf"), silence.stored.id), default=None)


def hidden_incidents(tx: Connection, now_s: float) -> dict[int, int]:
    """By active incident that is silenced, the number of the silence that hides it longest."""
    running = load(tx, now_s)
    if not running:
        return {}
    hidden = {subject.incident.id: hiding(running, subject, now_s) for subject in active(tx)}
    return {number: silence.stored.id for number, silence in hidden.items() if silence is not None}


@dataclass(frozen=True, slots=True)
class Effect:
    """What a running silence does to active incidents.

    ``hidden`` are the numbers of those that it hides, ``new`` of those among them that opened since it was made.
    """

    hidden: Sequence[int]
    new: Sequence[int]
    ends_soon: bool


def effect(silence: Silence, unresolved: Collection[Subject], now_s: float) -> Effect:
    """What a silence does to the incidents that are not resolved."""
    hidden = [subject.incident for subject in unresolved if silence.hides(subject, now_s)]
    ends_s = silence.stored.ends_s
    return Effect(
        hidden=[incident.id for incident in hidden],
        new=[incident.id for incident in hidden if incident.opened_s > silence.stored.created_s],
        ends_soon=silence.is_running(now_s) and ends_s is not None and ends_s - now_s <= ENDS_SOON_S,
    )
