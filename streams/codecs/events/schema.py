"""What every decoded message of event features must fulfil, whatever format it came in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.codecs.checks import check_text
from streams.codecs.envelope import Place
from streams.errors import DecodeError, OversizeError
from streams.records import EventFeatures


@dataclass(frozen=True, slots=True)
class EventLimits:
    """How large a message may be, how many events it may hold, and how many features of each."""

    max_message_bytes: int
    max_events: int
    max_features: int

    def check_bytes(self, size: int) -> None:
        """Raise OversizeError if ``size`` bytes are too many."""
        if size > self.max_message_bytes:
            raise OversizeError("too-large", "message", size, f"at most {self.max_message_bytes} bytes are allowed")

    def check_events(self, events: int, features: int) -> None:
        """Raise DecodeError if there are no features, OversizeError if there are too many of either.

        A lumisection without events says for how long none was recorded.
        """
        if features < 1:
            raise DecodeError("no-features", "features", features)
        for field, count, most in (("events", events, self.max_events), ("features", features, self.max_features)):
            if count > most:
                raise OversizeError(f"too-many-{field}", field, count, f"at most {most} are allowed")


def read_events(
    place: Place, features: Sequence[object], events: npt.NDArray[np.int64], values: npt.NDArray[Any]
) -> EventFeatures:
    """Features ``values`` (n, f) of ``events`` (n,); raise DecodeError naming the event and feature that is wrong."""
    names = tuple(check_text(name, f"feature {number}") for number, name in enumerate(features))
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DecodeError("name-twice", "features", twice, "each feature has a name of its own")
    if len(events) and events.min() < 0:
        raise DecodeError("out-of-range", "event", int(events.min()), "event numbers are not negative")
    if len(np.unique(events)) != len(events):
        numbers, times = np.unique(events, return_counts=True)
        raise DecodeError("event-twice", "event", int(numbers[np.argmax(times)]), "numbers are unique within a run")
    with np.errstate(over="ignore"):
        contiguous = np.ascontiguousarray(values, dtype=np.float32)
    wrong = ~np.isfinite(contiguous)
    if wrong.any():
        row, column = (int(places[0]) for places in np.nonzero(wrong))
        hint = "features are finite float32 numbers"
        raise DecodeError("not-finite", f"event {events[row]}: {names[column]}", float(values[row, column]), hint)
    contiguous.setflags(write=False)
    return EventFeatures(place.key, place.dataset, place.conditions, names, events, contiguous)
