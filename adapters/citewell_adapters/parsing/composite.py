"""Several parsers as one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from pathlib import Path
from types import TracebackType
from typing import Self

from citewell.errors import UnreadableDocument
from citewell.model import ParsedPage
from citewell.ports import Parser

__all__ = ["Parsers"]


class Parsers:
    """Asks parsers in turn: the first that knows a file's type reads it. Opens and closes those that need it.

    readers: the media types that each parser reads, with the parser. Formats with an unmistakable beginning
    come first, plain text last.
    """

    def __init__(self, readers: Sequence[tuple[frozenset[str], Parser]]) -> None:
        self._readers = tuple(readers)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for _, parser in self._readers:
                if isinstance(parser, AbstractAsyncContextManager):
                    await stack.enter_async_context(parser)
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.__aexit__(kind, error, trace)

    def detect(self, head: bytes, *, name: str) -> str | None:
        """What the first parser says that knows the type, None if none does."""
        found = (parser.detect(head, name=name) for _, parser in self._readers)
        return next((media_type for media_type in found if media_type is not None), None)

    async def parse(
        self, path: Path, *, media_type: str, password: str | None = None, skip: int = 0
    ) -> AsyncGenerator[ParsedPage, None]:
        """As Parser.parse, by the first parser that reads the type; UnreadableDocument if none does."""
        for media_types, parser in self._readers:
            if media_type in media_types:
                reading = parser.parse(path, media_type=media_type, password=password, skip=skip)
                async with aclosing(reading) as pages:
                    async for page in pages:
                        yield page
                return
        raise UnreadableDocument(f"no parser reads {media_type}")

    async def unlock(self, path: Path, *, media_type: str, password: str, to: Path) -> bool:
        """As Parser.unlock, by the first parser that reads the type; False if none does."""
        for media_types, parser in self._readers:
            if media_type in media_types:
                return await parser.unlock(path, media_type=media_type, password=password, to=to)
        return False
