import numpy as np
import pytest

from dqm.simulate.faults import Fault, FaultKind, SimulationError, active
from streams.records import Axis, Catalogue, LumisectionKey, MonitoringElement

START, END = LumisectionKey(7, 10), LumisectionKey(7, 20)
AXES = (Axis(10, 0, 10),)
CATALOGUE = Catalogue.of([MonitoringElement(name, AXES) for name in ("A/B/x", "A/B/y", "A/BC/x", "A/B/D/z")])


def fault(**changes):
    values = {"kind": "dead", "subsystem": "A", "severity": 0.5, "start": START, "end": END, "group": "A/B"}
    return Fault(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "melted"}, "melted"),
        ({"severity": 0.0}, r"0\.0.*\(0, 1\]"),
        ({"severity": 1.01}, "1.01"),
        ({"severity": float("nan")}, "nan"),
        ({"group": ""}, "either"),
        ({"elements": ("A/B/x",)}, "either"),
        ({"end": LumisectionKey(7, 9)}, "before it starts"),
    ],
)
def test_nonsense_is_refused_at_once(changes, message):
    with pytest.raises(SimulationError, match=message):
        fault(**changes)


def test_both_ends_are_included_and_runs_order_before_lumisections():
    keys = [LumisectionKey(7, 9), START, END, LumisectionKey(7, 21), LumisectionKey(8, 12)]

    assert [bool(active([fault()], key)) for key in keys] == [False, True, True, False, False]


def test_a_group_is_a_folder_and_what_lies_below_it():
    hit = {CATALOGUE.names[row] for row in fault().targets(CATALOGUE)}

    assert hit == {"A/B/x", "A/B/y", "A/B/D/z"}


def test_elements_that_the_catalogue_lacks_are_left_alone():
    rows = fault(group="", elements=("A/B/y", "elsewhere")).targets(CATALOGUE)

    assert [CATALOGUE.names[row] for row in rows] == ["A/B/y"]


def test_part_of_the_targets_is_the_same_part_every_time():
    stuck = fault(kind="stuck", severity=0.6)

    assert len(stuck.share_of_targets(CATALOGUE)) == 2
    assert stuck.share_of_targets(CATALOGUE) == stuck.share_of_targets(CATALOGUE)
    assert fault(kind="stuck", severity=0.01).share_of_targets(CATALOGUE)
    assert fault(kind="stuck", group="none").share_of_targets(CATALOGUE) == ()


def test_chance_belongs_to_the_fault_and_to_the_element():
    draws = [f.generator(me).random() for f in (fault(), fault(seed=1)) for me in ("x", "y")]

    assert len(set(draws)) == 4
    assert fault().generator("x").random() == draws[0]


def test_every_kind_documents_itself_by_a_fault_that_can_be_made():
    assert {fault(kind=kind).kind for kind in FaultKind} == set(FaultKind)
    assert isinstance(fault(kind="dead").kind, FaultKind)
    assert isinstance(fault().generator("x"), np.random.Generator)
