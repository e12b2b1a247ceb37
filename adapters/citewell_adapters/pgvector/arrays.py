"""Lists of numbers as PostgreSQL's arrays: psycopg makes each element by a call of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from psycopg.adapt import Dumper
from psycopg.pq import Format

from citewell_adapters.pgvector.packing import pack_bigints, pack_ints

__all__ = ["ARRAY_DUMPERS", "BigintArray", "IntArray", "bigint_array", "int_array"]

_INT_ARRAY_OID: Final = 1007
_BIGINT_ARRAY_OID: Final = 1016


class IntArray(NamedTuple):
    """int[], as the server takes it."""

    packed: bytes


class BigintArray(NamedTuple):
    """bigint[], as the server takes it."""

    packed: bytes


def int_array(numbers: Sequence[int]) -> IntArray:
    """Raises struct.error for a number that does not fit."""
    return IntArray(pack_ints(numbers))


def bigint_array(numbers: Sequence[int]) -> BigintArray:
    """Raises struct.error for a number that does not fit."""
    return BigintArray(pack_bigints(numbers))


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: IntArray | BigintArray) -> bytes:
        return obj.packed


class _IntArrayDumper(_PackedDumper):
    oid = _INT_ARRAY_OID


class _BigintArrayDumper(_PackedDumper):
    oid = _BIGINT_ARRAY_OID


#: To be registered with each connection.
ARRAY_DUMPERS: Final = ((IntArray, _IntArrayDumper), (BigintArray, _BigintArrayDumper))
