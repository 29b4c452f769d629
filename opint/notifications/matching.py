"""Whether matchers of a route or a silence fit an incident, and whether it is time for a route. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from conf.routes import MachineMode, Matchers
from opint.notifications.subject import Subject


@dataclass(frozen=True, slots=True)
class Traits:
    """What matchers look at; incidents with equal traits fit alike."""

    severity: str
    family: str
    subsystem: str
    folder: str
    dataset: str
    mode: MachineMode


def traits_of(subject: Subject) -> Traits:
    """The traits of an incident."""
    incident = subject.incident
    return Traits(
        incident.severity,
        incident.family,
        incident.subsystem,
        incident.element_group,
        incident.dataset,
        subject.mode,
    )


def fits(match: Matchers, subject: Subject) -> bool:
    """Whether all matchers that are not empty fit an incident, each by any of its patterns."""
    return fits_traits(match, traits_of(subject))


def fits_traits(match: Matchers, traits: Traits) -> bool:
    """The same of its traits."""
    return (
        (not match.severity or traits.severity in match.severity)
        and _any(match.family, traits.family)
        and _any(match.subsystem, traits.subsystem)
        and _any(match.dataset, traits.dataset)
        and (not match.folder or _any(_with_inner(match.folder), traits.folder))
        and (not match.mode or traits.mode in match.mode)
    )


def _any(patterns: Sequence[str], name: str) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _with_inner(folders: Sequence[str]) -> list[str]:
    return [pattern for folder in folders for pattern in (folder, f"{folder}/*")]


def in_hours(hours: str, at_s: float) -> bool:
    """Whether a moment (s since 1970) lies in ``HH:MM-HH:MM`` (UTC), over midnight too; an empty text is always."""
    if not hours:
        return True
    moment = datetime.fromtimestamp(at_s, UTC).strftime("%H:%M")
    first, last = hours.split("-")
    return first <= moment < last if first < last else moment >= first or moment < last


def next_start(hours: str, at_s: float) -> float:
    """When the hours begin next after ``at_s``, s since 1970."""
    moment = datetime.fromtimestamp(at_s, UTC)
    hour, minute = map(int, hours[:5].split(":"))
    start = moment.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (start if start > moment else start + timedelta(days=1)).timestamp()
