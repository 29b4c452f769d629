"""Times for people: UTC, ISO 8601."""

from datetime import UTC, datetime


def iso(seconds: float) -> str:
    """``2024-05-03T02:11:09Z`` for seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
