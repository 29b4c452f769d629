"""UHI JSON: what hist and boost-histogram write is read, what is not UHI is refused."""

import copy
import json

import hist
import numpy as np
import pytest
import uhi.io.json
from uhi.schema import validate

from streams.codecs import Limits
from streams.codecs.histograms import json as uhi_encode
from streams.codecs.histograms import json as uhi_json
from streams.errors import DecodeError, OversizeError
from streams.records import Axis, Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement

LIMITS = Limits(1 << 20, 100, 1000)
HEAD = {
    "uhi_schema": 1,
    "axes": [],
    "storage": {"type": "double"},
    "metadata": {"run": 355374, "ls": 59, "dataset": "/A/B/C", "subsystem": "DT", "pileup": 33.5, "dcs/DT": True},
}


def regular(bins=2, under=True, over=True):
    return {
        "type": "regular",
        "lower": 0,
        "upper": 1,
        "bins": bins,
        "underflow": under,
        "overflow": over,
        "circular": False,
    }


def plain(values, axes=None, kind="int", **more):
    return {"uhi_schema": 1, "axes": axes or [regular()], "storage": {"type": kind, "values": values, **more}}


def dumps(histograms, head=HEAD):
    return json.dumps({"lumisection": head, **histograms}, default=uhi.io.json.default).encode()


def decode(histograms):
    return uhi_json.decode(dumps(histograms), LIMITS)


def refusal(raw, limits=LIMITS):
    with pytest.raises(DecodeError) as caught:
        uhi_json.decode(raw, limits)
    return caught.value


@pytest.mark.parametrize("storage", ["Double", "Int64", "Unlimited", "Weight"])
def test_a_histogram_of_hist_is_read_whatever_its_storage(storage):
    h = getattr(hist.Hist.new.Reg(4, 0, 8, name="t", label="time [ns]"), storage)()
    h.fill([-1, 1, 1, 3, 7, 9, 10])
    batch = decode({"DT/time": h})
    assert batch.catalogue.elements == (MonitoringElement("DT/time", (Axis(4, 0.0, 8.0, "time [ns]"),)),)
    np.testing.assert_array_equal(batch.histogram("DT/time"), [2, 1, 0, 1])
    assert batch.counts[0].dtype == (np.int64 if storage == "Int64" else np.float32)
    np.testing.assert_array_equal(batch.flow, [[1, 2]])
    assert batch.entries[0] == 7
    assert batch.key == LumisectionKey(355374, 59)
    assert batch.conditions == Conditions(pileup=33.5, dcs={"DT": True})


def test_every_kind_of_axis_is_read():
    h = {
        "variable": hist.Hist.new.Var([0, 1, 5], name="x").Int64(),
        "text": hist.Hist.new.StrCat(["a", "b"]).Int64(),
        "whole": hist.Hist.new.IntCat([3, 7]).Int64(),
        "bool": hist.Hist.new.Bool().Int64(),
        "integer": hist.Hist.new.Int(0, 2).Int64(),
        "circular": hist.Hist.new.Reg(2, 0, 1, circular=True).Int64(),
    }
    results = {me.name: me.axes[0] for me in decode(h).catalogue.elements}
    assert results["variable"] == Axis(2, 0.0, 5.0, "x", edges=(0.0, 1.0, 5.0))
    assert results["text"].categories == ("a", "b")
    assert results["whole"].categories == ("3", "7")
    assert results["bool"].categories == ("False", "True")
    assert (results["integer"].bins, results["integer"].lower, results["integer"].upper) == (2, 0.0, 2.0)
    assert results["circular"].bins == 2


def test_a_map_keeps_its_orientation_and_its_margins_apart():
    h = hist.Hist.new.Reg(2, 0, 2, name="x").Reg(3, 0, 3, name="y").Double()
    h.fill(x=[0.5, 1.5, 1.5, -1, 5, 0.5, -1], y=[2.5, 0.5, 0.5, 1, 1, 9, 9])
    batch = decode({"map": h})
    np.testing.assert_array_equal(batch.histogram("map").reshape(2, 3), [[0, 0, 1], [2, 0, 0]])
    # Below on x counts as below although it is above on y.
    np.testing.assert_array_equal(batch.flow, [[2, 2]])
    assert batch.entries[0] == 7


