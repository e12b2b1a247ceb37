"""Vectors as replies carry them."""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from typing import Any

from citewell.errors import DimensionMismatch, EmbeddingRejected

__all__ = ["decoded"]

_TOLERANCE = 1e-4


def decoded(response: Any, *, count: int, dimensions: int | None) -> list[array[float]]:
    """The vectors of a reply in the order of the texts, L2-normalised.

    Raises EmbeddingRejected if these are not `count` vectors, DimensionMismatch if one has other dimensions;
    None stands for any.
    """
    items = getattr(response, "data", None)
    if not isinstance(items, list) or len(items) != count:
        found = f"{len(items)} vectors" if isinstance(items, list) else "no vectors"
        raise EmbeddingRejected(f"the endpoint gave {found} for {count} texts")
    indexes = [getattr(item, "index", None) for item in items]
    if indexes != [None] * count:
        by_index = dict(zip(indexes, items, strict=True))
        if by_index.keys() != set(range(count)):
            raise EmbeddingRejected("the endpoint does not say which vector is which text's")
        items = [by_index[index] for index in range(count)]
    return [_unit(_floats(getattr(item, "embedding", None)), dimensions) for item in items]


def _floats(embedding: Any) -> array[float]:
    """Base64 of little-endian float32, or numbers."""
    try:
        if not isinstance(embedding, str):
            return array("f", embedding)
        vector = array("f", base64.b64decode(embedding, validate=True))
    except (TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise EmbeddingRejected(f"the endpoint gave a vector that is none: {error}") from error
    if sys.byteorder == "big":
        vector.byteswap()
    return vector


def _unit(vector: array[float], dimensions: int | None) -> array[float]:
    if dimensions not in (None, len(vector)):
        raise DimensionMismatch(f"the model gives vectors of {len(vector)} dimensions, not {dimensions}")
    length = math.sqrt(sum(value * value for value in vector))
    if not 0.0 < length < math.inf:
        raise EmbeddingRejected(f"the endpoint gave a vector of length {length}")
    if abs(length - 1.0) <= _TOLERANCE:
        return vector
    return array("f", [value / length for value in vector])
