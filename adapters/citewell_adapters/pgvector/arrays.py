"""Lists of numbers as PostgreSQL's arrays: psycopg makes each element by a call of its own."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import chain
from typing import Final, NamedTuple

from psycopg.adapt import Dumper
from psycopg.pq import Format

__all__ = ["ARRAY_DUMPERS", "BigintArray", "IntArray", "bigint_array", "int_array"]

_INT_OID: Final = 23
_INT_ARRAY_OID: Final = 1007
_BIGINT_OID: Final = 20
_BIGINT_ARRAY_OID: Final = 1016
#: Dimensions, whether there are nulls, type of the elements; then their number, and that of the first.
_HEAD: Final = struct.Struct(">iiIii")
_EMPTY_HEAD: Final = struct.Struct(">iiI")


class IntArray(NamedTuple):
    """int[], as the server takes it."""

    packed: bytes


class BigintArray(NamedTuple):
    """bigint[], as the server takes it."""

    packed: bytes


def int_array(numbers: Iterable[int]) -> IntArray:
    """Raises struct.error for a number that does not fit."""
    return IntArray(_packed(list(numbers), oid=_INT_OID, size=4, code="ii"))


def bigint_array(numbers: Iterable[int]) -> BigintArray:
    """Raises struct.error for a number that does not fit."""
    return BigintArray(_packed(list(numbers), oid=_BIGINT_OID, size=8, code="iq"))


def _packed(numbers: list[int], *, oid: int, size: int, code: str) -> bytes:
    if not numbers:
        return _EMPTY_HEAD.pack(0, 0, oid)
    elements = chain.from_iterable([(size, number) for number in numbers])
    return _HEAD.pack(1, 0, oid, len(numbers), 1) + struct.pack(f">{code * len(numbers)}", *elements)


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
