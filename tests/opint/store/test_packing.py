"""Arrays as bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dqm.core.largest_errors import Largest
from opint.store.catalogues import DIGEST, FLAG, REAL, SMALL, pack, pack_largest, unpack, unpack_largest


@given(st.data(), st.sampled_from([FLAG, SMALL, REAL, DIGEST]))
def test_round_trip_is_exact(data: st.DataObject, dtype: np.dtype) -> None:
    values = data.draw(arrays(dtype, array_shapes(max_dims=2, min_side=0)))
    back = unpack(pack(values, dtype), dtype, values.shape)
    np.testing.assert_array_equal(back, values)
    assert back.dtype == dtype
    assert back.tobytes() == values.tobytes()


def test_bytes_are_little_endian_whatever_the_machine_has() -> None:
    assert pack(np.array([1], ">u8"), DIGEST) == b"\1\0\0\0\0\0\0\0" == pack(np.array([1], "<u8"), DIGEST)


def test_a_view_is_packed_as_it_is_seen() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3).T
    np.testing.assert_array_equal(unpack(pack(values, REAL), REAL, (3, 2)), values)


def test_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="array of float64 where float32 is stored"):
        pack(np.zeros(3), REAL)


def test_a_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="2 stored values where"):
        unpack(b"\0\0", SMALL, (3,))


@pytest.mark.parametrize("members", [1, 3])
def test_the_largest_errors_come_back_as_they_were(members: int) -> None:
    errors = np.random.default_rng(0).random((members, 40), dtype=np.float32)
    item = Largest.of(errors, np.ones(40, dtype=bool), 12)
    raw = pack_largest(item)
    assert unpack_largest(raw).same(item)
    with pytest.raises(ValueError, match="buffer size"):
        unpack_largest(raw[:-3])
