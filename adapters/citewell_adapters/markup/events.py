"""XML from strangers, by expat: no entities of its own, nothing from elsewhere, bounded depth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple
from xml.parsers import expat

from citewell.errors import UnreadableDocument

__all__ = ["End", "Event", "Start", "Text", "xml_events"]

_DEEPEST: Final = 1_000
_SEPARATOR: Final = "\t"


class Start(NamedTuple):
    """An element begins: its name without, and with its namespace; attributes by name without namespace."""

    name: str
    namespace: str
    attributes: Mapping[str, str]


class End(NamedTuple):
    """An element ends."""

    name: str
    namespace: str


class Text(NamedTuple):
    """Characters; those between two tags may come in several pieces."""

    text: str


Event = Start | End | Text


def xml_events(pieces: Iterable[bytes]) -> Iterator[Event]:
    """What the XML says, as it comes in. Raises UnreadableDocument if it is not well-formed or means harm."""
    handler = _Handler()
    try:
        for piece in pieces:
            handler.parser.Parse(piece, False)
            yield from handler.taken()
        handler.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise UnreadableDocument(f"the file is damaged: its XML is not well-formed: {error}") from error
    yield from handler.taken()


class _Handler:
    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._entity
        self._events: list[Event] = []
        self._depth = 0

    def taken(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UnreadableDocument("the file's XML is nested deeper than any document's")
        namespace, local = _split(name)
        self._events.append(
            Start(local, namespace, {_split(key)[1]: value for key, value in attributes.items()})
        )

    def _end(self, name: str) -> None:
        self._depth -= 1
        namespace, local = _split(name)
        self._events.append(End(local, namespace))

    def _text(self, text: str) -> None:
        self._events.append(Text(text))

    def _entity(self, *declaration: object) -> None:
        del declaration
        raise UnreadableDocument("the file's XML declares entities, as no document does")


@lru_cache(maxsize=1_024)
def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition(_SEPARATOR)
    return namespace, local
