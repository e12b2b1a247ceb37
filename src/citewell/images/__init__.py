"""Images of pages: marking places on them, and PNG."""

from typing import Final

from citewell.images.highlight import highlight
from citewell.images.png import encode_png, png_size

__all__ = ["MAX_IMAGE_PIXELS", "encode_png", "highlight", "png_size"]

#: A sheet of A4 with 288 dots per inch fits.
MAX_IMAGE_PIXELS: Final = 10_000_000
