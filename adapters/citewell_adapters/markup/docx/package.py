"""Which parts of a DOCX hold what."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from citewell.errors import UnreadableDocument
from citewell_adapters.markup.archive import Archive
from citewell_adapters.markup.events import Event, Start, xml_events

__all__ = ["WORD_NAMESPACES", "DocxPackage"]

#: Of the usual and of the strict form.
WORD_NAMESPACES: Final = frozenset(
    {
        "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "http://purl.oclc.org/ooxml/wordprocessingml/main",
    }
)
_ROOT: Final = ""


@dataclass(frozen=True, slots=True)
class DocxPackage:
    """The archive, the name of its main part, and what that refers to: names of parts by kind."""

    archive: Archive
    main: str
    related: Mapping[str, str]

    @classmethod
    def of(cls, archive: Archive) -> DocxPackage:
        """Raises UnreadableDocument if there is no main part."""
        main = _relations(archive, _ROOT).get("officeDocument", "word/document.xml")
        if main not in archive:
            raise UnreadableDocument("the file is no Word document: it has no main part")
        return cls(archive, main, _relations(archive, main))

    def events(self, kind: str) -> Iterator[Event]:
        """What the part of this kind (`styles`, `footnotes` …) says; nothing if there is none."""
        name = self.related.get(kind)
        if name is not None and name in self.archive:
            yield from xml_events(self.archive.pieces(name))

    def body(self) -> Iterator[Event]:
        """What the main part says. Raises UnreadableDocument if it is none of Word's."""
        begun = False
        for event in xml_events(self.archive.pieces(self.main)):
            if not begun and isinstance(event, Start):
                begun = True
                if event.name != "document" or event.namespace not in WORD_NAMESPACES:
                    raise UnreadableDocument("the file is no Word document but another kind of office file")
            yield event


def _relations(archive: Archive, part: str) -> Mapping[str, str]:
    folder, name = posixpath.split(part)
    relations = posixpath.join(folder, "_rels", f"{name}.rels")
    found: dict[str, str] = {}
    if relations not in archive:
        return found
    for event in xml_events(archive.pieces(relations)):
        if isinstance(event, Start) and event.name == "Relationship":
            target = event.attributes.get("Target", "")
            if event.attributes.get("TargetMode") != "External":
                kind = event.attributes.get("Type", "").rpartition("/")[2]
                found.setdefault(kind, posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/"))
    return found
