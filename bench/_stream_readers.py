"""Readers of answers as they come about: so many at a time, each asking again when its answer has ended.

    python -m bench._stream_readers PORT STREAMS TOKENS [DOCUMENT_ID]

They begin over some seconds. For each line of its input it prints a line of JSON: what was counted so far.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from typing import Any, cast

import uvloop

from bench._openloop import http_request

__all__ = ["StreamReader", "stream_request"]

_LAST_CHUNK = b"0\r\n\r\n"
_BEGINNINGS_PER_SECOND = 40.0


def stream_request(body: Mapping[str, Any]) -> bytes:
    """The whole request of a question that is answered as events."""
    return http_request("POST", "/api/v1/query", body).replace(
        b"Host: x\r\n", b"Host: x\r\nAccept: text/event-stream\r\n", 1
    )


class StreamReader(asyncio.Protocol):
    """One kept connection; looks at what comes no closer than it has to."""

    def __init__(self) -> None:
        self.tokens = 0
        self.sources_seconds: float | None = None
        self._tail = b""
        self._began = 0.0
        self._ended: asyncio.Future[bool] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._tail = self._tail[-8:] + data[-200:]
        self.tokens += data.count(b"event: token\n")
        if self.sources_seconds is None and b"event: sources\n" in data:
            self.sources_seconds = time.perf_counter() - self._began
        if b"event: done\n" in data:
            self._is_whole = True
        if self._tail.endswith(_LAST_CHUNK) and self._ended is not None and not self._ended.done():
            self._ended.set_result(self._is_whole)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(False)

    async def ask(self, request: bytes) -> bool:
        """Whether the answer came to its end."""
        self._tail, self._is_whole = b"", False
        self.sources_seconds = None
        self._ended = asyncio.get_running_loop().create_future()
        self._began = time.perf_counter()
        self._transport.write(request)
        return await self._ended

    def close(self) -> None:
        self._transport.close()


class _Readers:
    def __init__(self, port: int, request: bytes) -> None:
        self._port = port
        self._request = request
        self._readers: list[StreamReader] = []
        self._answers = 0
        self._failures = 0

    async def read(self, number: int) -> None:
        await asyncio.sleep(number / _BEGINNINGS_PER_SECOND)
        _, reader = await asyncio.get_running_loop().create_connection(StreamReader, "127.0.0.1", self._port)
        self._readers.append(reader)
        while await reader.ask(self._request):
            self._answers += 1
        self._failures += 1

    def figures(self) -> dict[str, int]:
        return {
            "streams": len(self._readers) - self._failures,
            "tokens": sum(reader.tokens for reader in self._readers),
            "answers": self._answers,
            "failures": self._failures,
        }


async def _main(port: int, streams: int, tokens: int, *document_ids: str) -> None:
    body: dict[str, Any] = {"question": "How far is the lamp seen?", "max_tokens": tokens}
    if document_ids:
        body["document_id"] = document_ids[0]
    readers = _Readers(port, stream_request(body))
    tasks = [asyncio.create_task(readers.read(number)) for number in range(streams)]
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(readers.figures()), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]))
