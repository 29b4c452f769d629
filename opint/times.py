"""Times for people: UTC, ISO 8601."""

from datetime import UTC, datetime

_LAST_S = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


def iso(seconds: float) -> str:
    """``2024-05-03T02:11:09Z`` for seconds since 1970."""
    return _moment(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock_time(seconds: float) -> str:
    """Time of day, ``23:59:59 UTC``."""
    return _moment(seconds).strftime("%H:%M:%S UTC")


def _moment(seconds: float) -> datetime:
    """The nearest that a calendar has: times in messages are what a producer's clock says, which may be anything."""
    return datetime.fromtimestamp(min(max(seconds, 0.0), _LAST_S), UTC)
