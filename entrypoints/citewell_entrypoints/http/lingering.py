"""Replies that are sent before the request was read whole, such as the refusal of too large an upload.

A connection that is closed while its peer still sends is reset, and a reset often takes the reply with it
before it was read. So the reply goes out first, then what the peer still sends is read and thrown away for a
while, and only then the connection is closed: what nginx calls a lingering close.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from litestar.types import HTTPReceiveMessage, Message, Receive, Send

__all__ = ["LingeringClose"]

_LINGER_SECONDS: Final = 5.0


class LingeringClose:
    """Stands between a server and an application for one request with a large body.

    expects_continue: the peer waits for leave to send its body, so there is nothing to throw away unless the
    application began to read.
    """

    def __init__(self, receive: Receive, send: Send, *, expects_continue: bool) -> None:
        self._receive = receive
        self._send = send
        self._is_sending = not expects_continue
        self._is_complete = False

    async def receive(self) -> HTTPReceiveMessage:
        """The next message of the request."""
        self._is_sending = True
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._is_complete = True
        return message  # type: ignore[return-value]

    async def send(self, message: Message) -> None:
        """Pass a message of the reply on; the last one waits until the peer has stopped sending."""
        if self._is_complete:
            await self._send(message)
        elif message["type"] == "http.response.start":
            others = [header for header in message["headers"] if header[0] != b"connection"]
            await self._send({**message, "headers": [*others, (b"connection", b"close")]})
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            if self._is_sending:
                await self._throw_away()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self._send(message)

    async def _throw_away(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while not self._is_complete:
                    await self.receive()
