"""What an EPUB's package document and table of contents say."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from citewell.errors import UnreadableDocument
from citewell_adapters.markup.archive import Archive
from citewell_adapters.markup.events import End, Start, Text, xml_events

__all__ = ["EpubPackage"]

_CONTAINER: Final = "META-INF/container.xml"
_ENCRYPTION: Final = "META-INF/encryption.xml"
# Fonts are made unreadable outside the book by these; its text is not.
_FONT_MANGLING: Final = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PAGES: Final = frozenset(
    {"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"}
)
_MOST_CHAPTERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class EpubPackage:
    """The chapters' entries in order of reading, and the titles that the table of contents gives them."""

    chapters: Sequence[str]
    titles: Mapping[str, str]

    @classmethod
    def of(cls, archive: Archive) -> EpubPackage:
        """Raises UnreadableDocument if the book has no chapters or is encrypted."""
        package = _package_name(archive)
        _refuse_encrypted(archive)
        folder = posixpath.dirname(package)
        items: dict[str, tuple[str, str]] = {}
        spine: list[str] = []
        for event in xml_events(archive.pieces(package)):
            if isinstance(event, Start) and event.name == "item":
                name = _entry(folder, event.attributes.get("href", ""))
                items[event.attributes.get("id", "")] = (name, event.attributes.get("media-type", ""))
            elif isinstance(event, Start) and event.name == "itemref":
                spine.append(event.attributes.get("idref", ""))
        chapters = [items[ref][0] for ref in spine if ref in items and items[ref][1] in _PAGES]
        if not any(chapter in archive for chapter in chapters[:_MOST_CHAPTERS]):
            raise UnreadableDocument("the book is damaged: none of its chapters is there")
        contents = next((name for name, kind in items.values() if kind == "application/x-dtbncx+xml"), "")
        return cls(chapters[:_MOST_CHAPTERS], _titles(archive, contents))


def _package_name(archive: Archive) -> str:
    if _CONTAINER in archive:
        for event in xml_events(archive.pieces(_CONTAINER)):
            if isinstance(event, Start) and event.name == "rootfile":
                return _entry("", event.attributes.get("full-path", ""))
    raise UnreadableDocument("the file is no EPUB: it does not say where its contents are")


def _refuse_encrypted(archive: Archive) -> None:
    if _ENCRYPTION not in archive:
        return
    for event in xml_events(archive.pieces(_ENCRYPTION)):
        if not isinstance(event, Start) or event.name != "EncryptionMethod":
            continue
        if event.attributes.get("Algorithm") not in _FONT_MANGLING:
            raise UnreadableDocument("the book is protected by digital rights management and cannot be read")


def _titles(archive: Archive, contents: str) -> Mapping[str, str]:
    """The first title that the table of contents (NCX) has for each entry."""
    titles: dict[str, str] = {}
    if contents not in archive:
        return titles
    folder, label = posixpath.dirname(contents), ""
    for event in _in_text(archive, contents):
        if isinstance(event, Text):
            label += event.text
        elif isinstance(event, Start) and event.name == "navLabel":
            label = ""
        elif isinstance(event, Start) and event.name == "content":
            titles.setdefault(_entry(folder, event.attributes.get("src", "")), " ".join(label.split()))
    return titles


def _in_text(archive: Archive, name: str) -> Iterator[Start | Text]:
    """Beginnings of elements, and what stands in `text`. Without an end if the XML is damaged."""
    in_text = False
    try:
        for event in xml_events(archive.pieces(name)):
            if isinstance(event, Start | End) and event.name == "text":
                in_text = isinstance(event, Start)
            elif isinstance(event, Start) or (isinstance(event, Text) and in_text):
                yield event
    except UnreadableDocument:
        return  # the book can be read without it


def _entry(folder: str, reference: str) -> str:
    path = unquote(urlsplit(reference).path)
    return posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/")
