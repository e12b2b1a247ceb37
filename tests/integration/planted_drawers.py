"""Page drawers that do what crafted files make drawers do. A child process imports them by name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from citewell.images import encode_png
from citewell.model import Box


def drawing(path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box]) -> bytes:
    """An image as wide as the page's number, which is the process's id as well as it can tell."""
    del path, media_type, scale, marks
    return encode_png(os.getpid().to_bytes(3) * page, width=page, height=1)


def lying(path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box]) -> bytes:
    """What a browser would take for a script."""
    del path, media_type, page, scale, marks
    return b"<script>alert(1)</script>" * 9


def boasting(path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box]) -> bytes:
    """An image that says to be far larger than it is."""
    small = drawing(path, media_type=media_type, page=page, scale=scale, marks=marks)
    return small[:16] + (1 << 30).to_bytes(4) * 2 + small[24:]


def endless(path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box]) -> bytes:
    """Never comes to an end."""
    while True:
        pass


def crashing(path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box]) -> bytes:
    """Ends the process."""
    os.abort()


def greedy(path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box]) -> bytes:
    """Takes memory until there is no more."""
    return bytes(1 << 40)


def flooding(path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box]) -> bytes:
    """More bytes than any image has."""
    return bytes(65 << 20)
