"""Limits on sizes that come from outside."""

from dataclasses import dataclass

from streams.errors import OversizeError


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a message may be; every decoder checks them before it parses or allocates.

    ``max_message_bytes`` bounds one message, or one file that is read as a whole; ``max_histograms`` the
    histograms of one message; ``max_bins`` the cells of one histogram, flow cells included.
    """

    max_message_bytes: int
    max_histograms: int
    max_bins: int

    def check_bytes(self, size: int, field: str = "message") -> None:
        """Raise OversizeError if ``size`` bytes are too many."""
        if size > self.max_message_bytes:
            raise OversizeError("too-large", field, size, f"at most {self.max_message_bytes} bytes are allowed")

    def check_histograms(self, count: int, field: str = "message") -> None:
        """Raise OversizeError if ``count`` histograms are too many."""
        if count > self.max_histograms:
            hint = f"at most {self.max_histograms} histograms are allowed"
            raise OversizeError("too-many-histograms", field, count, hint)

    def check_bins(self, cells: int, field: str) -> None:
        """Raise OversizeError if one histogram of ``cells`` cells is too large."""
        if cells > self.max_bins:
            raise OversizeError("too-many-bins", field, cells, f"at most {self.max_bins} bins are allowed")
