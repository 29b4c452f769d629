"""Settings of shifts: when they begin, or a calendar of who is on shift."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from conf.section import Section


def _times(text: str) -> str:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", part) for part in parts) or parts != sorted(set(parts)):
        raise ValueError("must be times of day HH:MM (UTC) in ascending order, separated by commas")
    return text


class ShiftSettings(Section):
    """Shifts begin at ``starts``, UTC, each day; events of ``calendar`` (iCalendar) are shifts of their own length."""

    starts: Annotated[str, AfterValidator(_times)] = "07:00, 15:00, 23:00"
    calendar: Path | None = None
