"""Silences: which hide which incidents, what one would hide, making one and ending one."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, ValidationError
from sqlalchemy import Connection

from conf.errors import NightshiftError
from conf.notifications import Matchers
from opint.incidents.operator import MOST_ACTOR
from opint.notifications.subject import Subject, Traits, active, fits, machine_mode
from opint.store import notices, silences
from opint.store import silences as stored_silences
from opint.store.silences import AlikeIncidents, StoredSilence
from opint.store.sql import storable

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
    silences = [Silence(row, frozenset(unresolved.intersection(row.incidents or ()))) for row in stored]
    return [silence for silence in silences if silence.is_running(now_s)]


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


WEEK_S = 7 * 86_400.0
LONGEST_S = 31 * 86_400.0
MOST_REASON = 2000
MOST_EXAMPLES = 20


class SilenceError(NightshiftError):
    """A silence cannot be made or ended as it was asked for."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a silence would hide."""

    now: Annotated[Sequence[int], Field(description="numbers of active incidents")]
    week: Annotated[int, Field(description="how many incidents of the past week, active ones included")]
    examples: Annotated[Sequence[int], Field(description="the newest of each place and family, newest first")]


def matchers(values: dict[str, Any]) -> Matchers:
    """Matchers of a form or a command line; raises SilenceError that names the key."""
    try:
        return Matchers.model_validate({key: value for key, value in values.items() if value})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise SilenceError(f"{fault['loc'][0]} is {str(fault['input'])[:80]!r}: {fault['msg']}") from None


def preview(tx: Connection, match: Matchers, now_s: float) -> Preview:
    """What a silence would hide now, and what it would have hidden in the past week."""
    unresolved = silences.active_alike(tx, conditions=bool(match.mode))
    ended = silences.ended_alike(tx, now_s - WEEK_S, conditions=bool(match.mode))
    present = [alike.newest for alike in unresolved if _fits(match, alike)]
    fitting = [alike for alike in ended if _fits(match, alike)]
    examples = sorted([*present, *(alike.newest for alike in fitting)], reverse=True)
    return Preview(present, len(present) + sum(alike.count for alike in fitting), examples[:MOST_EXAMPLES])


def _fits(match: Matchers, alike: AlikeIncidents) -> bool:
    mode = machine_mode(alike.dataset, {"beams_stable": alike.beams_stable, "era": alike.era})
    where = alike.subsystem, alike.element_group, alike.dataset
    return fits(match, Traits(alike.severity, alike.family, *where, mode))


def add(tx: Connection, match: Matchers, actor: str, reason: str, now_s: float, ends_s: float | None) -> int:
    """Make a silence that ends at ``ends_s``, or with the incidents that it hides now; its number.

    Raises SilenceError for one that would hide everything, has no author, reason or end, or whose incidents there are
    none of.
    """
    if match.is_empty():
        raise SilenceError("a silence without matchers would hide everything; say what it is about")
    actor, reason = actor.strip(), reason.strip()
    if not actor:
        raise SilenceError("the name of who silences is empty; give one")
    if not reason:
        raise SilenceError("the reason is empty; say why, for whoever comes next")
    if ends_s is None:
        numbers = list(preview(tx, match, now_s).now)
        if not numbers:
            raise SilenceError("no active incident fits, so there is nothing that could be resolved; give a time")
    elif not now_s < ends_s <= now_s + LONGEST_S:
        raise SilenceError(f"the end must lie ahead, at most {LONGEST_S / 86_400:.0f} days")
    else:
        numbers = None
    values = match.model_dump(mode="json", exclude_defaults=True)
    author, why = storable(actor, MOST_ACTOR), storable(reason, MOST_REASON)
    return silences.add(tx, values, numbers, author, why, now_s, ends_s)


def expire(tx: Connection, number: int, actor: str, now_s: float) -> None:
    """End a silence now: what it holds back is decided anew.

    Raises UnknownSilenceError, and SilenceError if it is over already.
    """
    stored = silences.get(tx, number)
    if not actor.strip():
        raise SilenceError("the name of who ends the silence is empty; give one")
    if all(silence.stored.id != number for silence in load(tx, now_s)):
        raise SilenceError(f"silence {stored.id} is over already")
    silences.expire(tx, number, storable(actor.strip(), MOST_ACTOR), now_s)
    notices.release_silenced(tx, number, now_s)


@dataclass(frozen=True, slots=True)
class ListedSilence:
    """A silence with what it does; ``effect`` is None for one that is over."""

    silence: Silence
    effect: Effect | None

    @property
    def stored(self) -> StoredSilence:
        """Its row."""
        return self.silence.stored

    @property
    def flags(self) -> list[str]:
        """What there is to know about it before it is forgotten."""
        if self.effect is None:
            return []
        flags = ["ends soon"] if self.effect.ends_soon else []
        if not self.effect.hidden:
            flags.append("hides nothing")
        if self.effect.new:
            flags.append(f"hides something new: {', '.join(f'incident {number}' for number in self.effect.new[:5])}")
        return flags


def listed(tx: Connection, now_s: float, most: int, *, ended: bool) -> list[ListedSilence]:
    """Silences that run, the first to end first; with ``ended``, those that are over come behind, newest first."""
    running = load(tx, now_s)
    incidents = active(tx)
    shown = [ListedSilence(silence, effect(silence, incidents, now_s)) for silence in running]
    shown.sort(key=lambda entry: entry.stored.ends_s or float("inf"))
    if ended:
        numbers = {silence.stored.id for silence in running}
        over = [row for row in silences.newest(tx, most + len(numbers)) if row.id not in numbers]
        shown += [ListedSilence(Silence(row), None) for row in over[:most]]
    return shown


def matchers_text(match: dict[str, Any]) -> str:
    """``subsystem Muon, family content or frozen``."""
    return ", ".join(f"{key} {' or '.join(patterns)}" for key, patterns in match.items())
