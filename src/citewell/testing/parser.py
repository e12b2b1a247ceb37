"""The contract of Parser."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from citewell.errors import (
    IngestionFailure,
    ParserCrashed,
    ParserLimitExceeded,
    PasswordRequired,
    UnreadableDocument,
)
from citewell.model import Box, ParsedPage
from citewell.ports import Parser

__all__ = ["ParserContract", "SampleFiles"]

_HEAD_BYTES: Final = 8_192
_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")
# The beginnings of files that no parser of documents reads.
_FOREIGN: Final = (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\x7fELF\x02\x01\x01" + bytes(9), bytes(range(256)) * 8)


@dataclass(frozen=True, slots=True)
class SampleFiles:
    """Files of the types that a parser reads.

    readable: with the media type of each, some of them of several pages or parts. unreadable: files it takes
    for its own and cannot read, with what it raises. locked: files with the password that opens each.
    damaged: files with the number of a page that cannot be read, others of which can.
    """

    readable: Sequence[tuple[Path, str]]
    unreadable: Sequence[tuple[Path, type[IngestionFailure]]] = ()
    locked: Sequence[tuple[Path, str]] = field(default=())
    damaged: Sequence[tuple[Path, int]] = field(default=())


class ParserContract:
    """Override `parser` with an open parser and `samples` with files for it."""

    @pytest.fixture
    def parser(self) -> Parser:
        raise NotImplementedError("override the fixture parser")

    @pytest.fixture
    def samples(self) -> SampleFiles:
        raise NotImplementedError("override the fixture samples")

    def test_it_knows_its_files(self, parser: Parser, samples: SampleFiles) -> None:
        """The media type if this parser reads a file that begins with `head`."""
        for path, media_type in samples.readable:
            assert parser.detect(_head(path), name=path.name) == media_type

    def test_names_do_not_hide_what_the_bytes_are(self, parser: Parser, samples: SampleFiles) -> None:
        """The bytes decide; the name only tells apart types that look the same."""
        for path, _ in samples.readable:
            for name in ("", "picture.png", "no suffix", "..", "a/b\\c", "ünï\ncode\0.exe"):
                assert parser.detect(_head(path), name=name) is not None

    def test_names_do_not_make_a_type_of_other_bytes(self, parser: Parser, samples: SampleFiles) -> None:
        """Else None."""
        for head in _FOREIGN:
            for path, _ in samples.readable:
                assert parser.detect(head, name=path.name) is None

    async def test_there_are_pages(self, parser: Parser, samples: SampleFiles) -> None:
        """The pages in order, each as soon as it is read."""
        for path, media_type in samples.readable:
            pages = await _pages(parser, path, media_type)
            assert pages
            assert any(page.text.strip() for page in pages)

    async def test_numbers_begin_at_1_and_never_decrease(self, parser: Parser, samples: SampleFiles) -> None:
        """Numbers begin at 1 and never decrease."""
        for path, media_type in samples.readable:
            numbers = [page.number for page in await _pages(parser, path, media_type)]
            assert numbers[0] == 1
            assert numbers == sorted(numbers)

    async def test_a_total_is_the_number_of_pages(self, parser: Parser, samples: SampleFiles) -> None:
        """`pages_total` is the number of pages of the whole document where the parser knows it, else None."""
        for path, media_type in samples.readable:
            pages = await _pages(parser, path, media_type)
            assert {page.pages_total for page in pages} <= {None, pages[-1].number}

    async def test_skipped_pages_are_left_out(self, parser: Parser, samples: SampleFiles) -> None:
        """The first `skip` pages or parts are left out, and the others come as they would have come."""
        for path, media_type in samples.readable:
            pages = await _pages(parser, path, media_type)
            for skip in range(len(pages)):
                assert await _pages(parser, path, media_type, skip=skip) == pages[skip:]

    async def test_past_the_end_there_are_no_pages(self, parser: Parser, samples: SampleFiles) -> None:
        """Past the end there are none."""
        for path, media_type in samples.readable:
            count = len(await _pages(parser, path, media_type))
            for skip in (count, count + 1, count + 1_000):
                assert await _pages(parser, path, media_type, skip=skip) == []

    async def test_no_part_of_several_is_empty(self, parser: Parser, samples: SampleFiles) -> None:
        """Where a page comes in several parts, none of them is empty."""
        for path, media_type in samples.readable:
            pages = await _pages(parser, path, media_type)
            parts = Counter(page.number for page in pages)
            assert all(page.text for page in pages if parts[page.number] > 1)

    async def test_a_page_that_cannot_be_read_says_why(self, parser: Parser, samples: SampleFiles) -> None:
        """A page that cannot be read comes with an empty text and says in `problem` why."""
        media_type = samples.readable[0][1]
        for path, number in samples.damaged:
            pages = {page.number: page for page in await _pages(parser, path, media_type)}
            assert pages[number].problem
            assert not pages[number].text
            assert any(page.text for page in pages.values())
            assert not any(page.problem for page in pages.values() if page.text)
            assert str(path) not in pages[number].problem

    async def test_texts_are_clean(self, parser: Parser, samples: SampleFiles) -> None:
        """No text holds a NUL or a surrogate."""
        for path, media_type in samples.readable:
            for page in await _pages(parser, path, media_type):
                assert not _UNFIT.search(page.text)
                assert not any(_UNFIT.search(heading.title) for heading in page.headings)

    async def test_lines_are_in_order_within_the_text(self, parser: Parser, samples: SampleFiles) -> None:
        """Line spans are in order and lie within the page's text, boxes within the page."""
        for path, media_type in samples.readable:
            for page in await _pages(parser, path, media_type):
                end = 0
                for line in page.lines:
                    assert end <= line.span.start <= line.span.end <= len(page.text)
                    assert _is_on_page(line.box)
                    end = line.span.end

    async def test_headings_are_in_order_within_the_text(self, parser: Parser, samples: SampleFiles) -> None:
        """Where it begins (characters into the page's text), level from 1, title."""
        for path, media_type in samples.readable:
            for page in await _pages(parser, path, media_type):
                starts = [heading.start for heading in page.headings]
                assert starts == sorted(starts)
                assert all(0 <= start <= len(page.text) for start in starts)
                assert all(heading.level >= 1 and heading.title.strip() for heading in page.headings)

    async def test_reading_again_gives_the_same(self, parser: Parser, samples: SampleFiles) -> None:
        """The pages of a file depend on the file alone."""
        for path, media_type in samples.readable:
            assert await _pages(parser, path, media_type) == await _pages(parser, path, media_type)

    async def test_files_are_read_at_the_same_time(self, parser: Parser, samples: SampleFiles) -> None:
        """Readings do not get in each other's way."""
        files = [*samples.readable] * 3
        alone = [await _pages(parser, path, media_type) for path, media_type in samples.readable]
        together = await asyncio.gather(*(_pages(parser, path, media_type) for path, media_type in files))
        assert together == alone * 3

    async def test_a_reading_that_is_closed_early_ends(self, parser: Parser, samples: SampleFiles) -> None:
        """Closing the generator early ends the reading; the next one is not disturbed."""
        for path, media_type in samples.readable:
            for _ in range(3):
                reading = parser.parse(path, media_type=media_type)
                await anext(reading)
                await reading.aclose()
                with pytest.raises(StopAsyncIteration):
                    await anext(reading)
            assert await _pages(parser, path, media_type)

    async def test_a_reading_that_is_cancelled_ends(self, parser: Parser, samples: SampleFiles) -> None:
        """Closing the generator early ends the reading; cancelling its reader closes it."""
        for path, media_type in samples.readable:
            for _ in range(5):
                reading = asyncio.create_task(_pages(parser, path, media_type))
                await asyncio.sleep(0.001)
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            assert await _pages(parser, path, media_type)

    async def test_what_cannot_be_read_says_why(self, parser: Parser, samples: SampleFiles) -> None:
        """Raises PasswordRequired, UnreadableDocument, ParserLimitExceeded or ParserCrashed."""
        media_type = samples.readable[0][1]
        for path, failure in samples.unreadable:
            assert issubclass(
                failure, PasswordRequired | UnreadableDocument | ParserLimitExceeded | ParserCrashed
            )
            with pytest.raises(failure) as raised:
                await _pages(parser, path, media_type)
            assert str(path) not in str(raised.value)

    async def test_a_password_opens_a_locked_file(self, parser: Parser, samples: SampleFiles) -> None:
        """Raises PasswordRequired, unless the password is right."""
        media_type = samples.readable[0][1]
        for path, password in samples.locked:
            assert await _pages(parser, path, media_type, password=password)
            for wrong in (None, "", password + "x"):
                with pytest.raises(PasswordRequired):
                    await _pages(parser, path, media_type, password=wrong)

    async def test_an_unlocked_copy_needs_no_password(
        self, parser: Parser, samples: SampleFiles, tmp_path: Path
    ) -> None:
        """Write a copy that opens without a password, and reads the same; the same bytes each time."""
        media_type = samples.readable[0][1]
        for path, password in samples.locked:
            copies = [tmp_path / "first", tmp_path / "second"]
            for copy in copies:
                assert await parser.unlock(path, media_type=media_type, password=password, to=copy)
            locked = await _pages(parser, path, media_type, password=password)
            assert await _pages(parser, copies[0], media_type) == locked
            assert _content(copies[0]) == _content(copies[1])

    async def test_a_wrong_password_unlocks_nothing(
        self, parser: Parser, samples: SampleFiles, tmp_path: Path
    ) -> None:
        """False, and no file, if the password is wrong."""
        media_type = samples.readable[0][1]
        for path, password in samples.locked:
            for wrong in ("", password + "x"):
                to = tmp_path / "copy"
                assert not await parser.unlock(path, media_type=media_type, password=wrong, to=to)
                assert not _exists(to)

    async def test_what_is_not_locked_is_not_unlocked(
        self, parser: Parser, samples: SampleFiles, tmp_path: Path
    ) -> None:
        """False, and no file, if the file opens without one, or the format knows none."""
        for path, media_type in samples.readable:
            to, password = tmp_path / "copy", "of no use"
            assert not await parser.unlock(path, media_type=media_type, password=password, to=to)
            assert not _exists(to)


async def _pages(
    parser: Parser, path: Path, media_type: str, *, password: str | None = None, skip: int = 0
) -> list[ParsedPage]:
    reading: AsyncGenerator[ParsedPage, None] = parser.parse(
        path, media_type=media_type, password=password, skip=skip
    )
    async with aclosing(reading):
        return [page async for page in reading]


def _content(path: Path) -> bytes:
    return path.read_bytes()


def _exists(path: Path) -> bool:
    return path.exists()


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _is_on_page(box: Box) -> bool:
    return 0 <= box.left <= box.right <= 1 and 0 <= box.top <= box.bottom <= 1
