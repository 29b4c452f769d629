"""What a run's page says of how it was judged."""

from dqm.core.control import AlarmLevel
from opint.store import alarm_levels

RUN = 379415


def test_the_alarm_level_of_a_run_is_one_sentence(fresh, store, seed):
    assert 'id="alarm-level"' not in fresh.get(f"/runs/{RUN}").text
    with store.begin() as tx:
        alarm_levels.record(tx, seed.DATASET, RUN, seed.MODEL, AlarmLevel(0.031, 0.0425, 64), 1.0)
    page = fresh.get(f"/runs/{RUN}").text
    assert "Alarm level 0.031 in place of 0.043: learned from 64 runs that people called good." in page
