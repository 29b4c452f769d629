"""ROOT files in DQM folder layout, written here by uproot."""

from dataclasses import replace

import hist
import numpy as np
import pytest
import uproot

from streams.files import read_file
from streams.records import Axis, LumisectionKey

RUN = "DQMData/Run 355374"


def filled_1d(storage="Double"):
    h = getattr(hist.Hist.new.Reg(3, 0, 3, name="wire", label="wire"), storage)()
    return h.fill([-1, 0.5, 0.5, 2.5, 7, 8])


def filled_2d():
    h = hist.Hist.new.Reg(2, 0, 2, name="x").Reg(3, 0, 3, name="y").Double()
    return h.fill([0.5, 1.5, -1, 0.5], [2.5, 0.5, 1.0, 9.0])


@pytest.fixture
def written(tmp_path):
    """``written(name, {path: object})``: a ROOT file with these objects."""

    def write(objects, name="dqm.root"):
        path = tmp_path / name
        with uproot.recreate(path) as file:
            for where, thing in objects.items():
                file[where] = thing
        return path

    return write


def test_run_and_lumisection_folders_are_read(written, limits):
    path = written(
        {
            f"{RUN}/DT/Run summary/Digi/occupancy": filled_1d(),
            f"{RUN}/DT/Run summary/Digi/map": filled_2d(),
            f"{RUN}/CSC/Run summary/time": filled_1d(),
            f"{RUN}/DT/By Lumi Section 7-7/Digi/occupancy": filled_1d(),
        },
        "DQM_V0001_R000355374__ZeroBias__Run2022C-PromptReco-v1__DQMIO.root",
    )
    found = {(batch.key, batch.subsystem): batch for batch in read_file(path, limits)}
    whole, part = LumisectionKey(355374, 0), LumisectionKey(355374, 7)
    assert set(found) == {(whole, "DT"), (whole, "CSC"), (part, "DT")}
    dt = found[whole, "DT"]
    assert dt.dataset == "/ZeroBias/Run2022C-PromptReco-v1/DQMIO"
    assert set(dt.catalogue.names) == {"DT/Run summary/Digi/occupancy", "DT/Run summary/Digi/map"}
    assert found[part, "DT"].catalogue.names == ("DT/Digi/occupancy",)
    np.testing.assert_array_equal(found[part, "DT"].counts[0], [[2, 0, 1]])
    np.testing.assert_array_equal(found[part, "DT"].flow, [[1, 2]])
    assert found[part, "DT"].entries[0] == 6
    axis = found[part, "DT"].catalogue.elements[0].axes[0]
    assert (axis.bins, axis.lower, axis.upper, axis.edges) == (3, 0.0, 3.0, None)
    np.testing.assert_array_equal(dt.histogram("DT/Run summary/Digi/map").reshape(2, 3), [[0, 0, 1], [1, 0, 0]])
    row = dt.catalogue.index["DT/Run summary/Digi/map"]
    np.testing.assert_array_equal(dt.flow[row], [1, 1])


def test_unequal_bins_keep_their_edges(written, limits):
    h = hist.Hist.new.Var([0, 1, 5], name="x").Double().fill([0.5])
    (batch,) = read_file(written({f"{RUN}/DT/Run summary/v": h}), limits)
    assert batch.catalogue.elements[0].axes[0] == Axis(2, 0.0, 5.0, "x", edges=(0.0, 1.0, 5.0))


def test_other_objects_and_other_folders_are_left_alone(written, limits):
    path = written(
        {f"{RUN}/DT/Run summary/a": filled_1d(), f"{RUN}/DT/Run summary/note": "text", "elsewhere/b": filled_1d()}
    )
    (batch,) = read_file(path, limits)
    assert batch.catalogue.names == ("DT/Run summary/a",)


def test_a_file_without_dqm_folders_says_so(written, limits):
    (error,) = read_file(written({"a": filled_1d()}), limits)
    assert (error.reason, error.field) == ("no-histograms", "dqm.root")


def test_negative_counts_are_named_and_the_rest_is_read(written, limits):
    bad = filled_1d()
    bad.view()[1] = -2
    found = list(read_file(written({f"{RUN}/DT/Run summary/a": bad, f"{RUN}/DT/Run summary/b": filled_1d()}), limits))
    error, batch = found
    assert (error.reason, error.field) == (
        "negative-count",
        f"dqm.root {RUN}/DT/Run summary/a: DT/Run summary/a: cell 2",
    )
    assert batch.catalogue.names == ("DT/Run summary/b",)


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("DQMData/Run 1/DT/By Lumi Section 1-5", "several-lumisections"),
        ("DQMData/Run 0/DT/Run summary", "out-of-range"),
        ("DQMData/Run 1700000000/DT/Run summary", "looks-like-a-time"),
        ("DQMData/Run 1/DT/By Lumi Section 200000-200000", "looks-like-a-time"),
    ],
)
def test_folders_that_name_no_single_lumisection_are_refused(written, limits, folder, reason):
    (error,) = read_file(written({f"{folder}/a": filled_1d()}), limits)
    assert error.reason == reason


def test_limits_hold_for_each_histogram_and_for_the_file(written, limits):
    path = written({f"{RUN}/DT/Run summary/a": filled_1d(), f"{RUN}/DT/Run summary/b": filled_1d()})
    reasons = [r.reason for r in read_file(path, replace(limits, max_message_bytes=50))]
    assert reasons == ["too-large", "too-large"]
    found = list(read_file(path, replace(limits, max_histograms=1)))
    assert {getattr(record, "reason", "batch") for record in found} == {"batch", "too-many-histograms"}