def test_like_shapes_with_unlike_flow_cells_share_a_matrix():
    batch = decode({"b": plain([1, 2, 3, 4]), "a": plain([7, 8], [regular(2, under=False, over=False)])})
    np.testing.assert_array_equal(batch.counts[0], [[7, 8], [2, 3]])
    np.testing.assert_array_equal(batch.flow, [[0, 0], [1, 4]])


def test_integers_and_floats_in_one_message_become_floats():
    batch = decode({"a": plain([0, 1, 2, 0]), "b": plain([0, 1.5, 2, 0], kind="double")})
    assert batch.counts[0].dtype == np.float32
    np.testing.assert_array_equal(batch.counts[0], [[1, 2], [1.5, 2]])


def test_whole_floats_are_integers_as_in_json_schema():
    batch = decode({"a": plain([0, 1.0, 2, 0])})
    assert batch.counts[0].dtype == np.int64


def test_entries_may_be_given():
    batch = decode({"a": plain([0, 1, 2, 0]) | {"metadata": {"entries": 99}}})
    assert batch.entries[0] == 99


def test_what_is_written_is_valid_uhi():
    axes = (Axis(2, 0.0, 1.0, "x"), Axis(2, 0.0, 2.0, categories=("a", "b")))
    catalogue = Catalogue.of(
        [MonitoringElement("m", axes), MonitoringElement("v", (Axis(1, 0.0, 3.0, edges=(0.0, 3.0)),))]
    )
    batch = HistogramBatch(
        LumisectionKey(1, 2),
        "/A/B/C",
        "DT",
        Conditions(fill=3, beams_stable=True),
        catalogue,
        (np.ones((1, 1), np.int64), np.ones((1, 4), np.int64)),
        np.array([[1.0, 2.0], [3.0, 4.0]]),
        np.array([5.0, 6.0]),
    )
    output = json.loads(uhi_encode.encode(batch))
    validate(output)
    assert output["lumisection"]["metadata"]["run"] == 1


def test_counts_below_categories_are_not_encoded():
    catalogue = Catalogue.of([MonitoringElement("c", (Axis(1, 0.0, 1.0, categories=("a",)),))])
    counts = (np.ones((1, 1), np.int64),)
    batch = HistogramBatch(LumisectionKey(1, 1), "d", "s", Conditions(), catalogue, counts, np.ones((1, 2)), np.ones(1))
    with pytest.raises(ValueError, match="no cell below"):
        uhi_encode.encode(batch)


def damaged(change):
    """A valid message of one histogram ``a`` after ``change`` was made to it."""
    histogram = copy.deepcopy(plain([0, 1, 2, 0]))
    change(histogram)
    return dumps({"a": histogram})


BAD = {
    "no schema version": (lambda h: h.pop("uhi_schema"), "not-uhi"),
    "another schema version": (lambda h: h.update(uhi_schema=2), "not-uhi"),
    "true for one": (lambda h: h.update(uhi_schema=True), "not-uhi"),
    "an extra key": (lambda h: h.update(extra=1), "not-uhi"),
    "no axes": (lambda h: h.pop("axes"), "not-uhi"),
    "axes of nothing": (lambda h: h.update(axes=[]), "too-many-dimensions"),
    "three axes": (lambda h: h.update(axes=[regular()] * 3), "too-many-dimensions"),
    "an unknown axis": (lambda h: h["axes"][0].update(type="polar"), "not-uhi"),
    "one for true": (lambda h: h["axes"][0].update(underflow=1), "not-uhi"),
    "negative bins": (lambda h: h["axes"][0].update(bins=-2), "not-uhi"),
    "a range turned round": (lambda h: h["axes"][0].update(lower=2), "bad-axis"),
    "no storage": (lambda h: h.pop("storage"), "not-uhi"),
    "a storage that is none": (lambda h: h.update(storage=[1, 2]), "not-uhi"),
    "an unknown storage": (lambda h: h["storage"].update(type="list"), "not-uhi"),
    "a storage of means": (lambda h: h["storage"].update(type="mean"), "unsupported-storage"),
    "an empty storage": (lambda h: h["storage"].pop("values"), "unsupported-storage"),
    "a sparse storage": (lambda h: h["storage"].update(index=[[0]]), "unsupported-storage"),
    "weights without variances": (lambda h: h["storage"].update(type="weighted"), "unsupported-storage"),
    "a path to values": (lambda h: h["storage"].update(values="../x"), "unsupported-storage"),
    "null for values": (lambda h: h["storage"].update(values=None), "not-uhi"),
    "too few values": (lambda h: h["storage"].update(values=[1, 2]), "wrong-bin-count"),
    "too many values": (lambda h: h["storage"].update(values=[1] * 5), "wrong-bin-count"),
    "nested values": (lambda h: h["storage"].update(values=[[1], [2], [3], [4]]), "not-uhi"),
    "null among values": (lambda h: h["storage"].update(values=[1, None, 3, 4]), "not-uhi"),
    "true among values": (lambda h: h["storage"].update(values=[1, True, 3, 4]), "not-uhi"),
    "true among reals": (lambda h: h["storage"].update(type="double", values=[1, True, 3, 4]), "not-uhi"),
    "text among values": (lambda h: h["storage"].update(values=[1, "2", 3, 4]), "not-uhi"),
    "half an integer": (lambda h: h["storage"].update(values=[1, 2.5, 3, 4]), "not-uhi"),
    "an integer of 65 bits": (lambda h: h["storage"].update(values=[1, 2**64 - 1, 3, 4]), "count-too-large"),
    "negative counts": (lambda h: h["storage"].update(values=[1, -2, 3, 4]), "negative-count"),
    "negative flow": (lambda h: h["storage"].update(values=[-1, 2, 3, 4]), "negative-count"),
    "entries that are none": (lambda h: h.update(metadata={"entries": "many"}), "wrong-type"),
    "negative entries": (lambda h: h.update(metadata={"entries": -1}), "negative-count"),
    "metadata that are none": (lambda h: h.update(metadata=[1]), "not-uhi"),
    "nested metadata": (lambda h: h.update(metadata={"a": {}}), "not-uhi"),
}


