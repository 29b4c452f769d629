"""Labels kept, and verdicts held against them, by the command line."""

import json

import pytest
import yaml

from dqm.simulate.detector import stream
from streams.files.arrow_file import write_recording
from tests.opint.cli.commands import nightshift, printed, refused
from tests.small import LEVEL, keys, small_fault

BAD = range(4, 8)


@pytest.fixture(scope="module")
def site(tmp_path_factory, models, detector):
    """Settings, a recording with one fault, and its truth as labels."""
    folder = tmp_path_factory.mktemp("labels")
    lumisections = keys(14)
    simulated = stream(detector, [(key, LEVEL) for key in lumisections], [small_fault(lumisections, 4, 7)], seed=2)
    write_recording(folder / "night.arrow", (batch for lumisection in simulated for batch in lumisection.batches))
    lines = [f"{key.run},{key.ls},{'bad' if n in BAD else 'good'}\n" for n, key in enumerate(lumisections)]
    (folder / "truth.csv").write_text("run,ls,flag\n" + "".join(lines))
    (folder / "other.csv").write_text("run,ls,flag\n" + "".join(lines).replace("bad", "good", 1))
    settings = {"database": {"url": f"sqlite:///{folder / 'n.db'}"}, "dqm": {"models": str(models)}}
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    nightshift("db", "upgrade", "--config", folder / "settings.yaml")
    return folder


def test_a_fault_that_people_labelled_alarms(site):
    common = ("evaluate", site / "night.arrow", "--labels", site / "truth.csv", "--config", site / "settings.yaml")
    answers = json.loads(printed(*common, "--json"))["evaluation"]["answers"]
    assert answers["bad"] == {"alarm": 4, "suspect": 0, "GOOD": 0, "not inspected": 0}
    assert answers["good"]["alarm"] == 0
    assert sum(answers["good"].values()) == 10
    both = printed(*common, "--labels", site / "other.csv")
    assert "truth.csv, other.csv: differ in 1 of 14 lumisections" in both
    assert "no verdict can agree with both in more than 92.9%" in both


def test_labels_of_other_runs_say_so(site):
    (site / "far.csv").write_text("run,flag\n5,good\n")
    with_far = ("evaluate", site / "night.arrow", "--labels", site / "far.csv", "--config", site / "settings.yaml")
    assert "none of the 1 labelled runs of far.csv was judged" in refused(*with_far)


def test_import_list_export(site):
    common = ("--config", site / "settings.yaml")
    assert "people: 14 labels of 1 runs" in nightshift(
        "labels", "import", site / "truth.csv", "--as", "people", *common
    )
    assert "people" in nightshift("labels", "list", *common)
    nightshift("labels", "export", "people", "--out", site / "again.csv", *common)
    nightshift("labels", "import", site / "again.csv", "--as", "again", *common)
    assert printed("labels", "export", "again", *common) == printed("labels", "export", "people", *common)
    assert "no labels of 'nobody'" in refused("labels", "export", "nobody", *common)


def test_training_takes_what_people_call_good(site):
    common = ("train", "histograms", site / "night.arrow", "--labels", site / "truth.csv", "--as", "labelled")
    answer = printed(*common, "--config", site / "settings.yaml")
    assert "training: 10 lumisections of 1 runs" in answer, "the four bad ones are left out"
    assert "calibration: none" in answer
    assert "Train on several runs" in " ".join(answer.split())
    assert "no supervised head: it takes 20 bad runs" in " ".join(answer.split())
