"""Reading text and Markdown."""

from __future__ import annotations

import codecs
import tracemalloc
from pathlib import Path

import pytest

from citewell.model import Heading, ParsedPage
from citewell_adapters.plaintext import MARKDOWN, PLAIN_TEXT, TextParser


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


async def _parts(path: Path, content: bytes, *, media_type: str = PLAIN_TEXT) -> list[ParsedPage]:
    _write(path, content)
    return [page async for page in TextParser().parse(path, media_type=media_type)]


async def _text(path: Path, content: bytes) -> str:
    return "".join(part.text for part in await _parts(path, content))


async def _titles(path: Path, markdown: str) -> list[tuple[int, str]]:
    parts = await _parts(path, markdown.encode(), media_type=MARKDOWN)
    assert "".join(part.text for part in parts) == markdown
    for part in parts:
        assert all(part.text[: one.start].endswith("\n") or not one.start for one in part.headings)
    return [(heading.level, heading.title) for part in parts for heading in part.headings]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (b"a\r\nb\n\tc ", "a\r\nb\n\tc "),
        ("你好 🦉".encode(), "你好 🦉"),
        (codecs.BOM_UTF8 + b"marked", "marked"),
        ("ß 🦉".encode("utf-16"), "ß 🦉"),
        (codecs.BOM_UTF16_BE + "ß".encode("utf-16-be"), "ß"),
        (codecs.BOM_UTF32_LE + "ß".encode("utf-32-le"), "ß"),
        ("Größe “déjà”".encode("cp1252"), "Größe “déjà”"),
        (b"nul \0", "nul \ufffd"),
        (("ä" * 50).encode() + b"\xff, one bad byte", "ä" * 50 + "\ufffd, one bad byte"),
        (("ä" * 50).encode() + b"\xed\xb0\x80", "ä" * 50 + "\ufffd" * 3),
        (codecs.BOM_UTF16_LE + b"a\0\0\xd8b\0", "a\ufffdb"),
    ],
)
async def test_text_is_kept_as_it_is(content: bytes, text: str, tmp_path: Path) -> None:
    """In whatever encoding; only what no text may hold is replaced."""
    assert await _text(tmp_path / "file", content) == text


async def test_long_text_comes_in_parts_that_end_with_lines(tmp_path: Path) -> None:
    """Each carries number 1, and together they are the text, however characters fall."""
    text = "".join(f"Zeile {number}, 你好\r\n" for number in range(30_000))
    parts = await _parts(tmp_path / "file", text.encode())
    assert "".join(part.text for part in parts) == text
    assert len(parts) > 5
    assert {(part.number, part.pages_total) for part in parts} == {(1, 1)}
    assert all(part.text.endswith("\r\n") for part in parts)


async def test_a_line_without_end_is_passed_on_in_pieces(tmp_path: Path) -> None:
    """Memory stays bounded whatever a file holds."""
    path = tmp_path / "file"
    _write(path, b"x" * (64 << 20))
    tracemalloc.start()
    try:
        length = 0
        async for part in TextParser().parse(path, media_type=PLAIN_TEXT):
            length += len(part.text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert length == 64 << 20
    assert peak < 8 << 20


async def test_markdown_headings_have_levels_and_titles_without_marks(tmp_path: Path) -> None:
    """Both kinds of heading that Markdown knows."""
    markdown = (
        "# One #\n\ntext\n## **Two** and `code`\n   ### [Three](x.html) ![pic](y.png)\n"
        "Four\n====\n\nFive\n-----\n#No heading\n####### neither\n    # code\n#\n"
    )
    assert await _titles(tmp_path / "a.md", markdown) == [
        (1, "One"),
        (2, "Two and code"),
        (3, "Three pic"),
        (1, "Four"),
        (2, "Five"),
    ]


async def test_code_and_front_matter_hold_no_headings(tmp_path: Path) -> None:
    """A comment in a script looks like a heading, and so does what closes front matter."""
    markdown = (
        "---\ntitle: x\n# no\n---\n# One\n```sh\n# no\n~~~\n# no\n```\n~~~~\n# no\n~~~\n# no\n~~~~\n# Two\n"
    )
    assert await _titles(tmp_path / "a.md", markdown) == [(1, "One"), (1, "Two")]


async def test_what_is_no_paragraph_is_no_title(tmp_path: Path) -> None:
    """A line drawn under a list, a table, a quote or nothing is a line."""
    markdown = "---\n\n- item\n---\n\n| a |\n---\n\n> quote\n===\n\ntext\n\n---\nTitle\r\n---\r\n"
    assert await _titles(tmp_path / "a.md", markdown) == [(2, "Title")]


async def test_headings_are_found_in_every_part(tmp_path: Path) -> None:
    """Also where one part ends and the next begins."""
    markdown = "".join(f"# ATX {n}\n\ntext\n\nUnder {n}\n---\n" for n in range(10_000))
    titles = await _titles(tmp_path / "a.md", markdown)
    assert titles == [pair for n in range(10_000) for pair in ((1, f"ATX {n}"), (2, f"Under {n}"))]


async def test_plain_text_has_no_headings(tmp_path: Path) -> None:
    """A script's comments are none."""
    (part,) = await _parts(tmp_path / "a.sh", b"# comment\n")
    assert part.headings == ()


async def test_a_heading_begins_with_its_line(tmp_path: Path) -> None:
    """Where it begins: characters into the page's text."""
    (part,) = await _parts(tmp_path / "a.md", "ä\n\n  ## Title\n".encode(), media_type=MARKDOWN)
    assert part.headings == (Heading(3, 2, "Title"),)
