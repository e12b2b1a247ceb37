"""Marking places on an image, and writing it as a PNG."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.images import encode_png, highlight, png_size
from citewell.model import Box
from citewell.testing.images import Picture, marked_pixels

fractions = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)
boxes = st.builds(lambda across, down: Box(across[0], down[0], across[1], down[1]), fractions, fractions)


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_an_image_comes_back_from_its_png(width: int, height: int, data: st.DataObject) -> None:
    """To the last sample."""
    samples = data.draw(st.binary(min_size=3 * width * height, max_size=3 * width * height))
    image = encode_png(samples, width=width, height=height)
    assert png_size(image) == (width, height)
    assert b"".join(Picture.of(image).rows) == samples


@given(st.integers(1, 12), st.integers(1, 12), st.lists(boxes, max_size=4), st.data())
def test_what_a_box_touches_is_marked_once(
    width: int, height: int, given: list[Box], data: st.DataObject
) -> None:
    """All of it and nothing else, in the same way however many boxes there are."""
    before = data.draw(st.binary(min_size=3 * width * height, max_size=3 * width * height))
    samples, all_marked = bytearray(before), bytearray(before)
    highlight(samples, width=width, height=height, boxes=given)
    highlight(all_marked, width=width, height=height, boxes=[Box(0, 0, 1, 1)])
    touched = marked_pixels(given, width, height)
    for down in range(height):
        for across in range(width):
            place = 3 * (down * width + across)
            wanted = all_marked if (across, down) in touched else before
            assert samples[place : place + 3] == wanted[place : place + 3]


@pytest.mark.parametrize("ground", [b"\xff\xff\xff", b"\x00\x00\x00", b"\x80\x80\x80", b"\x00\x00\xff"])
def test_marks_show_on_any_usual_ground(ground: bytes) -> None:
    """On paper, on black and on colours."""
    samples = bytearray(ground)
    highlight(samples, width=1, height=1, boxes=[Box(0, 0, 1, 1)])
    assert max(abs(one - other) for one, other in zip(samples, ground, strict=True)) > 40


@pytest.mark.parametrize("wrong", [b"", b"\x89PNG", b"GIF89a" * 9, b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0"])
def test_what_is_no_png_is_refused(wrong: bytes) -> None:
    """ValueError."""
    with pytest.raises(ValueError, match="PNG"):
        png_size(wrong)


def test_samples_must_fill_the_image() -> None:
    """ValueError."""
    with pytest.raises(ValueError, match="2 x 2"):
        encode_png(b"\0" * 11, width=2, height=2)
