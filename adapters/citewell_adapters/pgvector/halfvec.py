"""pgvector's halfvec in its binary form, built without numpy."""

from __future__ import annotations

import struct
from functools import cache
from math import isfinite

from psycopg.adapt import Dumper
from psycopg.pq import Format

from citewell.errors import InvalidInput
from citewell.model import Vector

__all__ = ["HalfVector", "HalfVectorDumper", "half_vector"]


class HalfVector(bytes):
    """The binary form of a halfvec: dimensions and zero as int16, then float16 values, all big-endian."""


class HalfVectorDumper(Dumper):
    """Sends a HalfVector as it is; its statement says what it is, by a cast or by where it stands."""

    format = Format.BINARY

    def dump(self, obj: HalfVector) -> bytes:
        return obj


@cache
def _layout(dimensions: int) -> struct.Struct:
    return struct.Struct(f">HH{dimensions}e")


def half_vector(vector: Vector) -> HalfVector:
    """Rounded to half precision. Raises InvalidInput for numbers that are not finite, or too large for it."""
    try:
        packed = _layout(len(vector)).pack(len(vector), 0, *vector)
    except (OverflowError, struct.error) as error:
        raise InvalidInput(f"not a vector of half-precision numbers: {error}") from error
    if not isfinite(sum(vector)):
        raise InvalidInput("a vector holds a number that is not finite")
    return HalfVector(packed)
