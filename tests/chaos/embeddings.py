"""An OpenAI-compatible `/embeddings` that outlives every kill and writes down what it was asked."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from citewell_adapters.mock import MockEmbedder

__all__ = ["DIMENSIONS", "Embedded", "EmbeddingsStub"]

DIMENSIONS: Final = 64


@dataclass(frozen=True, slots=True)
class Embedded:
    """A text that was paid for. at: on the clock `time.monotonic`, when the request was read."""

    text: str
    at: float


class EmbeddingsStub:
    """Open it with `async with`. delay_seconds: how long each call takes, so that strikes find calls open.

    The same text has the same vector always. What begins with the prefix of `question` is not written down.
    """

    QUESTION: Final = "chaos asks: "

    def __init__(self, *, delay_seconds: float) -> None:
        self.delay_seconds = delay_seconds
        #: Every text of every call for passages, in the order of the calls.
        self.log: list[Embedded] = []
        #: How many calls for passages are under way.
        self.open_calls = 0
        self._embedder = MockEmbedder(dimensions=DIMENSIONS)
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in tuple(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def base_url(self) -> str:
        """What `APP_OPENAI_BASE_URL` is to be."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while True:
                await self._answer(await _read_body(reader), writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client was killed
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, body: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
        texts: list[str] = body["input"]
        if all(text.startswith(self.QUESTION) for text in texts):
            return await self._reply(texts, writer)
        now = time.monotonic()
        self.log += [Embedded(text, now) for text in texts]
        self.open_calls += 1
        try:
            await asyncio.sleep(self.delay_seconds)
            await self._reply(texts, writer)
        finally:
            self.open_calls -= 1

    async def _reply(self, texts: list[str], writer: asyncio.StreamWriter) -> None:
        vectors = await self._embedder.embed(texts, role="passage")
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(array("f", vector).tobytes()).decode(),
            }
            for index, vector in enumerate(vectors)
        ]
        reply = json.dumps({"object": "list", "model": "chaos", "data": data}).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(reply), reply)
        )
        await writer.drain()


async def _read_body(reader: asyncio.StreamReader) -> Mapping[str, Any]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    lengths = [line.partition(":")[2] for line in head.splitlines() if line.startswith("content-length:")]
    body: Mapping[str, Any] = json.loads(await reader.readexactly(int(lengths[0])))
    return body
