"""Replies that are there as a whole, and whose headers are all ours, in one message.

For each header a server looks whether a stranger could have put anything into it, and writes head and body
one after the other: a fifth of what a kept reply costs. A server that can do without says so by an extension
of ASGI, which gives the function that sends such a reply.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypedDict, TypeGuard, cast

from litestar.types import Message, Scope

__all__ = [
    "EXTENSION",
    "SEND",
    "WHOLE",
    "SendWhole",
    "WholeReply",
    "is_whole",
    "send_whole_of",
    "whole",
    "without_whole",
]

#: The name of the extension, and the key of its SendWhole in it.
EXTENSION: Final = "citewell.whole_reply"
SEND: Final = "send"

#: The type of the message.
WHOLE: Final = "citewell.http.response"

#: Sends the lines of the headers, besides those of the connection, and the body, whose length they tell.
SendWhole = Callable[[bytes, bytes], Awaitable[None]]


class WholeReply(TypedDict):
    """The message. Its status is 200. headers: lines as they go over the wire, each with its end."""

    type: str
    headers: bytes
    body: bytes


def whole(headers: Sequence[tuple[bytes, bytes]], body: bytes) -> Message:
    """The message, for a request whose server knows of it."""
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    return cast("Message", WholeReply(type=WHOLE, headers=lines, body=body))


def is_whole(message: Any) -> TypeGuard[WholeReply]:
    """Whether it is that message."""
    return bool(message["type"] == WHOLE)


def send_whole_of(scope: Scope) -> SendWhole | None:
    """What the server sends a whole reply with, None if it knows of no such thing."""
    extension = (scope.get("extensions") or {}).get(EXTENSION)
    return cast("SendWhole", extension[SEND]) if extension else None


def without_whole(scope: Scope) -> None:
    """For a request whose reply something has to see as it goes out."""
    # Those of the server are for all requests of a connection.
    scope["extensions"] = {
        name: extension for name, extension in (scope.get("extensions") or {}).items() if name != EXTENSION
    }
