"""Arrays as PostgreSQL takes them, beside what psycopg makes of the same lists."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.numeric import Int4, Int8

from citewell_adapters.pgvector.arrays import bigint_array, int_array

ints = st.integers(-(1 << 31), (1 << 31) - 1)
bigints = st.integers(-(1 << 63), (1 << 63) - 1)


@given(st.lists(ints, min_size=1, max_size=50))
def test_ints(numbers: list[int]) -> None:
    """Bit for bit."""
    [packed] = Transformer().dump_sequence([[Int4(number) for number in numbers]], [PyFormat.BINARY])
    assert int_array(numbers).packed == bytes(packed or b"")


@given(st.lists(bigints, min_size=1, max_size=50))
def test_bigints(numbers: list[int]) -> None:
    """Bit for bit."""
    [packed] = Transformer().dump_sequence([[Int8(number) for number in numbers]], [PyFormat.BINARY])
    assert bigint_array(numbers).packed == bytes(packed or b"")


def test_what_does_not_fit_is_refused() -> None:
    """It is not cut."""
    with pytest.raises(struct.error):
        int_array([1 << 31])
    with pytest.raises(struct.error):
        bigint_array([1 << 63])
