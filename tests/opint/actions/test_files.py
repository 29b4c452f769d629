"""Decided cases survive their file, and a line that cannot be read is named while the others are."""

import json
from itertools import islice

import numpy as np
import pytest

from opint.actions.action import ActionsError, DecidedCase, RecoveryAction
from opint.actions.files import UnreadLine, case_line, read_cases, write_cases
from opint.actions.simulation.history import simulate_history


def first_cases(count):
    history = simulate_history(np.random.default_rng(4), count, 3)
    return [simulated.case for simulated in islice(history, count)]


def test_cases_survive_their_file(tmp_path):
    cases = first_cases(50)
    cases.append(DecidedCase(cases[0].failures, RecoveryAction("clone", cores=8), None))
    assert write_cases(cases, tmp_path / "cases.jsonl") == 51
    assert list(read_cases(tmp_path / "cases.jsonl")) == cases


def _changed(**fields):
    line = json.loads(case_line(first_cases(1)[0]))
    (value,) = line.values()
    value.update(fields)
    return json.dumps({task: {k: v for k, v in each.items() if v is not None} for task, each in line.items()})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "not JSON"),
        ("[1]", "single task"),
        ('{"a": 1}', "single task"),
        (_changed(time=None), "time is missing"),
        (_changed(errors=None), "errors"),
        (_changed(errors={"good_sites": {"8021": {"T2_IT_Rome": -3}}}), "-3"),
        (_changed(parameters=None), "parameters are missing"),
        (_changed(parameters={"action": "pray"}), "action is 'pray'"),
        (_changed(parameters={"action": ["acdc"]}), "action is"),
        (_changed(parameters={"action": "acdc", "memory": "1T"}), "memory is '1T'"),
        (_changed(parameters={"action": "acdc", "sites": "T2_IT_Rome"}), "parameters: sites is"),
        (_changed(parameters={"action": "acdc", "sites": ["T2"] * 201}), "parameters: sites has 201 sites"),
        (_changed(parameters={"action": "acdc", "cores": 0}), "cores is 0"),
        (_changed(succeeded="yes"), "succeeded"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_the_next_is_read(tmp_path, line, reason):
    good = first_cases(1)[0]
    path = tmp_path / "cases.jsonl"
    path.write_bytes(line.encode() + b"\n\n" + case_line(good))
    unread, case = read_cases(path)
    assert isinstance(unread, UnreadLine)
    assert unread.place == f"{path}:1"
    assert reason in unread.reason
    assert case == good


def test_a_file_that_is_not_there_is_no_stack_trace(tmp_path):
    with pytest.raises(ActionsError, match="no_such_file cannot be read: No such file"):
        list(read_cases(tmp_path / "no_such_file"))
    with pytest.raises(ActionsError, match="cannot be written"):
        write_cases([], tmp_path / "absent" / "cases.jsonl")
