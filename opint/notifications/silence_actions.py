"""What people do with silences: look at what one would hide, make one, end one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from conf.errors import NightshiftError
from conf.notifications import Matchers
from opint.incidents.operator import MOST_ACTOR
from opint.notifications.silencing import Effect, Silence, effect, load
from opint.notifications.subject import Traits, active, fits, machine_mode
from opint.store import notices, silences
from opint.store.silences import AlikeIncidents, StoredSilence
from opint.store.sql import storable

WEEK_S = 7 * 86_400.0
LONGEST_S = 31 * 86_400.0
MOST_REASON = 2000
MOST_EXAMPLES = 20


class SilenceError(NightshiftError):
    """A silence cannot be made or ended as it was asked for."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What matchers fit: numbers of incidents that are active ``now``, and how many there were in the past ``week``.

    ``examples`` are the newest incident of each place and family, newest first.
    """

    now: Sequence[int]
    week: int
    examples: Sequence[int]


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
