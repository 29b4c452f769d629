import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.simulate.faults import Fault, FaultKind, SimulationError, active
from dqm.simulate.truth import read_faults, write_faults
from streams.records import LumisectionKey

numbers = st.integers(0, 2**40)
keys = st.lists(st.builds(LumisectionKey, numbers, numbers), min_size=2, max_size=2).map(sorted)
names = st.text(min_size=1, max_size=20)
targets = st.one_of(
    st.fixed_dictionaries({"group": names}),
    st.fixed_dictionaries({"elements": st.lists(names, min_size=1, max_size=4).map(tuple)}),
)
faults = st.builds(
    lambda kind, subsystem, severity, period, target, seed: Fault(
        kind, subsystem, severity, *period, **target, seed=seed
    ),
    st.sampled_from(list(FaultKind)),
    names,
    st.floats(0, 1, exclude_min=True),
    keys,
    targets,
    st.integers(0, 2**63),
)


@given(st.lists(faults, max_size=5))
def test_what_was_written_is_read(tmp_path_factory, planned):
    path = tmp_path_factory.mktemp("truth") / "truth.jsonl"

    write_faults(path, planned)

    assert read_faults(path) == tuple(planned)
    assert [p.name for p in path.parent.iterdir()] == ["truth.jsonl"]


def test_faults_at_a_lumisection():
    first = Fault(FaultKind.HOT, "A", 0.5, LumisectionKey(1, 5), LumisectionKey(1, 9), group="A/B")
    second = Fault(FaultKind.DEAD, "A", 0.5, LumisectionKey(1, 8), LumisectionKey(2, 1), group="A/B")
    assert active((first, second), LumisectionKey(1, 4)) == []
    assert active((first, second), LumisectionKey(1, 8)) == [first, second]
    assert active((first, second), LumisectionKey(1, 4000)) == [second]


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "{}",
        '{"kind": "dead"}',
        '{"kind":"dead","subsystem":"A","severity":7,"start":[1,1],"end":[1,2],"elements":[],"group":"g","seed":0}',
    ],
)
def test_a_line_that_is_no_fault_is_named(tmp_path, line):
    good = Fault(FaultKind.HOT, "A", 0.5, LumisectionKey(1, 5), LumisectionKey(1, 9), group="A/B")
    write_faults(tmp_path / "t", [good])
    with (tmp_path / "t").open("a") as file:
        file.write(line + "\n")

    with pytest.raises(SimulationError, match="line 2"):
        read_faults(tmp_path / "t")


def test_a_lacking_file_is_one_clear_line(tmp_path):
    with pytest.raises(SimulationError, match="cannot be read"):
        read_faults(tmp_path / "none")
