"""A server that speaks the OpenAI protocol, and Cohere's of reranking, with faults on order."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

__all__ = ["Fault", "OpenAIStub", "Request"]

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True, slots=True)
class Request:
    """What arrived. Header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """What the server does instead of its work: answer with a status and body, hang, or hang up.

    With a body and `hangs_up` it hangs up after the body.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "the stub was told to"
    code: str | None = None
    body: bytes | None = None
    hangs: bool = False
    hangs_up: bool = False


class OpenAIStub:
    """Open it with `async with`; `base_url` is what an OpenAI client wants.

    Faults given to `next` serve one request each; one given to `always` serves all. Attributes may be
    changed at any time.
    """

    def __init__(
        self,
        *,
        dimensions: int = 32,
        pieces: Sequence[str] = ("One ", "two."),
        piece_delay_seconds: float = 0.0,
    ) -> None:
        self.dimensions = dimensions
        #: Whether vectors come as numbers although base64 was asked for.
        self.only_floats = False
        #: Whether vectors come in the reverse order, with their right indexes.
        self.reversed = False
        #: How many vectors are left out of each reply.
        self.missing = 0
        #: The length of the vectors.
        self.length = 1.0
        self.pieces = tuple(pieces)
        self.piece_delay_seconds = piece_delay_seconds
        #: What happens after the last piece: the reply `ends`, `hangs`, `breaks` off, or tells an `error`.
        self.after_pieces = "ends"

        #: What a streamed reply says at its end of what it cost.
        self.usage: dict[str, int] = {"total_tokens": 9}

        #: What reranking says of a text; another text gets a score in [0, 1] that follows from it.
        self.relevance: dict[str, float] = {}
        #: What stands in the place of the results of reranking.
        self.results: object = None

        self.requests: list[Request] = []
        self.open_calls = 0
        self.most_open_calls = 0
        #: How many clients left before their reply was complete.
        self.disconnects = 0
        self._faults: deque[Fault] = deque()
        self._constant_fault: Fault | None = None
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
        """Where the server listens, with the version."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    @property
    def inputs(self) -> list[list[str]]:
        """The texts of each request for embeddings."""
        return [list(request.body["input"]) for request in self.requests if "input" in request.body]

    def next(self, *faults: Fault) -> None:
        """The coming requests get these, in this order."""
        self._faults.extend(faults)

    def always(self, fault: Fault | None = None, *, status: int = 200) -> None:
        """Every request gets this from now on."""
        self._constant_fault = fault or Fault(status=status)

    def heal(self) -> None:
        """No fault is left."""
        self._faults.clear()
        self._constant_fault = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client or the test has gone
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(1)
        while first:
            request = await _read_request(first, reader)
            self.requests.append(request)
            replying = asyncio.create_task(self._reply_counted(request, writer))
            # A client sends nothing before it has its reply, so whatever comes first is its leaving.
            following = asyncio.create_task(reader.read(1))
            try:
                await asyncio.wait({replying, following}, return_when=asyncio.FIRST_COMPLETED)
                if await _left_early(replying, following):
                    self.disconnects += 1
                    return
                first = await following
            finally:
                for task in (replying, following):
                    task.cancel()
                await asyncio.gather(replying, following, return_exceptions=True)

    async def _reply_counted(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.open_calls += 1
        self.most_open_calls = max(self.most_open_calls, self.open_calls)
        try:
            fault = self._faults.popleft() if self._faults else self._constant_fault
            if fault is not None:
                await _misbehave(fault, writer)
            elif request.path == "/v1/embeddings":
                await self._embed(request.body, writer)
            elif request.path == "/v1/chat/completions":
                await self._chat(request.body, writer)
            elif request.path == "/v1/rerank":
                await self._rerank(request.body, writer)
            else:
                await _misbehave(Fault(status=404, message=f"no such path: {request.path}"), writer)
        finally:
            self.open_calls -= 1

    async def _embed(self, body: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
        texts = body["input"]
        if not all(texts):
            await _misbehave(Fault(status=400, message="'$.input' is invalid: an empty string"), writer)
            return
        await asyncio.sleep(0.001)
        encoded = body.get("encoding_format") == "base64" and not self.only_floats
        data = []
        for index, text in enumerate(texts):
            vector = self._vector(text, dimensions=body.get("dimensions", self.dimensions))
            embedding = base64.b64encode(vector.tobytes()).decode() if encoded else list(vector)
            data.append({"object": "embedding", "index": index, "embedding": embedding})
        data = data[: len(data) - self.missing]
        reply = {"object": "list", "model": body["model"], "data": data[::-1] if self.reversed else data}
        await _send(writer, 200, json.dumps(reply).encode())

    def _vector(self, text: str, *, dimensions: int) -> array[float]:
        chance = random.Random(text)
        values = [chance.gauss(0.0, 1.0) for _ in range(dimensions)]
        length = sum(value * value for value in values) ** 0.5
        return array("f", [self.length * value / length for value in values])

    async def _rerank(self, body: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
        results = [
            {"index": index, "relevance_score": self.relevance.get(text, random.Random(text).random())}
            for index, text in enumerate(body["documents"])
        ]
        # The best first, as these servers do; the index tells which text it is.
        results.sort(key=lambda result: -result["relevance_score"])
        results = results[: body["top_n"]]
        reply = {"id": "r", "results": results if self.results is None else self.results, "meta": {}}
        await _send(writer, 200, json.dumps(reply).encode())

    async def _chat(self, body: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
        assert body["stream"] is True
        limit = body.get("max_tokens", body.get("max_completion_tokens", len(self.pieces)))
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        await _send_event(writer, _completion({"role": "assistant", "content": ""}))
        for piece in self.pieces[:limit]:
            await asyncio.sleep(self.piece_delay_seconds)
            await _send_event(writer, _completion({"content": piece}))
        if self.after_pieces == "hangs":
            await asyncio.Event().wait()
        if self.after_pieces == "breaks":
            writer.transport.abort()
            return
        if self.after_pieces == "error":
            await _send_event(
                writer, {"error": {"message": "out of memory", "code": None, "type": "server_error"}}
            )
        await _send_event(writer, _completion({}, finish_reason="stop"))
        await _send_event(writer, {"object": "chat.completion.chunk", "choices": [], "usage": self.usage})
        writer.write(_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        await writer.drain()


async def _left_early(replying: asyncio.Task[None], following: asyncio.Task[bytes]) -> bool:
    """Whether the client was gone before the reply was complete; reading or writing may be what notices."""
    try:
        if following.done() and not following.result() and not replying.done():
            return True
        await replying
    except ConnectionError:
        return True
    return False


def _completion(delta: Mapping[str, Any], *, finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "stub", "choices": [choice]}


async def _read_request(first: bytes, reader: asyncio.StreamReader) -> Request:
    head = first + await reader.readuntil(b"\r\n\r\n")
    request_line, *lines = head.decode("latin-1").rstrip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(request_line.split()[1], headers, json.loads(body) if body else {})


async def _misbehave(fault: Fault, writer: asyncio.StreamWriter) -> None:
    if fault.hangs:
        await asyncio.Event().wait()
    if fault.hangs_up and fault.body is None:
        writer.transport.abort()
        return
    error = {"error": {"message": fault.message, "type": "stub", "param": None, "code": fault.code}}
    body = json.dumps(error).encode() if fault.body is None else fault.body
    await _send(writer, fault.status, body, headers=fault.headers)
    if fault.hangs_up:
        writer.close()


async def _send(
    writer: asyncio.StreamWriter, status: int, body: bytes, *, headers: Mapping[str, str] | None = None
) -> None:
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    writer.write(f"HTTP/1.1 {status} {_REASONS.get(status, 'Fault')}\r\n{head}\r\n".encode() + body)
    await writer.drain()


async def _send_event(writer: asyncio.StreamWriter, data: Mapping[str, Any]) -> None:
    writer.write(_chunk(f"data: {json.dumps(data)}\n\n".encode()))
    await writer.drain()


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
