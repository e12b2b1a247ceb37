"""Values as PostgreSQL's binary formats have them: packed by hand, at once."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

__all__ = ["pack_bigint", "pack_bigints", "pack_int", "pack_ints", "pack_jsonb", "pack_texts"]

_INT: Final = struct.Struct(">i")
_BIGINT: Final = struct.Struct(">q")
#: Of an array: dimensions, whether there are NULLs, the type; the length and the first place.
_ARRAY: Final = struct.Struct(">iiIii")
_EMPTY_ARRAY: Final = struct.Struct(">iiI")
_BIGINT_TYPE: Final = 20
_INT_TYPE: Final = 23
_TEXT_TYPE: Final = 25
_JSONB_VERSION: Final = b"\1"


def pack_int(number: int) -> bytes:
    """As `int`, in 4 bytes."""
    return _INT.pack(number)


def pack_bigint(number: int) -> bytes:
    """As `bigint`, in 8 bytes."""
    return _BIGINT.pack(number)


def pack_ints(numbers: Sequence[int]) -> bytes:
    """As `int[]`."""
    return _array(numbers, _INT_TYPE, _INT)


def pack_bigints(numbers: Sequence[int]) -> bytes:
    """As `bigint[]`."""
    return _array(numbers, _BIGINT_TYPE, _BIGINT)


def pack_jsonb(value: str) -> bytes:
    """As `jsonb`; value: JSON."""
    return _JSONB_VERSION + value.encode()


def pack_texts(texts: Sequence[str]) -> bytes:
    """As `text[]`."""
    if not texts:
        return _EMPTY_ARRAY.pack(0, 0, _TEXT_TYPE)
    encoded = (text.encode() for text in texts)
    return _ARRAY.pack(1, 0, _TEXT_TYPE, len(texts), 1) + b"".join(
        _INT.pack(len(text)) + text for text in encoded
    )


def _array(numbers: Sequence[int], kind: int, element: struct.Struct) -> bytes:
    if not numbers:
        return _EMPTY_ARRAY.pack(0, 0, kind)
    # Before each number its length in bytes.
    interleaved = [element.size] * (2 * len(numbers))
    interleaved[1::2] = numbers
    code = f">{('i' + element.format[1:]) * len(numbers)}"
    return _ARRAY.pack(1, 0, kind, len(numbers), 1) + struct.pack(code, *interleaved)
