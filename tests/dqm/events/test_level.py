import numpy as np
import pytest

from dqm.events.level import Ladder
from streams.records import LumisectionKey


def watch(rng, hours, per_hour, events_per_s, scale=1.0, start=None):
    """Exponential surprise of mean ``scale``; the ladder and how many were kept."""
    ladder, kept_events = start or Ladder.expected(events_per_s, 600.0), 0
    for ls in range(int(hours * 3600 / 20.0)):
        surprise = (scale * rng.standard_exponential(rng.poisson(events_per_s * 20.0))).astype(np.float32)
        above = int((surprise > ladder.level(per_hour)).sum())
        ladder = ladder.after(LumisectionKey(1, ls), surprise, 20.0, above, per_hour)
        kept_events += above
    return ladder, kept_events


@pytest.mark.parametrize(("events_per_s", "scale"), [(2.0, 1.0), (200.0, 1.0), (20.0, 1.3), (20.0, 0.8)])
def test_the_declared_rate_is_held_whatever_the_event_rate_and_the_drift(rng, events_per_s, scale):
    ladder, _ = watch(rng, 6, 20.0, events_per_s, scale)
    _, kept_events = watch(rng, 20, 20.0, events_per_s, scale, ladder)
    assert abs(kept_events / 400 - 1) < 0.2, kept_events


def test_without_events_nothing_is_kept_and_calibration_says_where_to_begin():
    assert Ladder.empty().level(3.0) == float("inf")
    begin = Ladder.expected(10.0, 600.0)
    assert begin.level(3.0) == pytest.approx(np.log(10.0 * 3600 / 3.0), rel=0.02)
    assert begin.once_in_hours(begin.level(3.0)) == pytest.approx(1 / 3, rel=0.02)


def test_a_lower_declared_rate_asks_for_more_surprise(rng):
    ladder, _ = watch(rng, 2, 20.0, 20.0)
    levels = [ladder.level(per_hour) for per_hour in (1.0, 3.0, 30.0, 300.0)]
    assert levels == sorted(levels, reverse=True)
    assert len(set(levels)) == 4


def test_the_live_time_of_a_lumisection_that_comes_in_parts_counts_once(rng):
    surprise = rng.standard_exponential(1000).astype(np.float32)
    key = LumisectionKey(1, 1)
    whole = Ladder.empty().after(key, surprise, 20.0, 3, 3.0)
    parts = Ladder.empty().after(key, surprise[:300], 20.0, 1, 3.0).after(key, surprise[300:], 20.0, 2, 3.0)
    np.testing.assert_allclose(parts.counts, whole.counts)
    np.testing.assert_allclose(parts.sums, whole.sums)
    assert (parts.live_s, parts.kept_events, parts.promised) == (whole.live_s, whole.kept_events, whole.promised)


def test_more_kept_than_promised_asks_for_fewer(rng):
    ladder, _ = watch(rng, 2, 20.0, 20.0)
    too_many = ladder.after(LumisectionKey(9, 9), np.zeros(0, dtype=np.float32), 0.0, 100, 20.0)
    assert too_many.level(20.0) > ladder.level(20.0)
