"""Files made to do harm to whoever reads them: each ends with its own code, and the next file is read."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.office import docx, epub, paragraph, zipped

from citewell.errors import IngestionFailure, ParserLimitExceeded, UnreadableDocument
from citewell_adapters.markup import DOCX, EPUB, HTML
from citewell_adapters.parsing import ChildLimits, ChildParser
from citewell_entrypoints.reading import READER, detect_child_type

#: The machine may be busy, and only what is named below is to end by its time.
_LIMITS = ChildLimits(file_seconds=60.0, page_seconds=50.0, memory_bytes=512 << 20)
_IMPATIENT = ChildLimits(file_seconds=6.0, page_seconds=5.0, memory_bytes=512 << 20)
_MIB = b" " * (1 << 20)
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
_BILLION_LAUGHS = f'<!DOCTYPE w [<!ENTITY l0 "ha">{_LAUGHS}]><w>&l11;</w>'


@asynccontextmanager
async def _parser(limits: ChildLimits) -> AsyncIterator[ChildParser]:
    async with ChildParser(reader=READER, detect=detect_child_type, limits=limits, max_children=1) as parser:
        yield parser


@pytest.fixture(scope="module")
async def parser() -> AsyncIterator[ChildParser]:
    async with _parser(_LIMITS) as parser:
        yield parser


@pytest.fixture(scope="module")
async def impatient() -> AsyncIterator[ChildParser]:
    async with _parser(_IMPATIENT) as parser:
        yield parser


def _bomb(path: Path, name: str, begin: bytes, *, mib: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as entry:
        entry.write(begin)
        for _ in range(mib):
            entry.write(_MIB)
    return path


def _lying_bomb(path: Path) -> Path:
    """The directory says that the entry is short."""
    _bomb(path, "word/document.xml", b"<w>", mib=600)
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (1_000).to_bytes(4, "little")
    path.write_bytes(content)
    return path


def _many_entries(path: Path) -> Path:
    return zipped(path, {f"word/{n}": b"" for n in range(20_001)})


def _deep_xml(path: Path) -> Path:
    return docx(path, "<w:tbl>" * 2_000_000)


def _deep_html(path: Path) -> Path:
    path.write_text("<div>" * 20_000_000)
    return path


def _unclosed(path: Path) -> Path:
    path.write_text("<html>" + "<a href='" * 5_000_000)
    return path


_HOSTILE: dict[str, tuple[Callable[[Path], Path], str, type[IngestionFailure]]] = {
    "a bomb": (lambda p: _bomb(p, "word/document.xml", b"<w>", mib=600), DOCX, ParserLimitExceeded),
    "a bomb that lies": (_lying_bomb, DOCX, UnreadableDocument),
    "a bomb in a book": (
        lambda p: _bomb(p, "META-INF/container.xml", b"<w>", mib=600),
        EPUB,
        ParserLimitExceeded,
    ),
    "too many entries": (_many_entries, DOCX, ParserLimitExceeded),
    "a billion laughs": (
        lambda p: zipped(p, {"word/document.xml": _BILLION_LAUGHS}),
        DOCX,
        UnreadableDocument,
    ),
    "laughs in a style": (lambda p: docx(p, "", styles="&l;"), DOCX, UnreadableDocument),
    "deep XML": (_deep_xml, DOCX, UnreadableDocument),
    "a chapter too long": (
        lambda p: epub(p, {"a.xhtml": "<p>x" + " " * (65 << 20)}),
        EPUB,
        ParserLimitExceeded,
    ),
}


@pytest.mark.parametrize("kind", _HOSTILE)
async def test_a_hostile_file_fails_alone(kind: str, parser: ChildParser, tmp_path: Path) -> None:
    """With a code of its own; what is read next is read."""
    make, media_type, failure = _HOSTILE[kind]
    await _fails_alone(parser, make(tmp_path / "hostile"), media_type, failure)


async def test_what_takes_too_long_fails_alone(impatient: ChildParser, tmp_path: Path) -> None:
    """Deep HTML is read for minutes."""
    await _fails_alone(impatient, _deep_html(tmp_path / "hostile"), HTML, ParserLimitExceeded)


async def _fails_alone(
    parser: ChildParser, path: Path, media_type: str, failure: type[IngestionFailure]
) -> None:
    with pytest.raises(failure):
        [page async for page in parser.parse(path, media_type=media_type)]
    good = docx(path.with_name("good"), paragraph("still there"))
    assert [page.text async for page in parser.parse(good, media_type=DOCX)] == ["still there"]


async def test_a_tag_that_never_ends_is_contained(impatient: ChildParser, tmp_path: Path) -> None:
    """It is read, or ends at a limit; whichever Python reads it."""
    path = _unclosed(tmp_path / "hostile")
    try:
        text = "".join([page.text async for page in impatient.parse(path, media_type=HTML)])
    except ParserLimitExceeded:
        text = ""
    assert len(text) <= path.stat().st_size


async def test_a_table_without_end_comes_in_bounded_parts(parser: ChildParser, tmp_path: Path) -> None:
    """A row that grows is taken for a page laid out; a table of many rows is many blocks."""
    path = tmp_path / "table"
    path.write_text("<html><table><tr>" + "<td>cell" * 100_000 + "<tr><td>x<td>y" * 10_000)
    lengths = [len(page.text) async for page in parser.parse(path, media_type=HTML)]
    assert len(lengths) > 5
    assert max(lengths) < 70_000