@pytest.mark.parametrize(("change", "reason"), BAD.values(), ids=BAD)
def test_a_bad_histogram_is_refused_by_name(change, reason):
    error = refusal(damaged(change))
    assert error.reason == reason
    assert error.field.startswith("a")


@pytest.mark.parametrize(("change", "reason"), BAD.values(), ids=BAD)
def test_a_bad_histogram_is_refused_when_its_good_form_is_remembered(change, reason):
    uhi_json.decode(damaged(lambda _: None), LIMITS)
    assert refusal(damaged(change)).reason == reason


def test_an_escape_hides_no_boolean():
    raw = dumps({"a": plain([0, True, 2, 0]), "true": plain([0, 1, 2, 0])}).replace(b'"true"', b'"tr\\u0075e"')
    batch = uhi_json.decode(raw, LIMITS)
    assert batch.catalogue.names == ("true",)
    assert [error.field for error in batch.unread] == ["a: values"]


def test_variances_are_looked_at():
    error = refusal(dumps({"a": plain([0, 1, 2, 0], kind="weighted", variances=[0, 1, "x", 0])}))
    assert (error.reason, error.field) == ("not-uhi", "a: values")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "bad-json"),
        (b"{", "bad-json"),
        (b'{"a": NaN}', "missing-envelope"),
        (b"\xff\xfe", "not-utf8"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"[]", "not-uhi"),
        (b'"text"', "not-uhi"),
        (b"null", "not-uhi"),
        (json.dumps(plain([0, 1, 2, 0])).encode(), "not-uhi"),
        (b"{}", "missing-envelope"),
        (b'{"lumisection": 5}', "not-uhi"),
        (b"[" * 100_000, "bad-json"),
    ],
)
def test_what_is_no_map_of_histograms_is_refused(raw, reason):
    assert refusal(raw).reason == reason


@pytest.mark.parametrize(("missing", "reason"), [("run", "missing-run"), ("ls", "missing-ls")])
def test_run_and_lumisection_are_needed(missing, reason):
    head = copy.deepcopy(HEAD)
    del head["metadata"][missing]
    error = refusal(dumps({"a": plain([0, 1, 2, 0])}, head))
    assert (error.reason, error.field) == (reason, missing)


def test_a_message_without_histograms_is_refused():
    assert refusal(dumps({})).reason == "no-histograms"


