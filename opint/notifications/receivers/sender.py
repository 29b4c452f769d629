"""The contract of all senders, and how they say that a message did not get through."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from conf.errors import NightshiftError
from opint.notifications.content import MessageContent


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way. ``key`` is the same in all attempts; ``now_s`` is the time, s since 1970.

    ``picture`` draws the histogram of an incident as PNG for those senders that show it; None where there is none.
    """

    key: str
    content: MessageContent
    now_s: float
    picture: Callable[[int], bytes | None] = lambda _incident: None


class DeliveryError(NightshiftError):
    """The receiver did not accept a message.

    ``permanent`` says that it never will as it is; ``retry_after_s`` is how long the receiver wants to be left alone.
    """

    def __init__(self, reason: str, *, permanent: bool = False, retry_after_s: float | None = None) -> None:
        """Keep the reason, which holds no secrets."""
        super().__init__(reason)
        self.permanent = permanent
        self.retry_after_s = retry_after_s


class Sender(Protocol):
    """Sends messages to one receiver; may be used by several threads at once."""

    def send(self, outgoing: Outgoing) -> None:
        """Return once the receiver has accepted it; raises DeliveryError."""

    def close(self) -> None:
        """Give connections back."""
