"""A language model for benches: speaks chat completions at a steady rate, and takes little of the machine.

python -m bench._chat_stub TOKENS_PER_SECOND     prints its port

For each line of its input it prints how many tokens it has said; it serves until its input ends.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import Iterator
from typing import Any, cast

import uvloop

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#: Some twenty tokens, as models cut them, with a citation.
_SENTENCE: tuple[str, ...] = (
    "The",
    " lamp",
    " is",
    " seen",
    " far",
    " over",
    " the",
    " sea",
    " [",
    "1",
    ":",
    ' "',
    "far",
)
_SENTENCE += (" over", " the", " sea", '"', "]", ".", " ")


def _event(delta: dict[str, Any], **others: Any) -> bytes:
    """One chunk of the reply, with all that OpenAI's have."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    body = {
        "id": "chatcmpl-CWTLq7sV3nQpXk0m2aYd8fGhJ4bRe",
        "object": "chat.completion.chunk",
        "created": 1_764_400_000,
        "model": "stub-2026-11",
        "service_tier": "default",
        "system_fingerprint": "fp_50cad350e4",
        "choices": [choice],
        "usage": None,
        **others,
    }
    data = f"data: {json.dumps(body, separators=(',', ':'))}\n\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


_ROLE = _event({"role": "assistant", "content": "", "refusal": None})
_TOKENS = tuple(_event({"content": token}) for token in _SENTENCE)


def _end(tokens: int) -> bytes:
    usage = {"prompt_tokens": 700, "completion_tokens": tokens, "total_tokens": 700 + tokens}
    done = b"data: [DONE]\n\n"
    return _event({}, choices=[], usage=usage) + f"{len(done):x}\r\n".encode() + done + b"\r\n0\r\n\r\n"


class _Conversation(asyncio.Protocol):
    """One connection, one request at a time."""

    said = 0

    def __init__(self, per_second: float) -> None:
        self._seconds = 1 / per_second
        self._received = bytearray()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = bytes(self._received).partition(b"\r\n\r\n")
        if not found:
            return
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if len(body) >= int(lengths[0].split(b":")[1]):
            self._received.clear()
            self._transport.write(_HEAD + _ROLE)
            self._due = asyncio.get_running_loop().time()
            self._say(itertools.cycle(_TOKENS), left=json.loads(body)["max_tokens"], said=0)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._timer is not None:
            self._timer.cancel()

    def _say(self, tokens: Iterator[bytes], *, left: int, said: int) -> None:
        if said:
            self._transport.write(next(tokens))
            _Conversation.said += 1
        if said == left:
            self._transport.write(_end(left))
            return
        self._due += self._seconds
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(self._due, lambda: self._say(tokens, left=left, said=said + 1))


async def _serve(per_second: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Conversation(per_second), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(_Conversation.said, flush=True)
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve(float(sys.argv[1])))
