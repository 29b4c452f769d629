"""What every codec promises, for each content type in the registry."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.codecs import CODECS, Limits, decode, encode
from streams.errors import ContentTypeError, DecodeError, OversizeError
from streams.records import Axis, Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement
from streams.source import Message, Partition

LIMITS = Limits(max_message_bytes=1 << 20, max_histograms=50, max_bins=1000)
CONTENT_TYPES = sorted(CODECS)

texts = st.text(st.characters(categories=("L", "N", "P", "S")), max_size=20)
names = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=20).filter(
    lambda name: name != "lumisection"
)
numbers = st.floats(-1e6, 1e6, width=32)


@st.composite
def axes(draw):
    bins = draw(st.integers(1, 5))
    match draw(st.sampled_from(["regular", "variable", "category"])):
        case "regular":
            lower = draw(numbers)
            return Axis(bins, lower, lower + draw(st.floats(1, 1e6, width=32)), draw(texts))
        case "variable":
            edges = tuple(sorted(draw(st.lists(numbers, min_size=bins + 1, max_size=bins + 1, unique=True))))
            return Axis(bins, edges[0], edges[-1], draw(texts), edges=edges)
        case _:
            named = tuple(draw(st.lists(texts, min_size=bins, max_size=bins, unique=True)))
            return Axis(bins, 0.0, float(bins), draw(texts), categories=named)


elements = st.builds(MonitoringElement, names, st.lists(axes(), min_size=1, max_size=2).map(tuple))
catalogues = st.lists(elements, min_size=1, max_size=6, unique_by=lambda me: me.name).map(Catalogue.of)
maybe = st.none() | st.floats(0, 1e6)
conditions = st.builds(
    Conditions,
    fill=st.none() | st.integers(0, 20_000),
    era=st.none() | texts,
    pileup=maybe,
    delivered_lumi=maybe,
    recorded_lumi=maybe,
    prescale_index=st.none() | st.integers(0, 20),
    beams_stable=st.none() | st.booleans(),
    dcs=st.dictionaries(names, st.booleans(), max_size=3),
)


@st.composite
def batches(draw):
    catalogue = draw(catalogues)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtype = draw(st.sampled_from([np.float32, np.int64]))
    counts = tuple(
        (rng.exponential(100, (block.stop - block.start, block.bins))).astype(dtype) for block in catalogue.blocks
    )
    flow = rng.poisson(3, (len(catalogue), 2)).astype(np.float64)
    for row, me in enumerate(catalogue.elements):
        if all(axis.categories is not None for axis in me.axes):
            flow[row, 0] = 0
    entries = rng.exponential(1000, len(catalogue))
    key = LumisectionKey(draw(st.integers(1, 10**8)), draw(st.integers(0, 10**5)))
    return HistogramBatch(key, draw(names), draw(names), draw(conditions), catalogue, counts, flow, entries)


def message(value, content_type):
    headers = {} if content_type is None else {"content-type": content_type}
    return Message(Partition("c", "t", 0), 0, value, headers, 0.0, "test")


def small(counts=(1, 2, 3), key=None, dtype=np.float32, name="DT/occupancy"):
    """A batch of one ME of three bins; nothing about it is checked."""
    catalogue = Catalogue.of([MonitoringElement(name, (Axis(3, 0.0, 3.0),))])
    matrix = np.array([counts], dtype)
    flow, entries = np.zeros((1, 2)), np.array([6.0])
    return HistogramBatch(
        key or LumisectionKey(1, 1), "/A/B/C", "DT", Conditions(), catalogue, (matrix,), flow, entries
    )


def refusal(value, content_type, limits=LIMITS):
    with pytest.raises(DecodeError) as caught:
        decode(message(value, content_type), limits)
    return caught.value


@pytest.fixture(params=CONTENT_TYPES, scope="module")
def content_type(request):
    return request.param


@given(batch=batches())
def test_decoding_inverts_encoding(content_type, batch):
    result = decode(message(encode(batch, content_type), content_type), LIMITS)
    assert (result.key, result.dataset, result.subsystem) == (batch.key, batch.dataset, batch.subsystem)
    assert result.conditions == batch.conditions
    assert result.catalogue == batch.catalogue
    for ours, theirs in zip(result.counts, batch.counts, strict=True):
        assert ours.dtype == theirs.dtype
        assert not ours.flags.writeable
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(result.flow, batch.flow)
    np.testing.assert_array_equal(result.entries, batch.entries)


def test_equal_catalogues_are_one_object_whatever_the_codec():
    batch = small()
    results = [decode(message(encode(batch, kind), kind), LIMITS).catalogue for kind in CONTENT_TYPES for _ in range(2)]
    assert len(set(map(id, results))) == 1


@given(cut=st.data())
@settings(max_examples=200)
def test_a_truncated_message_is_refused(content_type, cut):
    raw = encode(small(), content_type)
    end = cut.draw(st.integers(0, len(raw) - 9))
    assert refusal(raw[:end], content_type).reason


@given(data=st.data())
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_message_is_refused_or_sane(content_type, data):
    raw = bytearray(encode(small(), content_type))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        result = decode(message(bytes(raw), content_type), LIMITS)
    except DecodeError:
        return
    assert result.key.run >= 1
    assert 0 <= result.key.ls <= 100_000
    assert [counts.shape for counts in result.counts] == [(b.stop - b.start, b.bins) for b in result.catalogue.blocks]
    for values in (*result.counts, result.flow, result.entries):
        assert np.isfinite(values).all()
        assert (values >= 0).all()


@given(raw=st.binary(max_size=200))
def test_noise_is_refused(content_type, raw):
    assert refusal(raw, content_type).reason


def test_a_message_of_50_mb_is_refused_unread(content_type):
    limits = Limits(32 << 20, 50, 1000)
    error = refusal(bytes(50_000_000), content_type, limits)
    assert isinstance(error, OversizeError)
    assert error.reason == "too-large"
    assert error.value == "50000000"


def test_too_many_histograms_are_refused(content_type):
    catalogue = Catalogue.of([MonitoringElement(f"me{i}", (Axis(1, 0.0, 1.0),)) for i in range(51)])
    batch = replace(
        small(), catalogue=catalogue, counts=(np.ones((51, 1), np.int64),), flow=np.zeros((51, 2)), entries=np.ones(51)
    )
    error = refusal(encode(batch, content_type), content_type)
    assert (type(error), error.reason, error.value) == (OversizeError, "too-many-histograms", "51")


def test_too_many_bins_are_refused(content_type):
    catalogue = Catalogue.of([MonitoringElement("wide", (Axis(1001, 0.0, 1.0),))])
    batch = replace(small(), catalogue=catalogue, counts=(np.ones((1, 1001), np.int64),))
    error = refusal(encode(batch, content_type), content_type)
    assert (type(error), error.reason) == (OversizeError, "too-many-bins")
    assert "wide" in error.field


@pytest.mark.parametrize(
    ("run", "ls", "reason", "field"),
    [
        (0, 1, "out-of-range", "run"),
        (-5, 1, "out-of-range", "run"),
        (1_700_000_000, 1, "looks-like-a-time", "run"),
        (1, -1, "out-of-range", "ls"),
        (1, 1_700_000_000, "looks-like-a-time", "ls"),
        (1, 100_001, "looks-like-a-time", "ls"),
        (1.5, 1, "wrong-type", "run"),
        ("355374", 1, "wrong-type", "run"),
        (1, True, "wrong-type", "ls"),
        (1, "1970-01-01T00:00:00", "wrong-type", "ls"),
    ],
)
def test_numbers_that_are_no_run_or_lumisection_are_refused(content_type, run, ls, reason, field):
    error = refusal(encode(small(key=LumisectionKey(run, ls)), content_type), content_type)
    assert (error.reason, error.field) == (reason, field)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
@pytest.mark.parametrize(("counts", "reason"), [((1, -1, 0), "negative-count"), ((0, 2**60, 0), "count-too-large")])
def test_impossible_counts_are_refused(content_type, counts, reason, dtype):
    error = refusal(encode(small(counts, dtype=dtype), content_type), content_type)
    assert error.reason == reason
    assert error.field.startswith("DT/occupancy")


@pytest.mark.parametrize("place", ["counts", "entries", "flow"])
def test_one_impossible_number_loses_its_histogram_and_not_the_others(content_type, place):
    axes = (Axis(3, 0.0, 3.0),)
    catalogue = Catalogue.of(
        [*(MonitoringElement(f"DT/{n}", axes) for n in range(3)), MonitoringElement("DT/map", axes * 2)]
    )
    rng = np.random.default_rng(1)
    counts = tuple(rng.poisson(9, (b.stop - b.start, b.bins)).astype(np.float32) for b in catalogue.blocks)
    flow, entries = np.ones((4, 2)), np.full(4, 30.0)
    row = catalogue.index["DT/1"]
    numbers = {"counts": counts[0] if row < len(counts[0]) else counts[1], "entries": entries, "flow": flow}[place]
    numbers[row % len(numbers)] = -1
    batch = HistogramBatch(LumisectionKey(1, 1), "/A/B/C", "DT", Conditions(), catalogue, counts, flow, entries)
    read = decode(message(encode(batch, content_type), content_type), LIMITS)
    assert sorted(read.catalogue.names) == ["DT/0", "DT/2", "DT/map"]
    assert [(error.reason, error.field.split(":")[0]) for error in read.unread] == [("negative-count", "DT/1")]
    for name in read.catalogue.names:
        np.testing.assert_array_equal(read.histogram(name), batch.histogram(name))


@pytest.mark.parametrize("count", [np.nan, np.inf])
def test_counts_that_are_no_numbers_are_refused(content_type, count):
    error = refusal(encode(small((1, count, 0)), content_type), content_type)
    assert error.reason == ("not-finite" if "arrow" in content_type else "not-uhi")
    assert error.field.startswith("DT/occupancy")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("x\x00y", "unprintable-text"), ("n" * 513, "text-too-long"), ("\N{HATCHING CHICK}" * 129, "text-too-long")],
)
def test_names_that_nobody_can_store_are_refused(content_type, name, reason):
    assert refusal(encode(small(name=name), content_type), content_type).reason == reason


def test_a_dataset_is_needed(content_type):
    error = refusal(encode(replace(small(), dataset=""), content_type), content_type)
    assert (error.reason, error.field) == ("empty-text", "dataset")


@pytest.mark.parametrize("content_type_template", ["{}", "{}; charset=utf-8", " {} "])
def test_a_content_type_may_have_parameters(content_type, content_type_template):
    raw = encode(small(), content_type)
    assert decode(message(raw, content_type_template.format(content_type.upper())), LIMITS).key == LumisectionKey(1, 1)


@pytest.mark.parametrize(
    ("given_type", "reason"),
    [(None, "missing-content-type"), ("text/csv", "unknown-content-type"), ("", "unknown-content-type")],
)
def test_an_unknown_content_type_is_refused(given_type, reason):
    error = refusal(b"{}", given_type)
    assert (type(error), error.reason, error.field) == (ContentTypeError, reason, "content-type")


def test_what_a_reader_decoded_is_passed_on():
    batch, fault = small(), DecodeError("bad-csv", "line 3", "x")
    assert decode(message(batch, None), LIMITS) is batch
    with pytest.raises(DecodeError) as caught:
        decode(message(fault, None), LIMITS)
    assert caught.value is fault
