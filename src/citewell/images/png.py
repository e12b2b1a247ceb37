"""PNG, as far as pages need it (ISO/IEC 15948)."""

from __future__ import annotations

import struct
import zlib
from typing import Final

__all__ = ["encode_png", "png_size"]

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
#: Width, height, bits of a sample, colour type, compression, filter, interlace.
_HEADER: Final = struct.Struct(">IIBBBBB")
_RGB: Final = 2
_CHANNELS: Final = 3
_LENGTH: Final = struct.Struct(">I")
#: Of zlib: twice as fast as the usual 6, and hardly larger where most is white.
_LEVEL: Final = 4


def encode_png(samples: bytes | bytearray, *, width: int, height: int) -> bytes:
    """An image of `height` rows of `width` pixels of red, green and blue, a byte each; the same for the same.

    Raises ValueError unless the samples are so many.
    """
    stride = _CHANNELS * width
    if not samples or len(samples) != stride * height:
        raise ValueError(f"{len(samples)} samples are not {width} x {height} pixels")
    packing = zlib.compressobj(_LEVEL)
    rows = memoryview(samples)
    packed = bytearray()
    for row in range(height):
        packed += packing.compress(b"\0")
        packed += packing.compress(rows[row * stride : (row + 1) * stride])
    packed += packing.flush()
    header = _HEADER.pack(width, height, 8, _RGB, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", bytes(packed)), _chunk(b"IEND", b""))
    return _SIGNATURE + b"".join(chunks)


def png_size(image: bytes) -> tuple[int, int]:
    """Width and height of a PNG, as its header says. Raises ValueError if it does not begin as one."""
    start = len(_SIGNATURE) + _LENGTH.size
    head = image[len(_SIGNATURE) : start + 4]
    if not image.startswith(_SIGNATURE) or head != _LENGTH.pack(_HEADER.size) + b"IHDR":
        raise ValueError("what is there does not begin as a PNG does")
    try:
        width, height, *_ = _HEADER.unpack_from(image, start + 4)
    except struct.error as error:
        raise ValueError("a PNG ends within its header") from error
    return width, height


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = _LENGTH.pack(zlib.crc32(kind + content))
    return _LENGTH.pack(len(content)) + kind + content + check
