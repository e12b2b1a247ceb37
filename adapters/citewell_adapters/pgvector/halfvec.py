"""Vectors as pgvector's halfvec."""

from __future__ import annotations

from math import isfinite

from pgvector import HalfVector
from pgvector.psycopg.halfvec import HalfVectorBinaryDumper

from citewell.errors import InvalidInput
from citewell.model import Vector

# Registered without the type's number, which would take a query per connection: the statements say what the
# parameter is, by a cast or by where it stands.
__all__ = ["HalfVector", "HalfVectorBinaryDumper", "half_vector"]


def half_vector(vector: Vector) -> HalfVector:
    """Rounded to half precision. Raises InvalidInput for numbers that are not finite, or too large for it."""
    try:
        half = HalfVector(list(vector))
    except (OverflowError, ValueError) as error:
        raise InvalidInput(f"not a vector of half-precision numbers: {error}") from error
    if not isfinite(sum(vector)):
        raise InvalidInput("a vector holds a number that is not finite")
    return half
