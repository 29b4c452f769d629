"""Settings of who is notified of what: matchers, and the ordered list of routes."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from conf.section import Section

MOST_PATTERNS = 100
MOST_ROUTES = 200

MachineMode = Literal["collisions", "cosmics", "no-beam", "unknown"]
"""What the machine did: stable beams, none in a dataset of cosmics, none otherwise, or nothing is known."""

Severity = Literal["warning", "critical"]


def _listed(value: Any) -> Any:
    """One value stands for a list of it."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _hours(text: str) -> str:
    if text and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError("must be HH:MM-HH:MM in UTC, such as 22:00-07:00")
    if text and text[:5] == text[6:]:
        raise ValueError("begins when it ends; leave it out for the whole day")
    return text


Pattern = Annotated[str, Field(min_length=1, max_length=600)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_listed), Field(max_length=MOST_PATTERNS)]
ReceiverName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
RouteName = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,64}$")]
Hours = Annotated[str, AfterValidator(_hours)]
ReceiverNames = Annotated[tuple[ReceiverName, ...], BeforeValidator(_listed), Field(max_length=MOST_PATTERNS)]
NotNegative = Annotated[float, Field(ge=0, le=31 * 86400)]


class Matchers(Section):
    """Which incidents are meant: all matchers that are not empty must fit, each by any of its patterns (``*``, ``?``).

    ``family``, ``subsystem``, ``folder`` and ``dataset`` are shell patterns; ``folder`` also fits the folders in it.
    """

    severity: Annotated[tuple[Severity, ...], BeforeValidator(_listed)] = ()
    family: Patterns = ()
    subsystem: Patterns = ()
    folder: Patterns = ()
    dataset: Patterns = ()
    mode: Annotated[tuple[MachineMode, ...], BeforeValidator(_listed)] = ()

    def is_empty(self) -> bool:
        """Whether every incident fits."""
        return self == Matchers()


class Route(Section):
    """One route: which incidents go to which receivers, when again, and to whom else where nobody answers.

    Times are in seconds; 0 for ``repeat_every_s`` and ``escalate_after_s`` means never.
    """

    name: RouteName
    match: Matchers = Matchers()
    hours: Hours = ""
    receivers: Annotated[ReceiverNames, Field(min_length=1)]
    group_wait_s: NotNegative = 5.0
    repeat_every_s: NotNegative = 0.0
    escalate_after_s: NotNegative = 0.0
    escalate_to: ReceiverNames = ()
    continues: bool = False
