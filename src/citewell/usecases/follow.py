"""Following a document to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from citewell.model import DocumentEvent, DocumentId
from citewell.ports import DocumentStore

__all__ = ["FollowDocument"]

_AT_ONCE: Final = 100
#: Whoever follows is to see things move; thousands who do are not to be felt.
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 1.0
_PAUSE_GROWTH: Final = 1.25


class FollowDocument:
    """Every change of a document's status, stage and progress, as it happens."""

    def __init__(self, *, documents: DocumentStore) -> None:
        self._documents = documents

    async def __call__(
        self, document_id: DocumentId, *, after: int = 0
    ) -> AsyncGenerator[DocumentEvent, None]:
        """The events past the id `after`, ending with that of an end state.

        None if the document is at its end and there is no event past `after`. Raises DocumentNotFound, also
        when it is deleted meanwhile.
        """
        pause = _FIRST_PAUSE_SECONDS
        while True:
            events = await self._documents.events(document_id, after=after, limit=_AT_ONCE)
            for event in events:
                yield event
                after = event.id
            # An end is the last event only until the document is tried anew or replaced.
            if len(events) == _AT_ONCE:
                continue
            if events[-1].is_end if events else await self._is_at_end(document_id, after):
                return
            pause = _FIRST_PAUSE_SECONDS if events else min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def _is_at_end(self, document_id: DocumentId, after: int) -> bool:
        """Whether nothing more is to come behind the event `after`."""
        document = await self._documents.get(document_id)
        # Between the two questions the end may have come.
        return document.status.is_end and not await self._documents.events(document_id, after=after, limit=1)
