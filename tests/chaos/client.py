"""A client that does not give up: every request is made again until it has an answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID, uuid4

import httpx
from tests.chaos.corpus import Upload
from tests.chaos.outcomes import Outcome, Passage, passage_from

__all__ = ["Client", "NoAnswer", "Refused"]

_API: Final = "/api/v1"
_RETRY_SECONDS: Final = 0.2
_POLL_SECONDS: Final = 0.15
_PIECES: Final = 12
_PIECE_PAUSE_SECONDS: Final = 0.025
_AWAY: Final = frozenset({429, 500, 502, 503, 504, 507})
_ENDS: Final = frozenset({"ready", "failed", "cancelled"})


class NoAnswer(Exception):
    """The service did not answer for as long as the client is patient."""


class Refused(Exception):
    """The service answered that it will not."""


class Client:
    """Open it with `async with`.

    sending: a context that is entered while the body of an upload is on its way. patience_seconds: how long
    one thing is tried before NoAnswer is raised.
    """

    def __init__(
        self,
        url: str,
        *,
        patience_seconds: float = 120.0,
        sending: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._url = url
        self._patience_seconds = patience_seconds
        self._sending = sending

    async def __aenter__(self) -> Self:
        self._http = httpx.AsyncClient(base_url=self._url, timeout=30)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def upload(self, upload: Upload, *, collection: str) -> str:
        """The id of the document that holds the bytes now."""
        key = {"Idempotency-Key": uuid4().hex}
        reply = await self._send("POST", f"{_API}/documents", upload, {"collection": collection}, key)
        return str(reply.json()["id"])

    async def replace(self, document_id: UUID, upload: Upload, *, collection: str) -> str:
        """Put the bytes under the id; the id again."""
        path = f"{_API}/documents/{document_id}"
        reply = await self._send("PUT", path, upload, {"collection": collection}, {})
        return str(reply.json()["id"])

    async def delete(self, document_id: str) -> None:
        """Until it is gone."""
        await self._insist("DELETE", f"{_API}/documents/{document_id}", gone=True)

    async def act(self, document_id: str, action: str) -> bool:
        """`cancel` or `retry`; whether the state allowed it."""
        reply = await self._insist("POST", f"{_API}/documents/{document_id}/{action}", refusals=(409,))
        return reply.status_code != 409

    async def document(self, document_id: str) -> Mapping[str, Any] | None:
        """The document, or None if there is none."""
        reply = await self._insist("GET", f"{_API}/documents/{document_id}", gone=True)
        return None if reply.status_code == 404 else dict(reply.json())

    async def ended(self, document_id: str, *, within_seconds: float) -> Mapping[str, Any] | None:
        """The document once its status is an end; None if it is gone, or does not end in time."""
        deadline = time.monotonic() + within_seconds
        while time.monotonic() < deadline:
            document = await self.document(document_id)
            if document is None or document["status"] in _ENDS:
                return document
            await asyncio.sleep(_POLL_SECONDS)
        return None

    async def passages(self, document_id: str) -> tuple[Passage, ...]:
        """All chunks of the document, page by page."""
        found: list[Passage] = []
        after: int | None = -1
        while after is not None:
            path = f"{_API}/documents/{document_id}/chunks?limit=200&after={after}"
            page = (await self._insist("GET", path)).json()
            found += [passage_from(item) for item in page["items"]]
            after = page["next"]
        return tuple(found)

    async def outcome(self, document_id: str) -> Outcome | None:
        """How the document stands, or None if there is none."""
        document = await self.document(document_id)
        if document is None:
            return None
        code = (document["error"] or {}).get("code")
        return Outcome(document["status"], code, await self.passages(document_id))

    async def ask(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
        """The sources of one query; none for a document that is not there. None if it was not answered."""
        try:
            reply = await self._http.post(f"{_API}/query", json=body)
        except httpx.HTTPError:
            return None
        if reply.status_code == 404:
            return []
        return list(reply.json()["sources"]) if reply.status_code == 200 else None

    async def can(self, method: str, path: str) -> bool:
        """Whether the API has the route, by its own description."""
        described = (await self._insist("GET", "/schema/openapi.json")).json()
        return method in described["paths"].get(f"{_API}{path}", {})

    async def _send(
        self, method: str, path: str, upload: Upload, fields: Mapping[str, str], headers: Mapping[str, str]
    ) -> httpx.Response:
        boundary = uuid4().hex
        body = _multipart(upload, fields, boundary=boundary)
        described = {
            **headers,
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(body)),
        }
        return await self._insist(method, path, body=body, headers=described)

    async def _insist(
        self,
        method: str,
        path: str,
        *,
        gone: bool = False,
        refusals: Sequence[int] = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        deadline = time.monotonic() + self._patience_seconds
        last = ""
        while time.monotonic() < deadline:
            try:
                with nullcontext() if body is None else self._sending():
                    content = None if body is None else _slowly(body)
                    reply = await self._http.request(method, path, content=content, headers=headers)
            except httpx.HTTPError as error:
                last = f"{type(error).__name__}: {error}"
            else:
                if reply.is_success or reply.status_code in refusals or (gone and reply.status_code == 404):
                    return reply
                if reply.status_code not in _AWAY:
                    raise Refused(f"{method} {path}: {reply.status_code}: {reply.text[:300]}")
                last = f"{reply.status_code}: {reply.text[:300]}"
            await asyncio.sleep(_RETRY_SECONDS)
        raise NoAnswer(f"{method} {path}: the last try got {last}")


def _multipart(upload: Upload, fields: Mapping[str, str], *, boundary: str) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    name = json.dumps(upload.name)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename={name}\r\n\r\n'
    return b"".join([*parts, head.encode(), upload.content, f"\r\n--{boundary}--\r\n".encode()])


async def _slowly(body: bytes) -> AsyncIterator[bytes]:
    """In pieces with pauses, so that a strike can fall in between."""
    size = len(body) // _PIECES + 1
    for start in range(0, len(body), size):
        yield body[start : start + size]
        await asyncio.sleep(_PIECE_PAUSE_SECONDS)
