from itertools import pairwise

import numpy as np
import pytest

from dqm.simulate.conditions import generate
from dqm.simulate.faults import SimulationError
from dqm.simulate.rate_faults import RateFault, RateFaultKind
from dqm.simulate.rate_plan import plan_faults
from dqm.simulate.rates import Trigger
from dqm.simulate.truth import read_rate_faults, write_faults
from streams.records import LumisectionKey

FIRST, LAST = LumisectionKey(1, 1), LumisectionKey(1, 9)


@pytest.fixture(scope="module")
def plan():
    good = [item for item in generate(np.random.default_rng(1), fills=1, stable=400) if item[1].beams_stable]
    planned = plan_faults(np.random.default_rng(2), Trigger.built_in(1), good, count=16, length=10)
    return [key for key, _ in good], planned


def test_a_plan_has_all_kinds_and_its_faults_do_not_overlap(plan):
    keys, planned = plan
    assert {item.kind for item in planned} == set(RateFaultKind)
    assert all(before.end < after.start for before, after in pairwise(planned))
    assert all(item.start in keys and item.end in keys for item in planned)


def test_the_truth_comes_back(plan, tmp_path):
    write_faults(tmp_path / "truth.jsonl", plan[1])
    assert read_rate_faults(tmp_path / "truth.jsonl") == tuple(plan[1])


def test_a_plan_needs_time():
    with pytest.raises(ValueError, match="at least 4"):
        plan_faults(np.random.default_rng(2), Trigger.published(1), [(FIRST, None)] * 3, count=2)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kind": "rotten"}, "allowed"),
        ({"kind": "all", "factor": 0.0}, "above 0"),
        ({"kind": "path"}, "needs elements"),
        ({"kind": "seed"}, "name of a seed"),
        ({"kind": "column"}, "prescale column"),
        ({"kind": "all", "start": LAST, "end": FIRST}, "before it starts"),
    ],
)
def test_nonsense_is_refused(wrong, says):
    with pytest.raises(SimulationError, match=says):
        RateFault(**{"start": FIRST, "end": LAST, **wrong})


@pytest.mark.parametrize("line", ["no json", '{"kind": "all"}'])
def test_a_file_that_holds_no_faults_is_refused(tmp_path, line):
    (tmp_path / "truth").write_text(line)
    with pytest.raises(SimulationError, match="line 1"):
        read_rate_faults(tmp_path / "truth")
