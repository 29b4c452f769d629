"""What every codec of file accesses promises, for each content type in the registry."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.codecs.accesses import ACCESS_CODECS, MOST_BYTES, AccessLimits, decode_accesses, encode_accesses
from streams.codecs.values import LATEST_S
from streams.errors import ContentTypeError, DecodeError, OversizeError
from streams.records import AccessBatch, FileAccess
from streams.source import Message, Partition

LIMITS = AccessLimits(max_message_bytes=1 << 20, max_accesses=50)
ACCESS = FileAccess(
    1.7e9,
    "/store/data/1.root",
    "/SingleMuon/Run2018/MINIAOD",
    5 << 30,
    site="T2_IT_Rome",
    cpu_time=5120.0,
    io_time=12.5,
    tier="AOD",
    task="34218754",
    user="avogadro",
)

words = st.text(st.characters(categories=("L", "N", "P", "S")), max_size=30)
seconds = st.none() | st.floats(0, 1e9)
accesses = st.builds(
    FileAccess,
    time=st.floats(0, LATEST_S),
    file=words.filter(bool),
    dataset=words,
    size=st.integers(1, MOST_BYTES),
    site=words,
    cpu_time=seconds,
    io_time=seconds,
    tier=words,
    task=words,
    user=words,
)
batches = st.builds(AccessBatch, words.filter(bool), st.lists(accesses, min_size=1, max_size=8).map(tuple))


def message(value, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    return Message(Partition("c", "cache.accesses", 0), 0, value, headers, 0.0, "test")


def batch_of(*rows, cache="rome"):
    return AccessBatch(cache, rows)


def refusal(value, content_type, limits=LIMITS):
    with pytest.raises(DecodeError) as caught:
        decode_accesses(message(value, content_type), limits)
    return caught.value


@pytest.fixture(params=sorted(ACCESS_CODECS), scope="module")
def content_type(request):
    return request.param


@given(batch=batches)
def test_decoding_inverts_encoding(content_type, batch):
    assert decode_accesses(message(encode_accesses(batch, content_type), content_type), LIMITS) == batch


@given(cut=st.data())
@settings(max_examples=200)
def test_a_truncated_message_is_refused(content_type, cut):
    raw = encode_accesses(batch_of(ACCESS, ACCESS), content_type)
    assert refusal(raw[: cut.draw(st.integers(0, len(raw) - 9))], content_type).reason


@given(data=st.data())
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_message_is_refused_or_sane(content_type, data):
    raw = bytearray(encode_accesses(batch_of(ACCESS, replace(ACCESS, file="/b", cpu_time=None)), content_type))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        result = decode_accesses(message(bytes(raw), content_type), LIMITS)
    except DecodeError:
        return
    assert result.cache
    assert 1 <= len(result.accesses) <= LIMITS.max_accesses
    for access in result.accesses:
        assert 0 <= access.time <= LATEST_S
        assert 1 <= access.size <= MOST_BYTES
        assert access.file


@given(raw=st.binary(max_size=200))
def test_noise_is_refused(content_type, raw):
    assert refusal(raw, content_type).reason


def test_a_message_of_50_mb_is_refused_unread(content_type):
    error = refusal(bytes(50_000_000), content_type, AccessLimits(32 << 20, 50))
    assert (type(error), error.reason, error.value) == (OversizeError, "too-large", "50000000")


@pytest.mark.parametrize(
    ("count", "kind", "reason"), [(0, DecodeError, "no-accesses"), (51, OversizeError, "too-many")]
)
def test_the_number_of_accesses_is_bounded(content_type, count, kind, reason):
    error = refusal(encode_accesses(batch_of(*[ACCESS] * count), content_type), content_type)
    assert type(error) is kind
    assert error.reason.startswith(reason)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("time", -1.0, "out-of-range"),
        ("time", 1.7e12, "not-seconds"),
        ("time", None, "missing-time"),
        ("size", 0, "out-of-range"),
        ("size", -5, "out-of-range"),
        ("size", 2**50 + 1, "out-of-range"),
        ("size", None, "wrong-type"),
        ("file", "", "empty-text"),
        ("file", None, "wrong-type"),
        ("file", "a\x00b", "unprintable-text"),
        ("file", "n" * 513, "text-too-long"),
        ("dataset", "a\nb", "unprintable-text"),
        ("site", "n" * 513, "text-too-long"),
        ("tier", "\x00", "unprintable-text"),
        ("task", "n" * 513, "text-too-long"),
        ("user", "a\nb", "unprintable-text"),
        ("cpu_time", -0.5, "out-of-range"),
        ("io_time", -0.5, "out-of-range"),
    ],
)
def test_what_no_cache_can_have_served_is_refused_by_name(content_type, field, value, reason):
    error = refusal(encode_accesses(batch_of(ACCESS, replace(ACCESS, **{field: value})), content_type), content_type)
    assert (error.reason, error.field) == (reason, f"access 1: {field}")


def test_a_cache_is_named(content_type):
    error = refusal(encode_accesses(batch_of(ACCESS, cache=""), content_type), content_type)
    assert (error.reason, error.field) == ("empty-text", "cache")


@pytest.mark.parametrize("content_type_template", ["{}", "{}; charset=utf-8", " {} "])
def test_a_content_type_may_have_parameters(content_type, content_type_template):
    raw = encode_accesses(batch_of(ACCESS), content_type)
    assert decode_accesses(message(raw, content_type_template.format(content_type.upper())), LIMITS).accesses == (
        ACCESS,
    )


@pytest.mark.parametrize(
    ("given_type", "reason"),
    [(None, "missing-content-type"), ("text/csv", "unknown-content-type"), ("", "unknown-content-type")],
)
def test_an_unknown_content_type_is_refused(given_type, reason):
    error = refusal(b"{}", given_type)
    assert (type(error), error.reason, error.field) == (ContentTypeError, reason, "content-type")


def test_only_bytes_hold_accesses():
    assert refusal(batch_of(ACCESS), "application/json").reason == "not-bytes"
