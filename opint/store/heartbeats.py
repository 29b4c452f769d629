"""What each daemon last said of itself: a daemon that falls silent is noticed by its age."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from sqlalchemy import Connection, select

from opint.store.sql import replacing, storable
from opint.store.tables import heartbeat

MOST_CHARACTERS = 2000
"""Longest reason that is stored."""


@dataclass(slots=True)
class Heartbeat:
    """One daemon's sign of life; counts are since its start, ``lag`` is in messages by ``topic[partition]``.

    ``histograms`` counts the rates, or the events, of a daemon that watches these.
    """

    daemon: str
    started_s: float
    at_s: float
    state: str
    detail: str = ""
    messages: int = 0
    histograms: int = 0
    lag: Mapping[str, int] = field(default_factory=dict)


def newest(tx: Connection) -> list[Heartbeat]:
    """The last sign of life of every daemon, the newest first."""
    return [Heartbeat(**row) for row in tx.execute(select(heartbeat).order_by(heartbeat.c.at_s.desc())).mappings()]


def beat(tx: Connection, sign: Heartbeat) -> None:
    """Store the sign in place of the daemon's last one."""
    # The reason may quote whatever was met outside, such as the name of a file that is no text.
    tx.execute(replacing(tx, heartbeat), asdict(sign) | {"detail": storable(sign.detail, MOST_CHARACTERS)})