MEAN = plain([0.0, 1.5, 0.0, 0.0], kind="mean", counts=[0.0, 2.0, 0.0, 0.0], variances=[0.0, 0.5, float("nan"), 0.0])
UNREADABLE = {
    "an axis that has not grown": (plain([], [{"type": "category_str", "categories": [], "flow": False}]), "no-bins"),
    "means, whose variances are NaN": (MEAN, "unsupported-storage"),
    "three axes": (plain([], [regular()] * 3), "too-many-dimensions"),
    "too few values": (plain([1, 2]), "wrong-bin-count"),
    "NaN among counts": (plain([0, float("nan"), 1, 0], kind="double"), "not-uhi"),
    "infinity among counts": (plain([0, float("inf"), 1, 0], kind="double"), "not-uhi"),
    "a range turned round": (plain([0, 1, 2, 0], [regular() | {"lower": 2}]), "bad-axis"),
    "no histogram": ("text", "not-uhi"),
}


@pytest.mark.parametrize(("bad", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_histogram_that_cannot_be_read_does_not_take_the_others_with_it(bad, reason):
    batch = decode({"DT/a": bad, **{f"DT/{n}": plain([0, n, 1, 0]) for n in range(3)}})
    assert batch.catalogue.names == ("DT/0", "DT/1", "DT/2")
    np.testing.assert_array_equal(batch.counts[0], [[0, 1], [1, 1], [2, 1]])
    (error,) = batch.unread
    assert (error.reason, error.field[:4]) == (reason, "DT/a")


@pytest.mark.parametrize("bad", ["[NaN, -Infinity]", "NaN"])
def test_names_may_hold_what_is_no_number(bad):
    batch = decode({f"DT/{bad}": plain([0, 1, 2, 0]), "DT/a": MEAN})
    assert batch.catalogue.names == (f"DT/{bad}",)


@pytest.mark.parametrize("metadata", [{}, {"uhi_schema": 1}])
def test_a_name_that_stands_twice_is_reported_and_the_first_is_read(metadata):
    once, again = (json.dumps({"DT/b": plain([0, n, n, 0]) | {"metadata": metadata}})[1:-1] for n in (1, 9))
    batch = uhi_json.decode(dumps({})[:-1] + f", {once}, {again}}}".encode(), LIMITS)
    np.testing.assert_array_equal(batch.histogram("DT/b"), [1, 1])
    assert [(error.reason, error.field) for error in batch.unread] == [("duplicate-name", "DT/b: name")]


def test_a_condition_that_is_nan_or_null_is_not_known():
    head = copy.deepcopy(HEAD)
    head["metadata"] |= {"pileup": float("nan"), "fill": None}
    batch = uhi_json.decode(dumps({"a": plain([0, 1, 2, 0])}, head), LIMITS)
    assert (batch.conditions.pileup, batch.conditions.fill) == (None, None)


def test_a_byte_order_mark_is_passed_over():
    raw = b"\xef\xbb\xbf" + dumps({"a": plain([0, 1, 2, 0])})
    np.testing.assert_array_equal(uhi_json.decode(raw, LIMITS).histogram("a"), [1, 2])


@pytest.mark.parametrize("label", ["time [\u00a0ns]", "time\n[ns]", "time [ns]\u200b", "é" * 300])
def test_an_odd_label_loses_no_counts(label):
    axis = regular() | {"metadata": {"label": label}}
    categories = {"type": "category_str", "categories": [label, "b"], "flow": False}
    batch = decode({"a": plain([0, 1, 2, 0], [axis]), "b": plain([1, 2], [categories])})
    np.testing.assert_array_equal(batch.counts[0], [[1, 2], [1, 2]])
    shown = batch.catalogue.elements[0].axes[0].label
    assert shown.isprintable()
    assert len(shown.encode()) <= 512
    assert not batch.unread


def test_whole_numbers_that_float32_cannot_hold_are_kept_to_the_last():
    batch = decode({"a": plain([0, 16777217, 33554433, 0], kind="double"), "b": plain([0, 5, 1, 0])})
    assert batch.counts[0].dtype == np.int64
    np.testing.assert_array_equal(batch.counts[0], [[16777217, 33554433], [5, 1]])


def test_an_empty_name_is_refused():
    assert refusal(dumps({"": plain([0, 1, 2, 0])})).reason == "empty-text"


def test_axes_that_promise_more_cells_than_the_message_holds_get_no_memory():
    limits = Limits(1 << 20, 100, 10**12)
    error = refusal(dumps({"a": plain([1], [regular(10**11)])}), limits)
    assert (error.reason, error.field) == ("wrong-bin-count", "a: axes")


def test_absurd_numbers_of_bins_are_refused():
    error = refusal(dumps({"a": plain([1], [regular(10**18)])}))
    assert (type(error), error.reason) == (OversizeError, "too-many-bins")
