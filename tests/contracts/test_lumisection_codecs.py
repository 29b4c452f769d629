"""What every codec of trigger rates and of event features promises, for each content type in the registries."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.codecs.events import EVENT_CODECS, EventLimits, decode_events, encode_events
from streams.codecs.rates import RATE_CODECS, RateLimits, decode_rates, encode_rates
from streams.errors import ContentTypeError, DecodeError, OversizeError
from streams.records import Conditions, EventFeatures, LumisectionKey, TriggerMenu, TriggerRates
from streams.source import Message, Partition
from tests.support.records import EVENTS, MENU, RATES


@dataclass(frozen=True)
class Kind:
    """One kind of record: its codecs and what they are tried with."""

    codecs: Mapping[str, Any]
    decode: Callable[[Message, Any], Any]
    encode: Callable[[Any, str], bytes]
    limits: Any
    small_limits: Any
    record: Any


KINDS = {
    "rates": Kind(RATE_CODECS, decode_rates, encode_rates, RateLimits(1 << 20, 50), RateLimits(1 << 20, 4), RATES),
    "events": Kind(
        EVENT_CODECS, decode_events, encode_events, EventLimits(1 << 20, 50, 50), EventLimits(1 << 20, 50, 1), EVENTS
    ),
}


@pytest.fixture(params=[(name, codec) for name, kind in KINDS.items() for codec in sorted(kind.codecs)], scope="module")
def kind_and_type(request):
    name, content_type = request.param
    return KINDS[name], content_type


def message(value, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    return Message(Partition("c", "a.topic", 0), 0, value, headers, 0.0, "test")


def refusal(kind, value, content_type, limits=None):
    with pytest.raises(DecodeError) as caught:
        kind.decode(message(value, content_type), limits or kind.limits)
    return caught.value


def same(item, other):
    """Whether two records are equal, arrays included."""
    for name in item.__dataclass_fields__:
        own, its = getattr(item, name), getattr(other, name)
        equal = np.array_equal(own, its, equal_nan=own.dtype.kind == "f") if isinstance(own, np.ndarray) else own == its
        if not equal or (isinstance(own, np.ndarray) and own.dtype != its.dtype):
            return False
    return True


words = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
conditions = st.builds(
    Conditions,
    fill=st.none() | st.integers(0, 20000),
    era=st.none() | words,
    pileup=st.none() | st.floats(0, 200),
    beams_stable=st.none() | st.booleans(),
    dcs=st.dictionaries(words, st.booleans(), max_size=3),
    prescale_name=st.none() | words,
)
keys = st.builds(LumisectionKey, st.integers(1, 10**6), st.integers(0, 5000))


@st.composite
def rates(draw):
    l1 = draw(st.lists(words, min_size=1, max_size=4, unique=True))
    hlt = draw(st.lists(words.filter(lambda item: item not in l1), max_size=6, unique=True))
    versions = tuple(draw(st.lists(st.integers(0, 99), min_size=len(l1 + hlt), max_size=len(l1 + hlt))))
    seed_of = tuple(draw(st.integers(0, len(l1) - 1)) for _ in hlt)
    menu = TriggerMenu(tuple(l1), tuple(hlt), seed_of, versions if any(versions) else ())
    numbers = st.floats(0, 1e6)
    report = numbers | st.just(math.nan)
    sizes = ((len(l1), numbers), (len(hlt), numbers), (len(l1), report), (len(hlt), report))
    arrays = [np.array([draw(values) for _ in range(n)]) for n, values in sizes]
    return TriggerRates(draw(keys), draw(words), draw(conditions), menu, *arrays)


@st.composite
def events(draw):
    features = draw(st.lists(words, min_size=1, max_size=5, unique=True))
    numbers = draw(st.lists(st.integers(0, 2**62), max_size=6, unique=True))
    cells = st.floats(-1e6, 1e6, width=32)
    values = np.array([[draw(cells) for _ in features] for _ in numbers], dtype=np.float32)
    values = values.reshape(len(numbers), len(features))
    return EventFeatures(
        draw(keys), draw(words), draw(conditions), tuple(features), np.array(numbers, dtype=np.int64), values
    )


@given(record=rates() | events())
def test_decoding_inverts_encoding(record):
    kind = KINDS["rates" if isinstance(record, TriggerRates) else "events"]
    for content_type in kind.codecs:
        assert same(kind.decode(message(kind.encode(record, content_type), content_type), kind.limits), record)


def test_menus_are_shared():
    first, second = (
        decode_rates(message(encode_rates(RATES, rate_codec), rate_codec), KINDS["rates"].limits)
        for rate_codec in sorted(RATE_CODECS)
    )
    assert first.menu is second.menu


@given(cut=st.data())
@settings(max_examples=100)
def test_a_truncated_message_is_refused(kind_and_type, cut):
    kind, content_type = kind_and_type
    raw = kind.encode(kind.record, content_type)
    assert refusal(kind, raw[: cut.draw(st.integers(0, len(raw) - 9))], content_type).reason


@given(data=st.data())
@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_message_is_refused_or_sane(kind_and_type, data):
    kind, content_type = kind_and_type
    raw = bytearray(kind.encode(kind.record, content_type))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        result = kind.decode(message(bytes(raw), content_type), kind.limits)
    except DecodeError:
        return
    assert result.dataset
    numbers = (result.l1, result.hlt) if isinstance(result, TriggerRates) else (result.values,)
    assert all(np.isfinite(number).all() for number in numbers)


@given(raw=st.binary(max_size=200))
def test_noise_is_refused(kind_and_type, raw):
    kind, content_type = kind_and_type
    assert refusal(kind, raw, content_type).reason


def test_a_message_of_50_mb_is_refused_unread(kind_and_type):
    kind, content_type = kind_and_type
    error = refusal(kind, bytes(50_000_000), content_type)
    assert (type(error), error.reason, error.value) == (OversizeError, "too-large", "50000000")


def test_what_a_message_holds_is_bounded(kind_and_type):
    kind, content_type = kind_and_type
    error = refusal(kind, kind.encode(kind.record, content_type), content_type, kind.small_limits)
    assert (type(error), error.reason[:8]) == (OversizeError, "too-many")


def test_the_lumisection_must_be_named(kind_and_type):
    kind, content_type = kind_and_type
    for wrong, field in (
        (replace(kind.record, key=LumisectionKey(0, 1)), "run"),
        (replace(kind.record, dataset=""), "dataset"),
    ):
        assert refusal(kind, kind.encode(wrong, content_type), content_type).field == field


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"l1": np.array([-1.0, 2.0])}, "negative-count", "L1_A: rate_hz"),
        ({"hlt_prescales": np.array([1.0, 1.0, -2.0])}, "negative-count", "HLT_3: prescale"),
        ({"hlt": np.array([1.0, 2.0**60, 1.0])}, "count-too-large", "HLT_2: rate_hz"),
        ({"menu": replace(MENU, hlt=("HLT_1", "HLT_1", "HLT_3"))}, "name-twice", "name"),
        ({"menu": replace(MENU, hlt=("HLT_1", "HLT/2", "HLT_3"))}, "bad-name", "name"),
        ({"menu": replace(MENU, hlt=("HLT_1", "L1_A", "HLT_3"))}, "name-twice", "name"),
        ({"menu": replace(MENU, hlt=("HLT_1", "", "HLT_3"))}, "empty-text", "rate 3: name"),
    ],
)
@pytest.mark.parametrize("content_type", sorted(RATE_CODECS))
def test_rates_that_cannot_be_are_refused_by_name(content_type, changes, reason, field):
    kind = KINDS["rates"]
    read = kind.decode(message(encode_rates(replace(RATES, **changes), content_type), content_type), kind.limits)
    error = read.unread[0]
    assert (error.reason, error.field) == (reason, field)
    # The others are read; without a seed its path has no place.
    assert {"L1_B", "HLT_1"} <= {*read.menu.l1, *read.menu.hlt}
    assert read.l1[read.menu.l1.index("L1_B")] == (2.0 if "l1" in changes else 10.0)


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"events": np.array([7, 7])}, "event-twice", "event"),
        ({"features": ("met_gev", "met_gev")}, "name-twice", "features"),
        ({"features": ("", "jets")}, "empty-text", "feature 0"),
    ],
)
@pytest.mark.parametrize("content_type", sorted(EVENT_CODECS))
def test_events_that_cannot_be_are_refused_by_name(content_type, changes, reason, field):
    kind = KINDS["events"]
    error = refusal(kind, encode_events(replace(EVENTS, **changes), content_type), content_type)
    assert (error.reason, error.field) == (reason, field)


@pytest.mark.parametrize("content_type_template", ["{}", "{}; charset=utf-8", " {} "])
def test_a_content_type_may_have_parameters(kind_and_type, content_type_template):
    kind, content_type = kind_and_type
    raw = kind.encode(kind.record, content_type)
    assert same(kind.decode(message(raw, content_type_template.format(content_type.upper())), kind.limits), kind.record)


@pytest.mark.parametrize(
    ("given_type", "reason"), [(None, "missing-content-type"), ("text/csv", "unknown-content-type")]
)
def test_an_unknown_content_type_is_refused(given_type, reason):
    for kind in KINDS.values():
        error = refusal(kind, b"{}", given_type)
        assert (type(error), error.reason, error.field) == (ContentTypeError, reason, "content-type")


def test_what_a_file_reader_could_not_read_is_told_as_it_is():
    for kind in KINDS.values():
        assert refusal(kind, DecodeError("bad-csv", "line 3", "x"), "application/json").reason == "bad-csv"


def test_only_bytes_are_decoded():
    for kind in KINDS.values():
        assert refusal(kind, kind.record, "application/json").reason == "not-bytes"
