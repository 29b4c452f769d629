"""ROOT files in DQM folder layout, write_file here by uproot."""

from dataclasses import replace

import hist
import numpy as np
import pytest
import uproot

from conf.stream import FileSettings
from streams.errors import DecodeError
from streams.files import FileLayout, read_file
from streams.records import Axis, LumisectionKey

RUN = "DQMData/Run 355374"


def filled_1d(storage="Double"):
    h = getattr(hist.Hist.new.Reg(3, 0, 3, name="wire", label="wire"), storage)()
    return h.fill([-1, 0.5, 0.5, 2.5, 7, 8])


def filled_2d():
    h = hist.Hist.new.Reg(2, 0, 2, name="x").Reg(3, 0, 3, name="y").Double()
    return h.fill([0.5, 1.5, -1, 0.5], [2.5, 0.5, 1.0, 9.0])


@pytest.fixture
def write_file(tmp_path):
    """``write_file(name, {path: object})``: a ROOT file with these objects."""

    def write(objects, name="dqm.root"):
        path = tmp_path / name
        with uproot.recreate(path) as file:
            for where, item in objects.items():
                file[where] = item
        return path

    return write


def test_run_and_lumisection_folders_are_read(write_file, limits):
    path = write_file(
        {
            f"{RUN}/DT/Run summary/Digi/occupancy": filled_1d(),
            f"{RUN}/DT/Run summary/Digi/map": filled_2d(),
            f"{RUN}/CSC/Run summary/time": filled_1d(),
            f"{RUN}/DT/By Lumi Section 7-7/Digi/occupancy": filled_1d(),
        },
        "DQM_V0001_R000355374__ZeroBias__Run2022C-PromptReco-v1__DQMIO.root",
    )
    results = {(batch.key, batch.subsystem): batch for batch in read_file(path, limits)}
    whole, part = LumisectionKey(355374, 0), LumisectionKey(355374, 7)
    assert set(results) == {(whole, "DT"), (whole, "CSC"), (part, "DT")}
    dt = results[whole, "DT"]
    assert dt.dataset == "/ZeroBias/Run2022C-PromptReco-v1/DQMIO"
    assert set(dt.catalogue.names) == {"DT/Run summary/Digi/occupancy", "DT/Run summary/Digi/map"}
    assert results[part, "DT"].catalogue.names == ("DT/Digi/occupancy",)
    np.testing.assert_array_equal(results[part, "DT"].counts[0], [[2, 0, 1]])
    np.testing.assert_array_equal(results[part, "DT"].flow, [[1, 2]])
    assert results[part, "DT"].entries[0] == 6
    axis = results[part, "DT"].catalogue.elements[0].axes[0]
    assert (axis.bins, axis.lower, axis.upper, axis.edges) == (3, 0.0, 3.0, None)
    np.testing.assert_array_equal(dt.histogram("DT/Run summary/Digi/map").reshape(2, 3), [[0, 0, 1], [1, 0, 0]])
    row = dt.catalogue.index["DT/Run summary/Digi/map"]
    np.testing.assert_array_equal(dt.flow[row], [1, 1])


def test_unequal_bins_keep_their_edges(write_file, limits):
    h = hist.Hist.new.Var([0, 1, 5], name="x").Double().fill([0.5])
    (batch,) = read_file(write_file({f"{RUN}/DT/Run summary/v": h}), limits)
    assert batch.catalogue.elements[0].axes[0] == Axis(2, 0.0, 5.0, "x", edges=(0.0, 1.0, 5.0))


def test_texts_are_passed_over(write_file, limits):
    path = write_file({f"{RUN}/DT/Run summary/a": filled_1d(), f"{RUN}/DT/Run summary/note": "text"})
    (batch,) = read_file(path, limits)
    assert batch.catalogue.names == ("DT/Run summary/a",)


def filled_profile():
    return hist.Hist.new.Reg(3, 0, 3, name="ls").Mean().fill([0.5, 1.5], sample=[1, 2])


def filled_3d():
    return hist.Hist.new.Reg(2, 0, 1, name="x").Reg(2, 0, 1, name="y").Reg(2, 0, 1, name="z").Double()


