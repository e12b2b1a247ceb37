"""Use cases that stay in one embedding space from their beginning to their end."""

from __future__ import annotations

from typing import Final

from citewell.model import Found, JobId, Scope, SearchOptions
from citewell.usecases import IngestDocument, Search
from citewell_entrypoints.spaces.serving import ServedSpaces

__all__ = ["SteadyIngest", "SteadySearch"]

_USUAL: Final = SearchOptions()


class SteadySearch:
    """Search, whose question and hits are of one space; asked again if another one takes its place."""

    def __init__(self, *, spaces: ServedSpaces, search: Search) -> None:
        self._spaces = spaces
        self._search = search

    async def __call__(
        self, question: str, *, scope: Scope, top_k: int = 5, options: SearchOptions = _USUAL
    ) -> Found:
        """As `Search`."""
        return await self._spaces.steady(
            lambda: self._search(question, scope=scope, top_k=top_k, options=options)
        )


class SteadyIngest:
    """IngestDocument, whose chunks are cut, embedded and published in one space."""

    def __init__(self, *, spaces: ServedSpaces, ingest_document: IngestDocument) -> None:
        self._spaces = spaces
        self._ingest_document = ingest_document

    async def __call__(self, job_id: JobId) -> None:
        """As `IngestDocument`; a job that it gave back for another space is claimed again at once."""
        await self._spaces.steady(lambda: self._ingest_document(job_id))
