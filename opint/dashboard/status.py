"""The one sentence at the top: what an operator who looks once must know. Pure decisions."""

from dataclasses import dataclass
from typing import Literal

from opint.store.heartbeats import Heartbeat
from opint.store.incident_pages import Incident
from opint.wording import clock_time

Level = Literal["good", "warning", "bad", "unknown"]


@dataclass(frozen=True, slots=True)
class Status:
    """``headline`` in a few words, ``more`` a sentence on it: the title of an incident that opened at ``newest_s``."""

    level: Level
    headline: str
    more: str
    newest_s: float | None = None


@dataclass(frozen=True, slots=True)
class Staleness:
    """Whether what is shown may be out of date; ``since_s`` is when news stopped, None if there never were any."""

    stale: bool
    since_s: float | None
    why: str


def staleness(daemons: list[Heartbeat], now_s: float, stale_after_s: float) -> Staleness:
    """Stale means that no running daemon was heard within ``stale_after_s``."""
    if not daemons:
        return Staleness(True, None, "No daemon has ever reported to this database.")
    last = daemons[0]
    if now_s - last.at_s > stale_after_s:
        return Staleness(True, last.at_s, f"Daemon {last.daemon} was heard last at {clock_time(last.at_s)}.")
    running = [daemon for daemon in daemons if now_s - daemon.at_s <= stale_after_s and daemon.state == "running"]
    if not running:
        return Staleness(True, last.at_s, f"Daemon {last.daemon} is {last.state}: {last.detail or 'no reason given'}.")
    return Staleness(False, last.at_s, "")


SUSPICIOUS_SHARE = 0.25
"""Share of the lumisections shown from which on warnings without an incident are themselves the headline."""


def overall(
    counts: dict[str, int],
    newest: Incident | None,
    stale: Staleness,
    *,
    judged: int,
    suspicious: int = 0,
    critical: bool = True,
) -> Status:
    """The headline. Open incidents come first; then silence; only then may anything be called good.

    ``judged`` counts the lumisections of all subsystems that the page shows, ``suspicious`` those of them with a
    warning or worse; ``critical`` says whether an open incident is.
    """
    number = counts.get("open", 0)
    if number and newest is not None:
        headline = f"{number} open incident{'s' if number > 1 else ''}"
        return Status("bad" if critical else "warning", headline, newest.title, newest.opened_s)
    if stale.stale:
        since = (
            "Nothing has been received yet" if stale.since_s is None else f"No news since {clock_time(stale.since_s)}"
        )
        return Status("unknown", since, f"{stale.why} What follows may be out of date.")
    if not judged:
        return Status("unknown", "Waiting for lumisections", "The daemon runs; nothing has been judged yet.")
    acknowledged = counts.get("acknowledged", 0)
    if acknowledged:
        return Status("warning", "No open incidents", f"{acknowledged} acknowledged and not yet resolved.")
    warned = f"{suspicious} of the {judged} lumisections shown have a warning or worse"
    if suspicious >= SUSPICIOUS_SHARE * judged:
        return Status("warning", "No open incidents, many warnings", f"{warned}: open the yellow ones below.")
    return Status(
        "good",
        "No open incidents",
        f"Data arrive and are judged; {warned}." if suspicious else "Data arrive and are judged.",
    )
