"""Replies as bytes that are checked before they are believed: others may write to a shared cache."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final
from zlib import crc32

__all__ = ["Kept", "seal", "unseal"]

#: The format; another one as soon as the head or what the body means changes.
_TAG: Final = b"cwr1"
#: Tag, checksum and length of the body, number of sources, and when it is over, in seconds since 1970.
_HEAD: Final = struct.Struct(">4sIIId")


@dataclass(frozen=True, slots=True)
class Kept:
    """A reply's bytes, how many sources there are in it, and how long it may still be given."""

    body: bytes
    sources: int
    ttl_seconds: float


def seal(body: bytes, *, sources: int, expires_at: float) -> bytes:
    """The reply as bytes."""
    return _HEAD.pack(_TAG, crc32(body), len(body), sources, expires_at) + body


def unseal(sealed: bytes, *, now: float, max_ttl_seconds: float) -> Kept | None:
    """The reply, None if the bytes are not one, or if its time is over, or further away than it can be."""
    if len(sealed) < _HEAD.size:
        return None
    tag, checksum, length, sources, expires_at = _HEAD.unpack_from(sealed)
    body = sealed[_HEAD.size :]
    if tag != _TAG or length != len(body) or checksum != crc32(body):
        return None
    ttl_seconds = expires_at - now
    return Kept(body, sources, ttl_seconds) if 0 < ttl_seconds <= max_ttl_seconds else None
