"""In which way and where a task fails: tasks that agree in it are one case, so that one decision serves them all."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from streams.workflows import ErrorCount

Value = TypeVar("Value", int, str)

SITE_SHARE = 0.5
"""Share of the jobs with an exit code that failed at one site, from which on the site is part of the case."""


@dataclass(frozen=True, slots=True)
class ClassifiedMessage:
    """An error message of ``jobs`` jobs by the number of its class; see :class:`streams.workflows.ErrorMessage`."""

    number: int
    code: int | None
    site: str
    jobs: int


@dataclass(frozen=True, slots=True)
class BundleKey:
    """Exit code, site (empty: several) and message class (None: no message) that most failed jobs of a task have."""

    code: int
    site: str
    message_class: int | None

    @property
    def name(self) -> str:
        """The key as text that stands for it."""
        number = "-" if self.message_class is None else self.message_class
        return f"{self.code}/{number}/{self.site}"


def bundle_key(errors: Sequence[ErrorCount], messages: Iterable[ClassifiedMessage]) -> BundleKey:
    """The bundle of a task with these errors (at least one) and messages.

    The exit code is that of most failed jobs; the site is named where at least :data:`SITE_SHARE` of these failed at
    it; the message class is that of most jobs among the messages that fit both, or do not say. Ties go to the smallest.
    """
    codes, sites, classes = Counter[int](), Counter[str](), Counter[int]()
    for error in errors:
        codes[error.code] += error.jobs
    code = _most(codes)
    for error in errors:
        if error.code == code:
            sites[error.site] += error.jobs
    site = _most(sites)
    if sites[site] < SITE_SHARE * codes[code]:
        site = ""
    for message in messages:
        if message.code in (code, None) and (not site or message.site in (site, "")):
            classes[message.number] += message.jobs
    return BundleKey(code, site, _most(classes) if classes else None)


def _most(counts: Counter[Value]) -> Value:
    return min(counts, key=lambda value: (-counts[value], value))
