"""What `nightshift score` says of a recording with one known fault: for people, as JSON and as CSV."""

import csv
import json

import pytest
import yaml

from dqm.simulate.detector import stream
from streams.files.arrow_file import write_recording
from tests.opint.cli.commands import nightshift, printed, refused
from tests.small import LEVEL, keys, small_fault

FAULTY = "Muon/Part1/occupancy"


@pytest.fixture(scope="module")
def scored(tmp_path_factory, models, detector):
    """``scored(*options)``: the arguments that judge a recording whose lumisections 5 to 8 have one hot channel."""
    folder = tmp_path_factory.mktemp("score")
    expected = keys(14)
    result = stream(detector, [(key, LEVEL) for key in expected], [small_fault(expected, 4, 7)], seed=2)
    write_recording(folder / "some.arrow", (batch for item in result for batch in item.batches))
    (folder / "settings.yaml").write_text(yaml.safe_dump({"dqm": {"models": str(models)}}))
    return lambda *options: ("score", folder / "some.arrow", "--config", folder / "settings.yaml", *options)


@pytest.fixture(scope="module")
def report(scored):
    return json.loads(printed(*scored("--json")))


def test_json_names_the_elements_of_each_lumisection(report):
    rows = report["lumisections"]
    assert len(rows) == len({(row["run"], row["ls"], row["subsystem"]) for row in rows})
    bad = [row for row in rows if row["quality"] == "bad"]
    assert {row["ls"] for row in bad if row["subsystem"] == "Muon"} == {key.ls for key in keys(14)[4:8]}
    for row in bad:
        worst = row["elements"][0]
        assert (worst["quality"], worst["reason"]) == ("bad", "DEVIATES")
        assert len([item for item in row["elements"] if item["quality"] == "bad"]) == row["bad"]
    assert {row["elements"][0]["element"] for row in bad if row["subsystem"] == "Muon"} == {FAULTY}
    assert all(row["elements"] == [] for row in rows if row["quality"] == "good")
    assert any("Muon" in incident["title"] for incident in report["incidents"])


def test_csv_says_the_same_with_the_worst_element_in_its_line(scored, report):
    rows = list(csv.DictReader(printed(*scored("--csv")).splitlines()))
    assert [(int(row["run"]), int(row["ls"]), row["quality"]) for row in rows] == [
        (row["run"], row["ls"], row["quality"]) for row in report["lumisections"]
    ]
    for row, same in zip(rows, report["lumisections"], strict=True):
        assert row["worst_element"] == (same["elements"][0]["element"] if same["elements"] else "")


def test_only_problems_leaves_good_lumisections_out(scored, report):
    rows = json.loads(printed(*scored("--json", "--only-problems")))["lumisections"]
    assert rows == [row for row in report["lumisections"] if row["quality"] != "good"]


def test_people_read_which_element_is_worst_and_since_when(scored):
    first = keys(14)[4]
    lines = nightshift(*scored()).splitlines()
    worst = lines[lines.index("worst elements:") + 1]
    assert worst.startswith(f"  {FAULTY}: deviates in 4 lumisections from run {first.run} LS {first.ls}, least p ")


def test_a_program_reads_one_format_at_a_time(scored):
    assert "exclude each other" in refused(*scored("--json", "--csv"))
