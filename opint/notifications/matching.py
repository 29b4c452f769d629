"""Whether matchers of a route or a silence fit an incident, and whether it is time for a route. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from conf.routes import Matchers
from opint.notifications.subject import Subject


def fits(match: Matchers, subject: Subject) -> bool:
    """Whether all matchers that are not empty fit, each by any of its patterns."""
    incident = subject.incident
    return (
        (not match.severity or incident.severity in match.severity)
        and _any(match.family, incident.family)
        and _any(match.subsystem, incident.subsystem)
        and _any(match.dataset, incident.dataset)
        and (not match.folder or _any(_with_inner(match.folder), incident.element_group))
        and (not match.mode or subject.mode in match.mode)
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
