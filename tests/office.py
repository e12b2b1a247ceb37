"""Writes DOCX and EPUB files for tests."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["W", "docx", "epub", "paragraph", "zipped"]

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'wordprocessingml.document.main+xml"/></Types>'
)
_CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/content.opf"/></rootfiles></container>'
)


def zipped(path: Path, entries: Mapping[str, str | bytes], *, stored: frozenset[str] = frozenset()) -> Path:
    """An archive with these entries, in order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            kind = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, compress_type=kind)
    return path


def docx(path: Path, body: str, **parts: str) -> Path:
    """A Word document with this body; parts: the content of `styles`, `numbering`, `footnotes` …"""
    entries: dict[str, str | bytes] = {
        "[Content_Types].xml": _CONTENT_TYPES,
        "_rels/.rels": _relations({"officeDocument": "word/document.xml"}),
        "word/document.xml": _part("document", f"<w:body>{body}</w:body>"),
        "word/_rels/document.xml.rels": _relations({kind: f"{kind}.xml" for kind in parts}),
        **{f"word/{kind}.xml": _part(kind, content) for kind, content in parts.items()},
    }
    return zipped(path, entries)


def paragraph(text: str, *, style: str = "", properties: str = "") -> str:
    """A paragraph of one run."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f'<w:p><w:pPr>{named}{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def epub(
    path: Path, chapters: Mapping[str, str], *, contents: Mapping[str, str] | None = None, **more: str
) -> Path:
    """A book; chapters: XHTML, and contents: titles, by file name; more: further entries of META-INF."""
    items = "".join(
        f'<item id="i{place}" href="text/{name}" media-type="application/xhtml+xml"/>'
        for place, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="i{place}"/>' for place in range(len(chapters)))
    labels = "".join(
        f'<navPoint><navLabel><text>{title}</text></navLabel><content src="text/{name}#start"/></navPoint>'
        for name, title in (contents or {}).items()
    )
    package = (
        f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}'
        '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>'
        f"<spine>{spine}</spine></package>"
    )
    entries: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": _CONTAINER,
        **{f"META-INF/{name}.xml": content for name, content in more.items()},
        "OEBPS/content.opf": package,
        "OEBPS/toc.ncx": f'<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" ""><ncx>{labels}</ncx>',
        **{f"OEBPS/text/{name}": content for name, content in chapters.items()},
    }
    return zipped(path, entries, stored=frozenset({"mimetype"}))


def _part(kind: str, content: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><w:{kind} xmlns:w="{W}">{content}</w:{kind}>'


def _relations(targets: Mapping[str, str]) -> str:
    found = "".join(
        f'<Relationship Id="r{kind}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{_RELATIONS}">{found}</Relationships>'