@pytest.mark.parametrize(
    ("where", "build", "what"),
    [
        (f"{RUN}/DT/Run summary/mean_vs_ls", filled_profile, "1 TProfile"),
        (f"{RUN}/DT/Run summary/cube", filled_3d, "1 TH3D"),
        (f"{RUN}/DT/Run summary/tree", lambda: {"x": np.arange(3)}, "1 ROOT::RNTuple"),
        ("elsewhere/b", filled_1d, "1 TH1D"),
    ],
)
def test_what_is_not_read_is_named_in_one_line(write_file, limits, where, build, what):
    records = list(read_file(write_file({where: build(), f"{RUN}/DT/Run summary/a": filled_1d()}), limits))
    (batch,) = [record for record in records if not isinstance(record, DecodeError)]
    assert batch.catalogue.names == ("DT/Run summary/a",)
    (error,) = [record for record in records if isinstance(record, DecodeError)]
    assert (error.reason, error.field, error.value) == ("not-read", "dqm.root", repr(what))
    assert where in str(error)


@pytest.mark.parametrize("name", ["TEC+1: Map of hits", "a;b", "a: b;2", "T [°C]", "a  b", "a/b"])
def test_a_name_may_hold_what_uproot_gives_a_meaning(write_file, limits, name):
    path = write_file({f"{RUN}/DT/Run summary/plain": filled_1d()})
    with uproot.update(path) as file:
        uproot.writing.identify.add_to_directory(filled_1d(), name, file[f"{RUN}/DT/Run summary"], [])
    (batch,) = read_file(path, limits)
    assert set(batch.catalogue.names) == {f"DT/Run summary/{name}", "DT/Run summary/plain"}
    np.testing.assert_array_equal(batch.counts[0], [[2, 0, 1]] * 2)


def test_the_newest_cycle_counts_and_a_text_of_the_same_name_is_no_histogram(write_file, limits):
    path = write_file({f"{RUN}/DT/Run summary/a": filled_1d()})
    again = filled_1d().fill([1.5])
    with uproot.update(path) as file:
        file[f"{RUN}/DT/Run summary/a"] = again
        file[f"{RUN}/DT/Run summary/a"] = "text"
    (batch,) = read_file(path, limits)
    np.testing.assert_array_equal(batch.counts[0], [[2, 1, 1]])


def labelled(texts, numbers):
    """A TH1D of three bins whose labels stand in this order, each with the number of its bin."""
    labels = [uproot.writing.identify.to_TObjString(text) for text in texts]
    for label, number in zip(labels, numbers, strict=True):
        label._bases[0]._members["@fUniqueID"] = number
    axis = uproot.writing.identify.to_TAxis(
        "xaxis", "wire", 3, 0.0, 3.0, fLabels=uproot.writing.identify.to_THashList(labels)
    )
    cells = np.array([0.0, 1.0, 2.0, 3.0, 0.0])
    return uproot.writing.identify.to_TH1x("order", "", cells, 6.0, 6.0, 6.0, 6.0, 6.0, np.empty(0), axis)


@pytest.mark.parametrize(
    ("texts", "numbers", "categories"),
    [
        ("abc", (1, 2, 3), ("a", "b", "c")),
        ("cab", (3, 1, 2), ("a", "b", "c")),
        ("abc", (0, 0, 0), ("a", "b", "c")),
        ("ab", (1, 3), None),
        ("aab", (1, 2, 3), None),
    ],
)
def test_labels_belong_to_the_bins_whose_numbers_they_have(write_file, limits, texts, numbers, categories):
    (batch,) = read_file(write_file({f"{RUN}/DT/Run summary/order": labelled(texts, numbers)}), limits)
    assert batch.catalogue.elements[0].axes[0].categories == categories
    np.testing.assert_array_equal(batch.counts[0], [[1, 2, 3]])


