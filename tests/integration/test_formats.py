"""Each format from its bytes to a search that finds it, by the parser that the service has."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pymupdf
import pytest
from tests.http_app import settings
from tests.office import docx, epub, paragraph

from citewell.errors import UnsupportedMediaType
from citewell.memory import MemoryLibrary
from citewell.model import Status
from citewell_adapters.markup import DOCX, EPUB, HTML
from citewell_adapters.mock import MockEmbedder
from citewell_adapters.parsing import Parsers
from citewell_entrypoints import builders

_SENTENCE = "The lamp on the north mole shows two white flashes every twelve seconds."
_HTML = f"<!doctype html><title>The lamp</title><script>x</script><h1>The lamp</h1><p>{_SENTENCE}</p>"
# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf


@pytest.fixture
async def parsers(tmp_path: Path) -> AsyncIterator[Parsers]:
    parsers = builders.parser(settings(tmp_path / "data"))
    assert isinstance(parsers, Parsers)
    async with parsers:
        yield parsers


def _made(folder: Path, kind: str) -> bytes:
    if kind == "pdf":
        with _pymupdf.open() as document:
            page = document.new_page()
            page.insert_text((72, 80), "The lamp", fontsize=20)
            page.insert_text((72, 110), _SENTENCE, fontsize=10)
            return bytes(document.tobytes())
    if kind == "docx":
        return docx(folder / "a", paragraph("The lamp", style="Heading1") + paragraph(_SENTENCE)).read_bytes()
    if kind == "epub":
        return epub(folder / "a", {"cover.xhtml": "<img>", "a.xhtml": _HTML}).read_bytes()
    return {
        "html": _HTML.encode(),
        "md": f"# The lamp\n\n{_SENTENCE}\n".encode(),
        "utf-16": _SENTENCE.encode("utf-16-le"),
        "koi8-r": "Лампа на северном молу даёт две вспышки. The lamp flashes twelve seconds.".encode(
            "koi8-r"
        ),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "page"),
    [("pdf", 1), ("docx", 1), ("epub", 2), ("html", 1), ("md", 1), ("utf-16", 1), ("koi8-r", 1)],
)
async def test_what_is_in_a_file_is_found(kind: str, page: int, parsers: Parsers, tmp_path: Path) -> None:
    """Whatever it is called, with its page and its heading."""
    library = MemoryLibrary(embedder=MockEmbedder(), parser=parsers)
    suffix = ".md" if kind == "md" else ""
    document = await library.add(_made(tmp_path, kind), name=f"upload{suffix}")
    assert document.status is Status.READY
    (hit, *_) = await library.search("How often does the lamp flash, every twelve seconds?", top_k=1)
    assert "twelve" in hit.chunk.text
    assert (hit.chunk.first_page, hit.chunk.last_page) == (page, page)
    if kind not in ("utf-16", "koi8-r"):
        assert hit.chunk.heading_path[-1:] == ("The lamp",)


async def test_office_files_of_other_kinds_are_refused(parsers: Parsers) -> None:
    """Before anything is kept of them."""
    library = MemoryLibrary(embedder=MockEmbedder(), parser=parsers)
    for content in (b"PK\x03\x04" + bytes(100), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)):
        with pytest.raises(UnsupportedMediaType):
            await library.add(content, name="a.docx")


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system which libraries a process has loaded")
async def test_a_process_loads_only_what_its_files_need(parsers: Parsers, tmp_path: Path) -> None:
    """PyMuPDF is for PDFs alone: processes are many, and it is large."""
    for name, media_type in (("html", HTML), ("docx", DOCX), ("epub", EPUB)):
        (tmp_path / name).write_bytes(_made(tmp_path, name))
        assert [page async for page in parsers.parse(tmp_path / name, media_type=media_type)]
    children = [
        child for child in psutil.Process().children() if "citewell_adapters.parsing" in _command(child)
    ]
    assert children
    for child in children:
        assert not any("mupdf" in library.path for library in child.memory_maps())
        assert child.memory_info().rss < 48 << 20


def _command(process: psutil.Process) -> str:
    return " ".join(process.cmdline())
