"""Plain text and Markdown, decoded by the standard library."""

from __future__ import annotations

import asyncio
import codecs
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO, Final

from citewell.model import ParsedPage
from citewell_adapters.plaintext.detection import MARKDOWN, PLAIN_TEXT, detect_text
from citewell_adapters.plaintext.encoding import encoding_of
from citewell_adapters.plaintext.markdown import UNDERLINE, MarkdownHeadings

__all__ = ["TEXT_TYPES", "TextParser"]

TEXT_TYPES: Final = frozenset({PLAIN_TEXT, MARKDOWN})

_PIECE_BYTES: Final = 65_536
_PART_CHARACTERS: Final = 65_536
_LONGEST_PART: Final = 262_144
_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")


class TextParser:
    """Reads text as one page, in parts that end at the ends of lines; the text itself is kept as it is.

    Encodings from before Unicode are told apart where charset-normalizer is installed; without it such texts
    are read as Windows-1252. A byte order mark is dropped; what cannot be decoded, NULs and surrogates become
    U+FFFD. Markdown keeps its marks, and its headings are found.
    """

    def detect(self, head: bytes, *, name: str) -> str | None:
        """As Parser.detect: `text/markdown` by its name, else `text/plain`, None for binary content."""
        return detect_text(head, name=name)

    async def parse(
        self, path: Path, *, media_type: str, password: str | None = None, skip: int = 0
    ) -> AsyncGenerator[ParsedPage, None]:
        """As Parser.parse."""
        del password  # texts have none
        headings = MarkdownHeadings() if media_type == MARKDOWN else None
        count = 0
        async with aclosing(_parts(path)) as parts:
            async for part in parts:
                # Skipped parts are looked at, too: what is open in them goes on in the next.
                found = headings.find(part) if headings else ()
                count += 1
                if count > skip:
                    yield ParsedPage(1, part, headings=found, pages_total=1)

    async def unlock(self, path: Path, *, media_type: str, password: str, to: Path) -> bool:
        """As Parser.unlock: False."""
        del path, media_type, password, to  # texts have no passwords
        return False


async def _parts(path: Path) -> AsyncGenerator[str, None]:
    """The text in parts, none of them empty unless all of it is."""
    decoder = codecs.getincrementaldecoder(await asyncio.to_thread(encoding_of, path))("replace")
    with _opened(path) as file:
        waiting, begun, at_end = "", False, False
        while not at_end:
            piece = await asyncio.to_thread(file.read, _PIECE_BYTES)
            at_end = not piece
            waiting += _UNFIT.sub("\ufffd", decoder.decode(piece, at_end))
            length = len(waiting) if at_end else _part_length(waiting)
            if length or (at_end and not begun):
                part, waiting = waiting[:length], waiting[length:]
                begun = True
                yield part


def _opened(path: Path) -> BinaryIO:
    # Not in a thread: a reading that is cancelled meanwhile would leave the file open.
    return path.open("rb")


def _part_length(text: str) -> int:
    """How much of `text` can be passed on: whole lines, but none that the next line may still underline."""
    if len(text) < _PART_CHARACTERS:
        return 0
    end = text.rfind("\n", 0, text.rfind("\n")) + 1
    if UNDERLINE.match(text, end):
        end = text.rfind("\n", 0, end - 1) + 1
    return end if end or len(text) < _LONGEST_PART else len(text)