@pytest.mark.parametrize(
    ("title", "shown"),
    [("time [\u00a0ns]", "time [ ns]"), ("time\n[ns]", "time [ns]"), ("T [\udcb0C]", "T [°C]")],
)
def test_an_odd_axis_title_loses_no_counts(write_file, limits, title, shown):
    h = hist.Hist.new.Reg(3, 0, 3, name="x", label=title).Double().fill([0.5, 0.5, 2.5])
    (batch,) = read_file(write_file({f"{RUN}/DT/Run summary/a": h}), limits)
    np.testing.assert_array_equal(batch.counts[0], [[2, 0, 1]])
    assert batch.catalogue.elements[0].axes[0].label == shown


def test_whole_numbers_that_float32_cannot_hold_are_kept_to_the_last(write_file, limits):
    h = hist.Hist.new.Reg(3, 0, 3, name="x").Double()
    h.view()[:] = 16777217, 33554433, 5
    (batch,) = read_file(write_file({f"{RUN}/DT/Run summary/big": h}), limits)
    assert batch.histogram("DT/Run summary/big").tolist() == [16777217, 33554433, 5]


def test_what_is_no_root_file_says_how_it_begins(tmp_path, limits):
    (tmp_path / "page.root").write_text("<html>not found</html>")
    (error,) = read_file(tmp_path / "page.root", limits)
    assert str(error) == "bad-root: page.root is b'<htm'; a ROOT file begins with b'root'"


def test_per_lumisection_trees_say_what_they_are(write_file, limits):
    path = write_file({"Indices": {"Run": np.arange(3)}, "TH1Fs": {"x": np.arange(3)}}, "nano.root")
    (error,) = read_file(path, limits)
    assert (error.reason, error.value) == ("no-histograms", "'DQMIO'")
    assert "harvest" in str(error)


def test_folders_and_names_of_a_site_are_read_as_the_settings_say(write_file, limits):
    path = write_file({"run7/ls3/Muon/time/drift": filled_1d(), "run7/ls4/Muon/time/drift": filled_1d()})
    layout = FileLayout.of(FileSettings(dataset="/Mine/2026/DQM", root_path="run{run}/ls{ls}/{subsystem}/{me}"))
    first, second = read_file(path, limits, layout)
    assert (first.key, second.key) == (LumisectionKey(7, 3), LumisectionKey(7, 4))
    assert (first.dataset, first.subsystem, first.catalogue.names) == ("/Mine/2026/DQM", "Muon", ("Muon/time/drift",))


def test_what_the_paths_do_not_say_the_name_of_the_file_may(write_file, limits):
    settings = FileSettings(subsystem="Pixel", root_path="{me}", root_file="monitor_*_{run}.root")
    (batch,) = read_file(
        write_file({"layer1/charge": filled_1d()}, "monitor_v2_42.root"), limits, FileLayout.of(settings)
    )
    assert (batch.key, batch.catalogue.names) == (LumisectionKey(42, 0), ("Pixel/layer1/charge",))
    (error,) = read_file(write_file({"a": filled_1d()}, "other.root"), limits, FileLayout.of(settings))
    assert error.reason == "no-histograms"


def test_a_file_without_dqm_folders_says_so(write_file, limits):
    (error,) = read_file(write_file({"a": filled_1d()}), limits)
    assert (error.reason, error.field) == ("no-histograms", "dqm.root")


def test_negative_counts_are_named_and_the_rest_is_read(write_file, limits):
    bad = filled_1d()
    bad.view()[1] = -2
    file = list(read_file(write_file({f"{RUN}/DT/Run summary/a": bad, f"{RUN}/DT/Run summary/b": filled_1d()}), limits))
    error, batch = file
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
def test_folders_that_name_no_single_lumisection_are_refused(write_file, limits, folder, reason):
    (error,) = read_file(write_file({f"{folder}/a": filled_1d()}), limits)
    assert error.reason == reason


def test_limits_hold_for_each_histogram_and_for_the_file(write_file, limits):
    path = write_file({f"{RUN}/DT/Run summary/a": filled_1d(), f"{RUN}/DT/Run summary/b": filled_1d()})
    reasons = [r.reason for r in read_file(path, replace(limits, max_message_bytes=50))]
    assert reasons == ["too-large", "too-large"]
    file = list(read_file(path, replace(limits, max_histograms=1)))
    assert {getattr(record, "reason", "batch") for record in file} == {"batch", "too-many-histograms"}
