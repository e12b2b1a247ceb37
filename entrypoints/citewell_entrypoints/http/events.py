"""The life of a document as server-sent events.

    retry: 2000                      how long a reader waits before it comes back

    id: 17                           give it as Last-Event-ID to go on behind it
    event: progress                  while it is queued or in work; then `ready`, `failed` or `cancelled`
    data: {"status": "processing", "stage": "parsing", "progress": {…}, …}

    : ping                           whenever nothing happens for 15 seconds

The stream ends with the event of an end state, or with `event: deleted`. A database that goes away meanwhile
only makes it quiet: it goes on where it was when the database is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, HeaderParameter, QueryParameter
from litestar.response import Stream
from prometheus_client import Gauge

from citewell.errors import DocumentNotFound, StoreUnavailable
from citewell.model import DocumentEvent, DocumentId
from citewell.usecases import FollowDocument, GetDocument
from citewell_entrypoints.http.descriptions import problems
from citewell_entrypoints.http.problems import INVALID_REQUEST
from citewell_entrypoints.http.schemas import EventItem
from citewell_entrypoints.http.streams import OpenStreams, server_sent

__all__ = ["DocumentEvents", "stream_events"]

_RETRY: Final = b"retry: 2000\n\n"
#: How long a stream waits before it asks again a database that is away.
_OUTAGE_PAUSE_SECONDS: Final = 2.0
_LAST_ID: Final = 2**63 - 1


class DocumentEvents:
    """FollowDocument as a stream of events that outlives an outage. open_streams: how many there are."""

    def __init__(
        self,
        *,
        get_document: GetDocument,
        follow_document: FollowDocument,
        streams: OpenStreams,
        open_streams: Gauge,
        outage_pause_seconds: float = _OUTAGE_PAUSE_SECONDS,
    ) -> None:
        self._get_document = get_document
        self._follow_document = follow_document
        self._streams = streams
        self._open_streams = open_streams
        self._outage_pause_seconds = outage_pause_seconds

    async def __call__(self, document_id: DocumentId, *, after: int) -> Stream | None:
        """The stream behind the event `after`; None if the document has ended and there is nothing behind it.

        Raises DocumentNotFound and StoreUnavailable.
        """
        document = await self._get_document(document_id)
        events = self._follow_document(document_id, after=after)
        first = None
        if document.status.is_end:
            first = await anext(events, None)
            if first is None:
                return None
        return self._streams.reply(self._sent(document_id, first, events, after=after))

    async def _sent(
        self,
        document_id: DocumentId,
        first: DocumentEvent | None,
        events: AsyncGenerator[DocumentEvent, None],
        *,
        after: int,
    ) -> AsyncGenerator[bytes, None]:
        with self._open_streams.track_inprogress():
            yield _RETRY
            if first is not None:
                yield _event(first)
                after = first.id
            while True:
                try:
                    async with aclosing(events):
                        async for event in events:
                            yield _event(event)
                            after = event.id
                    return
                except DocumentNotFound:
                    yield server_sent("deleted", {})
                    return
                except StoreUnavailable:
                    await asyncio.sleep(self._outage_pause_seconds)
                    events = self._follow_document(document_id, after=after)


def _event(event: DocumentEvent) -> bytes:
    name = event.status.value if event.is_end else "progress"
    return server_sent(name, EventItem.of(event), event_id=event.id)


@get(
    "/documents/{document_id:uuid}/events",
    tags=["documents"],
    operation_id="followDocument",
    summary="Follow a document",
    media_type="text/event-stream",
    responses={
        200: ResponseSpec(
            EventItem,
            generate_examples=False,
            description="Server-sent events; the `data` of each is such an object",
            media_type="text/event-stream",
        ),
        204: ResponseSpec(
            None, generate_examples=False, description="The document is at its end and all was told"
        ),
        **problems(INVALID_REQUEST, DocumentNotFound, StoreUnavailable),
    },
)
async def stream_events(
    document_id: FromPath[UUID],
    document_events: NamedDependency[DocumentEvents],
    after: Annotated[
        int, QueryParameter(ge=0, le=_LAST_ID, description="only events behind the one with this id")
    ] = 0,
    last_event_id: Annotated[
        int | None,
        HeaderParameter(
            name="Last-Event-ID", ge=0, le=_LAST_ID, description="as `after`, and stronger than it"
        ),
    ] = None,
) -> Response[Any]:
    """Every change of status, stage and progress as server-sent events, until the document is at its end.

    An event's name is `progress` while the document is queued or in work, then `ready`, `failed` or
    `cancelled`; `deleted` if it was deleted meanwhile. A comment is sent whenever nothing happens for 15
    seconds. Who comes back with `Last-Event-ID`, as browsers do, misses nothing; 204 tells them to stop.
    """
    wanted = after if last_event_id is None else last_event_id
    stream = await document_events(DocumentId(document_id), after=wanted)
    if stream is None:
        return Response(None, status_code=HTTPStatus.NO_CONTENT)
    return stream
