"""Bodies that come too slowly are ended: who sends one may hold a place that others want."""

from __future__ import annotations

import asyncio
from typing import Final

from litestar.types import HTTPReceiveMessage, Receive

from citewell_entrypoints.http.problems import BODY_TOO_SLOW, HttpProblem

__all__ = ["BODY_SECONDS", "BYTES_PER_SECOND", "TimedBody"]

#: How long may be waited for a body in all, and one second more for so many bytes of it.
BODY_SECONDS: Final = 20.0
BYTES_PER_SECOND: Final = 1000


class TimedBody:
    """Stands between a server and an application for one request. Only the waiting for its body counts.

    body_seconds: as BODY_SECONDS.
    """

    __slots__ = ("_receive", "_seconds")

    def __init__(self, receive: Receive, *, body_seconds: float = BODY_SECONDS) -> None:
        self._receive = receive
        #: How long may still be waited; None: for ever.
        self._seconds: float | None = body_seconds

    async def receive(self) -> HTTPReceiveMessage:
        """The next message of the request. Raises HttpProblem if it takes too long."""
        if self._seconds is None:
            return await self._receive()  # type: ignore[return-value]
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._seconds):
                message = await self._receive()
        except TimeoutError:
            raise HttpProblem(
                BODY_TOO_SLOW,
                f"The body came too slowly; send at least {BYTES_PER_SECOND} bytes a second.",
                headers={"Connection": "close"},
            ) from None
        if message["type"] == "http.request" and message.get("more_body", False):
            self._seconds += len(message["body"]) / BYTES_PER_SECOND - (loop.time() - began)
        else:
            # What is awaited then is only that the caller goes away.
            self._seconds = None
        return message  # type: ignore[return-value]
