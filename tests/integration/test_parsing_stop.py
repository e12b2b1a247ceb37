"""A reader that is left in mid-file is gone at once, however much it still had to say."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pymupdf
import pytest

from citewell_adapters.parsing import ChildParser
from citewell_adapters.pymupdf import PDF, PDF_READER, detect_pdf


@pytest.fixture
def long_pdf(tmp_path: Path) -> Path:
    """More text than the pipe and the stream's buffer hold."""
    path = tmp_path / "long.pdf"
    with pymupdf.open() as document:  # type: ignore[no-untyped-call]
        for _ in range(300):
            page = document.new_page()
            page.insert_text((40, 40), ["So many words on each and every page of it."] * 60, fontsize=8)
        document.save(path)
    return path


async def test_leaving_a_long_file_early_stops_its_reader(long_pdf: Path) -> None:
    """Closing the generator early ends the reading, with pages still waiting in the pipe."""
    async with ChildParser(reader=PDF_READER, detect=detect_pdf) as parser:
        async with asyncio.timeout(30), aclosing(parser.parse(long_pdf, media_type=PDF)) as pages:
            first = await anext(pages)
            await asyncio.sleep(1)  # the reader fills the pipe and waits
        assert first.number == 1
        async with asyncio.timeout(30), aclosing(parser.parse(long_pdf, media_type=PDF)) as pages:
            assert len([page async for page in pages]) == 300
