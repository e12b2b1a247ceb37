"""Copies of encrypted PDFs that open without a password."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from citewell.errors import ParserCrashed, ParserLimitExceeded, UnreadableDocument
from citewell.model import ParsedPage
from citewell_adapters.parsing import ChildLimits, ChildParser, ReaderUnavailable
from citewell_adapters.pymupdf import PDF, PDF_READER, PDF_UNLOCKER, detect_pdf

_FOLDER = Path(__file__).parents[3] / "shared" / "pdfs"
# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf
_PASSWORD = "correct horse"


def _parser(limits: ChildLimits | None = None) -> ChildParser:
    return ChildParser(reader=PDF_READER, unlocker=PDF_UNLOCKER, detect=detect_pdf, limits=limits)


@pytest.fixture(scope="module")
async def parser() -> AsyncIterator[ChildParser]:
    async with _parser() as parser:
        yield parser


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    path = tmp_path / "locked.pdf"
    with _pymupdf.open() as document:
        for number in range(3):
            document.new_page().insert_text((72, 80), f"Nobody may read page {number}.")
        document.set_metadata({"title": "Secrets", "author": "Ada"})
        document.save(path, encryption=_pymupdf.PDF_ENCRYPT_AES_256, user_pw=_PASSWORD, owner_pw="owner")
    return path


def _known() -> list[tuple[str, str]]:
    if not _FOLDER.is_dir():
        return []
    with (_FOLDER / "manifest.tsv").open(newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [(row["file"], row["password"]) for row in rows if row["password"]]


async def _pages(parser: ChildParser, path: Path, *, password: str | None = None) -> list[ParsedPage]:
    async with aclosing(parser.parse(path, media_type=PDF, password=password)) as pages:
        return [page async for page in pages]


async def test_a_copy_is_no_longer_encrypted_and_says_the_same(
    parser: ChildParser, locked: Path, tmp_path: Path
) -> None:
    """Its text, boxes and metadata are those of the original."""
    to = tmp_path / "open.pdf"
    assert await parser.unlock(locked, media_type=PDF, password=_PASSWORD, to=to)
    assert await _pages(parser, to) == await _pages(parser, locked, password=_PASSWORD)
    with _pymupdf.open(to) as copy:
        assert (copy.metadata["title"], copy.metadata["encryption"]) == ("Secrets", None)


async def test_the_owners_password_unlocks_as_well(parser: ChildParser, locked: Path, tmp_path: Path) -> None:
    """To the same bytes."""
    by_user, by_owner = tmp_path / "user.pdf", tmp_path / "owner.pdf"
    assert await parser.unlock(locked, media_type=PDF, password=_PASSWORD, to=by_user)
    assert await parser.unlock(locked, media_type=PDF, password="owner", to=by_owner)
    assert _bytes(by_user) == _bytes(by_owner)


async def test_a_copy_over_the_limit_is_not_left_behind(locked: Path, tmp_path: Path) -> None:
    """ParserLimitExceeded, and no half of a file."""
    to = tmp_path / "open.pdf"
    async with _parser(ChildLimits(file_bytes=512)) as parser:
        with pytest.raises(ParserLimitExceeded):
            await parser.unlock(locked, media_type=PDF, password=_PASSWORD, to=to)
    assert not _exists(to)


async def test_a_copy_that_has_no_place_may_be_tried_again(
    parser: ChildParser, locked: Path, tmp_path: Path
) -> None:
    """The file is not to blame for a full disk, or a folder that is away."""
    with pytest.raises(ReaderUnavailable):
        await parser.unlock(locked, media_type=PDF, password=_PASSWORD, to=tmp_path / "away" / "open.pdf")


async def test_what_is_no_pdf_cannot_be_unlocked(parser: ChildParser, tmp_path: Path) -> None:
    """UnreadableDocument, which names no path of this machine."""
    path, to = tmp_path / "noise.pdf", tmp_path / "open.pdf"
    _write(path, b"%PDF-1.4\n" + bytes(range(256)) * 40)
    with pytest.raises(UnreadableDocument) as raised:
        await parser.unlock(path, media_type=PDF, password=_PASSWORD, to=to)
    assert str(tmp_path) not in str(raised.value)
    assert not _exists(to)


def _planted(unlocker: str, limits: ChildLimits | None = None) -> ChildParser:
    unlocker = f"tests.integration.planted_readers:{unlocker}"
    return ChildParser(reader=PDF_READER, unlocker=unlocker, detect=detect_pdf, limits=limits)


async def test_a_crash_leaves_neither_a_copy_nor_the_password(
    locked: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """ParserCrashed; nothing that is logged or said holds the password."""
    to = tmp_path / "open.pdf"
    async with _planted("forgetful") as parser:
        with pytest.raises(ParserCrashed) as raised:
            await parser.unlock(locked, media_type=PDF, password=_PASSWORD, to=to)
    assert not _exists(to)
    assert caplog.records
    assert _PASSWORD not in caplog.text + str(raised.value)


@pytest.mark.parametrize(("size", "fits"), [(1_000, True), (1_001, False)])
async def test_the_process_that_unlocks_writes_no_more_than_it_may(
    size: int, fits: bool, tmp_path: Path
) -> None:
    """The kernel stops it, whatever it wants."""
    path, to = tmp_path / "size", tmp_path / "copy"
    _write(path, str(size).encode())
    async with _planted("writing_more", ChildLimits(file_bytes=1_000)) as parser:
        if fits:
            assert await parser.unlock(path, media_type=PDF, password=_PASSWORD, to=to)
        else:
            with pytest.raises(ReaderUnavailable):
                await parser.unlock(path, media_type=PDF, password=_PASSWORD, to=to)
    assert _exists(to) == fits


async def test_a_parser_without_an_unlocker_unlocks_nothing(locked: Path, tmp_path: Path) -> None:
    """Its format has no passwords."""
    async with ChildParser(reader=PDF_READER, detect=detect_pdf) as parser:
        assert not await parser.unlock(locked, media_type=PDF, password=_PASSWORD, to=tmp_path / "open.pdf")


@pytest.mark.skipif(not _FOLDER.is_dir(), reason="there is no collection of PDFs beside the checkout")
@pytest.mark.parametrize(("file", "password"), _known())
async def test_real_files_read_the_same_once_unlocked(
    parser: ChildParser, file: str, password: str, tmp_path: Path
) -> None:
    """Whatever they were encrypted with."""
    to = tmp_path / "open.pdf"
    assert await parser.unlock(_FOLDER / file, media_type=PDF, password=password, to=to)
    assert await _pages(parser, to) == await _pages(parser, _FOLDER / file, password=password)


def _bytes(path: Path) -> bytes:
    return path.read_bytes()


def _exists(path: Path) -> bool:
    return path.exists()


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
