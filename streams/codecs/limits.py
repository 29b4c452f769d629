"""How large messages from outside may be."""

from dataclasses import dataclass

from streams.errors import OversizeError


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """How large a message may be; every decoder checks its limits before it parses or allocates."""

    max_message_bytes: int

    def check_bytes(self, size: int, field: str = "message") -> None:
        """Raise OversizeError if ``size`` bytes are too many."""
        check_most(size, self.max_message_bytes, "too-large", field, "bytes")


def check_most(count: int, most: int, reason: str, field: str, unit: str) -> None:
    """Raise OversizeError of this ``reason`` if ``count`` is above ``most``."""
    if count > most:
        raise OversizeError(reason, field, count, f"at most {most} {unit} are allowed")


@dataclass(frozen=True, slots=True)
class Limits(MessageLimits):
    """How large a message of histograms may be.

    ``max_message_bytes`` bounds one message, or one file that is read as a whole; ``max_histograms`` the
    histograms of one message; ``max_bins`` the cells of one histogram, flow cells included.
    """

    max_histograms: int
    max_bins: int

    def check_histograms(self, count: int, field: str = "message") -> None:
        """Raise OversizeError if ``count`` histograms are too many."""
        check_most(count, self.max_histograms, "too-many-histograms", field, "histograms")

    def check_bins(self, cells: int, field: str) -> None:
        """Raise OversizeError if one histogram of ``cells`` cells is too large."""
        check_most(cells, self.max_bins, "too-many-bins", field, "bins")
