"""A server that speaks as much of S3 as a blob store needs, in memory, with faults on order."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4
from xml.sax.saxutils import escape

__all__ = ["Reply", "Request", "S3Stub"]

_XML = '<?xml version="1.0" encoding="UTF-8"?>'


@dataclass(frozen=True, slots=True)
class Request:
    """What arrived. Header names are in lower case; `key` is the path after the bucket."""

    method: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Object:
    content: bytes
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def headers(self) -> dict[str, str]:
        modified = self.modified.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return {"ETag": f'"{_hash(self.content)}"', "Last-Modified": modified}


class S3Stub:
    """Open it with `async with`; a client with its `environment` finds it. It checks no signature.

    fault: what happens to the requests with one of `faulty_methods` from now on: a status refuses them (404:
    the bucket is gone), `silence` never answers, `breaks` hangs up after half of a body.
    """

    def __init__(self) -> None:
        self.fault: int | Literal["silence", "breaks"] | None = None
        self.faulty_methods = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE"})
        self.objects: dict[str, _Object] = {}
        #: The parts of uploads that are neither complete nor aborted, by upload and number.
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.requests: list[Request] = []
        #: How much of parts has been stored.
        self.part_bytes = 0
        #: While it is not set, parts that have come in whole are neither stored nor answered.
        self.takes_parts = asyncio.Event()
        self.takes_parts.set()
        self.connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in tuple(self.connections):
            connection.cancel()
        await asyncio.gather(*self.connections, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def environment(self) -> dict[str, str]:
        """What a client of the cloud reads from its environment to come here."""
        port = self._server.sockets[0].getsockname()[1]
        return {
            "AWS_ENDPOINT": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "here",
            "AWS_ACCESS_KEY_ID": "anybody",
            "AWS_SECRET_ACCESS_KEY": "may come in",
        }

    def put(self, key: str, content: bytes) -> None:
        """Store an object, or replace it."""
        self.objects[key] = _Object(content)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        try:
            while True:
                request = await _read_request(reader)
                self.requests.append(request)
                await self._answer(request, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client or the test has gone
        finally:
            self.connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        fault = self.fault if request.method in self.faulty_methods else None
        if fault == "silence":
            await asyncio.Event().wait()
        if isinstance(fault, int):
            reply = _error(fault, "NoSuchBucket" if fault == 404 else "Refused")
        elif request.method == "PUT" and "partNumber" in request.query:
            await self.takes_parts.wait()
            reply = self._put_part(request)
        else:
            reply = self._reply(request)
        length = len(reply.body)
        head = {"Content-Length": str(length), **reply.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        writer.write(f"HTTP/1.1 {reply.status} Stub\r\n{lines}\r\n".encode())
        if request.method != "HEAD":
            writer.write(reply.body[: length // 2] if fault == "breaks" else reply.body)
        await writer.drain()
        if fault == "breaks":
            raise ConnectionAbortedError

    def _reply(self, request: Request) -> Reply:
        match request.method:
            case "GET" if "list-type" in request.query:
                return self._list(request)
            case "GET" | "HEAD":
                return self._get(request)
            case "PUT" if "x-amz-copy-source" in request.headers:
                return self._copy(request)
            case "PUT":
                self.put(request.key, request.body)
                return Reply(headers=self.objects[request.key].headers)
            case "DELETE" if "uploadId" in request.query:
                gone = self.uploads.pop(request.query["uploadId"], None)
                return _error(404, "NoSuchUpload") if gone is None else Reply(204)
            case "DELETE":
                self.objects.pop(request.key, None)
                return Reply(204)
            case "POST" if "delete" in request.query:
                return self._delete(request)
            case "POST" if "uploads" in request.query:
                upload = uuid4().hex
                self.uploads[upload] = {}
                return _xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>")
            case "POST":
                return self._complete(request)
            case _:
                return _error(405, "MethodNotAllowed")

    def _get(self, request: Request) -> Reply:
        found = self.objects.get(request.key)
        if found is None:
            return _error(404, "NoSuchKey")
        if "range" not in request.headers:
            headers = found.headers
            if request.method == "HEAD":
                headers["Content-Length"] = str(len(found.content))
            return Reply(200, found.content, headers)
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers["range"])
        assert match is not None
        size = len(found.content)
        first, last = int(match[1]), min(int(match[2] or size), size - 1)
        if first >= size:
            return _error(416, "InvalidRange")
        part = {"Content-Range": f"bytes {first}-{last}/{size}"}
        return Reply(206, found.content[first : last + 1], found.headers | part)

    def _copy(self, request: Request) -> Reply:
        source = unquote(request.headers["x-amz-copy-source"]).lstrip("/").partition("/")[2]
        if source not in self.objects:
            return _error(404, "NoSuchKey")
        self.put(request.key, self.objects[source].content)
        return _xml("CopyObjectResult", f"<ETag>{self.objects[request.key].headers['ETag']}</ETag>")

    def _put_part(self, request: Request) -> Reply:
        parts = self.uploads.get(request.query["uploadId"])
        if parts is None:
            return _error(404, "NoSuchUpload")
        parts[int(request.query["partNumber"])] = request.body
        self.part_bytes += len(request.body)
        return Reply(headers={"ETag": f'"{_hash(request.body)}"'})

    def _complete(self, request: Request) -> Reply:
        parts = self.uploads.pop(request.query["uploadId"], None)
        if parts is None:
            return _error(404, "NoSuchUpload")
        numbers = [int(number) for number in re.findall(rb"<PartNumber>(\d+)<", request.body)]
        if any(len(parts[number]) < 5 << 20 for number in numbers[:-1]):
            return _error(400, "EntityTooSmall")
        self.put(request.key, b"".join(parts[number] for number in numbers))
        etag = self.objects[request.key].headers["ETag"]
        return _xml("CompleteMultipartUploadResult", f"<Key>{escape(request.key)}</Key><ETag>{etag}</ETag>")

    def _delete(self, request: Request) -> Reply:
        keys = re.findall(r"<Key>(.*?)</Key>", request.body.decode())
        for key in keys:
            self.objects.pop(key, None)
        return _xml("DeleteResult", "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys))

    def _list(self, request: Request) -> Reply:
        prefix = request.query.get("prefix", "")
        found = {key: held for key, held in sorted(self.objects.items()) if key.startswith(prefix)}
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{held.modified:%Y-%m-%dT%H:%M:%S.%fZ}"
            f"</LastModified><Size>{len(held.content)}</Size><ETag>{held.headers['ETag']}</ETag></Contents>"
            for key, held in found.items()
        )
        return _xml("ListBucketResult", f"<IsTruncated>false</IsTruncated>{contents}")


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = await reader.readuntil(b"\r\n\r\n")
    request_line, *lines = head.decode("latin-1").rstrip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    method, target, _ = request_line.split()
    url = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, unquote(url.path).lstrip("/").partition("/")[2], query, headers, body)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _error(status: int, code: str) -> Reply:
    return Reply(
        status, f"{_XML}<Error><Code>{code}</Code><Message>the stub says so</Message></Error>".encode()
    )


def _xml(root: str, content: str) -> Reply:
    return Reply(200, f"{_XML}<{root}>{content}</{root}>".encode(), {"Content-Type": "application/xml"})
