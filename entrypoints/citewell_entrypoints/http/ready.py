"""A reply whose bytes are ready: it goes out without the work of one that may be anything."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from litestar import MediaType, Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

__all__ = ["ReadyJson"]

T = TypeVar("T")

_JSON: Final = (b"content-type", MediaType.JSON.value.encode())


class ReadyJson(Response[T]):
    """JSON of a T as bytes, with status 200: the rest is much beside a kept reply."""

    def __init__(self, body: bytes, *, headers: dict[str, str]) -> None:
        # Without what the base prepares for `to_asgi_response`, which needs none of it here.
        self._body = body
        self._headers = headers

    def to_asgi_response(self, app: Any, request: Any, **_options: Any) -> ASGIResponse:
        """See Litestar: what a route's decorator may add is left out, as it adds nothing."""
        del app, request
        return _ReadyResponse(self._body, self._headers)


class _ReadyResponse(ASGIResponse):
    def __init__(self, body: bytes, headers: dict[str, str]) -> None:
        self._body = body
        self._given = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        headers = [
            _JSON,
            (b"content-length", b"%d" % len(self._body)),
            *(
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in self._given.items()
            ),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})
