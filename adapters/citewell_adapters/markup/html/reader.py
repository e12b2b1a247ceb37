"""Reads HTML as one page, piece by piece."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from citewell.model import ParsedPage
from citewell_adapters.markup.blocks import Block, pages_of
from citewell_adapters.markup.html.encoding import declared_encoding
from citewell_adapters.markup.html.text import HtmlText

__all__ = ["read_html"]

_HEAD_BYTES: Final = 4_096
# Large, as the parser looks at the whole of a script that has not ended each time it gets more.
_PIECE_BYTES: Final = 1 << 20
_UNICODE: Final = "utf"


def read_html(path: Path, *, encoding_of: Callable[[Path], str], skip: int = 0) -> Iterator[ParsedPage]:
    """The page's parts. encoding_of: what the bytes look like; what the page says decides between others.

    A page that is valid as Unicode is Unicode, and one that is not is none, whatever it says of itself.
    """
    encoding = encoding_of(path)
    if not encoding.startswith(_UNICODE):
        with path.open("rb") as file:
            declared = declared_encoding(file.read(_HEAD_BYTES)) or _UNICODE
        encoding = encoding if declared.startswith(_UNICODE) else declared
    return islice(pages_of(_blocks(path, encoding)), skip, None)


def _blocks(path: Path, encoding: str) -> Iterator[Block]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    text = HtmlText()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            text.feed(decoder.decode(piece))
            yield from text.taken()
    text.feed(decoder.decode(b"", final=True))
    text.close()
    yield from text.taken()
