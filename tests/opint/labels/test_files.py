"""Files of labels: each form as it is found in the world, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opint.labels.files import as_csv, as_good_runs, as_registry_json, read_labels
from opint.labels.label import MOST_NUMBER, WHOLE_RUN, Flag, Label, LabelError, Labels
from streams.keys import LumisectionKey


@pytest.fixture
def read(tmp_path):
    def parse(text: str | bytes) -> Labels:
        file = tmp_path / "labels.txt"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_labels(file)

    return parse


def test_the_rest_of_a_certified_run_is_bad_and_other_runs_have_no_label(read):
    labels = read('{"7": [[59, 84], [90, 90]]}')
    flags = {ls: labels.flag_of(LumisectionKey(7, ls), "Muon") for ls in (1, 58, 59, 84, 85, 90, 91, 10**6)}
    assert [ls for ls, flag in flags.items() if flag is Flag.GOOD] == [59, 84, 90]
    assert labels.flag_of(LumisectionKey(8, 59), "Muon") is None
    assert labels.flag_of_run(7, "Muon") is Flag.GOOD
    assert labels.flag_of_run(8, "Muon") is None


def test_a_csv_names_lumisections_ranges_or_whole_runs(read):
    labels = read("\ufeffRun,ls,first,last,flag,subsystem,cause\n7,3,,,BAD,Muon,tripped\n7,,5,9,good,,\n8,,,,good,,\n")
    assert list(labels) == [
        Label(7, 3, 3, Flag.BAD, "Muon", "tripped"),
        Label(7, 5, 9, Flag.GOOD),
        Label(8, *WHOLE_RUN, Flag.GOOD),
    ]


def test_json_of_the_run_registry(read):
    labels = read(
        '[{"run_number": 7, "start": 1, "end": 31, "class": "Collisions", "global": "GOOD",'
        ' "tracker-pixel": {"status": "BAD", "comment": "HV off"}, "dt-dt": {"status": "STANDBY"}}]'
    )
    assert list(labels) == [Label(7, 1, 31, Flag.BAD, "tracker-pixel", "HV off"), Label(7, 1, 31, Flag.GOOD)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run,ls\n7,1\n", "no column flag"),
        ("ls,flag\n1,good\n", "no column run"),
        ("run,flag\n7,1\n", "line 2: the flag is '1'; write good or bad"),
        ("run,ls,flag\n7,-1,good\n", "line 2, ls is '-1'; a whole number"),
        ("run,ls,flag\n7,1.5,good\n", "line 2, ls is '1.5'"),
        ("run,first,last,flag\n7,9,3,bad\n", "lumisections 9 to 3 of run 7 are no range"),
        ("run,flag\n99999999999999999999,good\n", "line 2, run is"),
        ("run,flag\n7,notset\n", "labels nothing good or bad"),
        ('{"7": [[1]]}', r"run 7 has no list of \[first, last\]"),
        ('{"7": [[true, 2]]}', "run 7 is 'True'"),
        ('{"seven": [[1, 2]]}', "the key of a run is 'seven'"),
        ("[3]", "item 0 is no object"),
        ('[{"start": 1}]', "item 0, run is 'None'"),
        ("{", "line 1 is not JSON"),
        (b"\xff\xfe", "not UTF-8 text: byte 0"),
        ("", "no column run"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_its_place(read, text, message):
    with pytest.raises(LabelError, match=r"^labels.txt") as caught:
        read(text)
    assert caught.match(message)
    assert "\n" not in str(caught.value)


numbers = st.integers(0, 400)
flags = st.sampled_from(Flag)


@st.composite
def label_lists(draw):
    extents = draw(st.lists(st.tuples(st.integers(1, 5), numbers, numbers, flags, st.sampled_from(["", "Muon"]))))
    return [Label(run, min(a, b), max(a, b), flag, name) for run, a, b, flag, name in extents]


@given(label_lists())
def test_what_is_written_reads_back(tmp_path_factory, labels):
    file = tmp_path_factory.getbasetemp() / "round-trip"
    for write in (as_csv, as_registry_json):
        file.write_text(write(Labels(labels)))
        if labels:
            assert list(read_labels(file)) == sorted(labels)


@given(label_lists(), label_lists())
def test_decisions_stand_in_place_of_labels_and_nowhere_else(labels, decisions):
    settled = Labels(labels).overridden(decisions)
    for run in (1, 5):
        for ls in (0, 1, 200, 400):
            key = LumisectionKey(run, ls)
            for name in ("", "Muon"):
                last = [d for d in decisions if d.run == run and d.subsystem == name and d.first <= ls <= d.last][-1:]
                expected = last[0] if last else Labels(labels).at(key, name)
                assert getattr(settled.at(key, name), "flag", None) == getattr(expected, "flag", None)


def test_good_run_json_wants_lumisections():
    assert as_good_runs(Labels([Label(7, 59, 84, Flag.GOOD), Label(7, 85, 90, Flag.BAD)])) == '{"7": [[59, 84]]}'
    with pytest.raises(LabelError, match="run 7 is good as a whole"):
        as_good_runs(Labels([Label(7, *WHOLE_RUN, Flag.GOOD)]))


def test_numbers_have_limits():
    with pytest.raises(LabelError, match="run is 0"):
        Label(0, 1, 1, Flag.GOOD)
    with pytest.raises(LabelError, match="no range"):
        Label(1, 1, MOST_NUMBER + 1, Flag.GOOD)
