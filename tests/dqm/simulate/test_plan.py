from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.simulate.faults import FaultKind
from dqm.simulate.plan import plan_faults
from streams.records import LumisectionKey


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 60))
def test_faults_have_targets_follow_each_other_and_lie_inside(detector, seed, count, length):
    keys = [LumisectionKey(5, ls) for ls in range(1, 241)]

    planned = plan_faults(np.random.default_rng(seed), detector.catalogues, keys, count=count, length=length)

    assert len(planned) == count
    for fault in planned:
        assert fault.targets(detector.catalogues[fault.subsystem])
        assert keys[0] <= fault.start <= fault.end <= keys[-1]
    assert all(a.end < b.start for a, b in pairwise(planned))


def test_all_kinds_are_seen_and_channels_fail_in_occupancies(detector):
    keys = [LumisectionKey(5, ls) for ls in range(1, 400)]
    planned = plan_faults(np.random.default_rng(1), detector.catalogues, keys, count=2 * len(FaultKind))

    assert sorted(f.kind for f in planned) == sorted([*FaultKind, *FaultKind])
    for fault in planned:
        occupancies = ["/occupancy" in name for name in fault.elements]
        if fault.kind in {FaultKind.DEAD, FaultKind.SWAP}:
            assert all(occupancies)
        if fault.kind in {FaultKind.SHIFT, FaultKind.GAIN}:
            assert not any(occupancies)


def test_too_many_faults_for_the_time_are_refused(detector):
    with pytest.raises(ValueError, match="at least 8"):
        plan_faults(np.random.default_rng(1), detector.catalogues, [LumisectionKey(1, n) for n in range(7)], count=4)
