"""Rows for PostgreSQL's binary COPY, packed by hand: a fraction of what an INSERT with parameters costs."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Final, LiteralString

from citewell_adapters.pgvector.database import Connection

__all__ = ["copy_rows", "pack_bigint", "pack_int", "pack_ints", "pack_jsonb", "pack_row", "pack_texts"]

# As its reference has it under "COPY": a signature, flags and the length of an extension; at the end -1.
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER: Final = struct.pack(">h", -1)
_INT: Final = struct.Struct(">i")
_BIGINT: Final = struct.Struct(">q")
#: Of an array: dimensions, whether there are NULLs, the type; the length and the first place.
_ARRAY: Final = struct.Struct(">iiIii")
_EMPTY_ARRAY: Final = struct.Struct(">iiI")
_INT_TYPE: Final = 23
_TEXT_TYPE: Final = 25
_JSONB_VERSION: Final = b"\1"


async def copy_rows(connection: Connection, into: LiteralString, rows: Iterable[bytes]) -> None:
    """Adds the rows, each of `pack_row`, to a table; into: its name and its columns. No rows are no error."""
    packed = b"".join([_HEADER, *rows, _TRAILER])
    if len(packed) > len(_HEADER) + len(_TRAILER):
        async with connection.cursor().copy(f"COPY {into} FROM STDIN (FORMAT BINARY)") as copy:
            await copy.write(packed)


def pack_row(*fields: bytes) -> bytes:
    """A row of fields, each as its type's binary format has it; there are no NULLs."""
    return struct.pack(">h", len(fields)) + b"".join(_INT.pack(len(field)) + field for field in fields)


def pack_int(number: int) -> bytes:
    """As `int`, in 4 bytes."""
    return _INT.pack(number)


def pack_bigint(number: int) -> bytes:
    """As `bigint`, in 8 bytes."""
    return _BIGINT.pack(number)


def pack_ints(numbers: Sequence[int]) -> bytes:
    """As `int[]`."""
    if not numbers:
        return _EMPTY_ARRAY.pack(0, 0, _INT_TYPE)
    # Before each number its length in bytes.
    interleaved = [_INT.size] * (2 * len(numbers))
    interleaved[1::2] = numbers
    return _ARRAY.pack(1, 0, _INT_TYPE, len(numbers), 1) + struct.pack(f">{len(interleaved)}i", *interleaved)


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
