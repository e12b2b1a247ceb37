"""Marking places on an image, as with a felt pen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import ceil, floor
from typing import Final

from citewell.model import Box

__all__ = ["highlight"]

_CHANNELS: Final = 3
#: What shines through from paper, as with ink that is laid over: letters stay dark.
_INK: Final = (255, 240, 160)
#: And how much of what colour covers the rest, so that it shows on a black ground, too.
_COVER: Final = (255, 214, 10)
_COVERAGE: Final = 0.18


def _blended(ink: int, cover: int) -> bytes:
    return bytes(round(value * ink / 255 * (1 - _COVERAGE) + cover * _COVERAGE) for value in range(256))


_BLENDED: Final = tuple(_blended(*channel) for channel in zip(_INK, _COVER, strict=True))


def highlight(samples: bytearray, *, width: int, height: int, boxes: Iterable[Box]) -> None:
    """Mark the boxes on an image: `height` rows of `width` pixels of red, green and blue, a byte each.

    Whatever pixel a box touches is marked, once, also where boxes overlap; all others stay as they are.
    """
    rows: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for box in boxes:
        left, right = _pixels(box.left, box.right, width)
        top, bottom = _pixels(box.top, box.bottom, height)
        for row in range(top, bottom):
            rows[row].append((left, right))
    for row, stretches in rows.items():
        for left, right in _merged(stretches):
            start, end = _CHANNELS * (row * width + left), _CHANNELS * (row * width + right)
            for channel, blended in enumerate(_BLENDED):
                place = slice(start + channel, end, _CHANNELS)
                samples[place] = samples[place].translate(blended)


def _pixels(first: float, last: float, count: int) -> tuple[int, int]:
    """The first pixel that is touched between two fractions, and the one past the last."""
    return max(0, floor(first * count)), min(count, ceil(last * count))


def _merged(stretches: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same pixels without overlaps."""
    merged: list[tuple[int, int]] = []
    for left, right in sorted(stretches):
        if merged and left <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(right, merged[-1][1]))
        elif left < right:
            merged.append((left, right))
    return merged
