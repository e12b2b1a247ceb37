"""The API behind a real server, over real connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
import pytest
import pytest_asyncio
import uvicorn
from tests.http_app import API, BOUNDARY, Served, form, part, served

from citewell_entrypoints.cli.protocol import WholeReplyProtocol

LIMIT = 1 << 20


class Server(uvicorn.Server):
    """Leaves the signals to pytest."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """The port, while it serves."""
        task = asyncio.create_task(self._serve())
        while not self.started:
            assert not task.done()
            await asyncio.sleep(0.01)
        try:
            port: int = self.servers[0].sockets[0].getsockname()[1]
            yield port
        finally:
            self.should_exit = True
            await task


@dataclass
class Online:
    """A service on a port of 127.0.0.1."""

    service: Served
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest_asyncio.fixture(loop_scope="session", params=[WholeReplyProtocol, "h11"])
async def online(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Online]:
    http: type[WholeReplyProtocol] | Literal["h11"] = request.param
    async with served(tmp_path, max_upload_bytes=LIMIT) as service:
        config = uvicorn.Config(
            service.app,
            port=0,
            http=http,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        async with Server(config).running() as port:
            yield Online(service, port)


async def test_the_main_job_over_a_connection(online: Online) -> None:
    """Upload, ingest, ask, read, delete, on one connection that is kept."""
    async with httpx.AsyncClient(base_url=online.url) as client:
        uploaded = await client.post(f"{API}/documents", files={"file": ("a.txt", b"The lamp is seen far.")})
        assert uploaded.status_code == 202
        assert "server" not in uploaded.headers
        assert uploaded.headers.get("connection") != "close"
        await online.service.ingest_all()
        address = uploaded.headers["location"]
        found = (await client.post(f"{API}/query", json={"question": "lamp"})).json()
        assert found["sources"][0]["text"] == "The lamp is seen far."
        part_of_it = await client.get(f"{address}/content", headers={"Range": "bytes=4-7"})
        assert (part_of_it.status_code, part_of_it.content) == (206, b"lamp")
        assert (await client.get(f"{address}/text")).text == "The lamp is seen far."
        assert (await client.delete(address)).status_code == 204
        assert (await client.get(address)).status_code == 404


def head(*lines: str) -> bytes:
    return "\r\n".join(
        [
            f"POST {API}/documents HTTP/1.1",
            "Host: test",
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
            *lines,
            "",
            "",
        ]
    ).encode()


async def test_too_large_an_upload_is_refused_before_it_is_sent(online: Online) -> None:
    """A caller that asks for leave gets 413 instead of it, and the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", online.port)
    writer.write(head(f"Content-Length: {100 * LIMIT}", "Expect: 100-continue"))
    reply = await asyncio.wait_for(reader.read(), 10)
    assert reply.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in reply
    assert b"connection: close" in reply.lower()
    assert b"urn:citewell:problem:content-too-large" in reply
    writer.close()


@pytest.mark.parametrize("announced", [True, False])
async def test_who_sends_first_and_reads_then_still_reads_the_refusal(
    online: Online, announced: bool
) -> None:
    """The connection is not reset under a caller that sends all before it reads anything."""
    body = form(part("file", b"x" * (8 * LIMIT), filename="a.txt"))
    reader, writer = await asyncio.open_connection("127.0.0.1", online.port)
    writer.write(head(f"Content-Length: {len(body)}" if announced else "Transfer-Encoding: chunked"))
    for start in range(0, len(body), 65_536):
        piece = body[start : start + 65_536]
        writer.write(piece if announced else b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()
    if not announced:
        writer.write(b"0\r\n\r\n")
    await asyncio.sleep(0.2)
    reply = await asyncio.wait_for(reader.read(), 10)
    assert reply.startswith(b"HTTP/1.1 413")
    assert b"urn:citewell:problem:content-too-large" in reply
    writer.close()


async def test_a_caller_that_goes_away_is_no_trouble(online: Online) -> None:
    """Half an upload is none, and the server goes on."""
    _, writer = await asyncio.open_connection("127.0.0.1", online.port)
    writer.write(head("Content-Length: 500000") + part("file", b"x" * 1000, filename="a.txt"))
    await writer.drain()
    writer.close()
    async with httpx.AsyncClient(base_url=online.url) as client:
        async with asyncio.timeout(10):
            while 'route="/api/v1/documents",status="499"' not in (await client.get("/metrics")).text:
                # Each turn waits for the server, which is when it notices.
                pass
        assert (await client.get(f"{API}/documents")).json()["items"] == []


async def test_many_callers_at_once(online: Online) -> None:
    """Each gets what it asked for."""
    async with httpx.AsyncClient(base_url=online.url, timeout=30) as client:

        async def one(number: int) -> None:
            text = f"text number {number}".encode()
            uploaded = await client.post(
                f"{API}/documents",
                files={"file": (f"{number}.txt", text)},
                headers={"X-Request-ID": f"r{number}"},
            )
            assert uploaded.headers["x-request-id"] == f"r{number}"
            content = await client.get(f"{uploaded.headers['location']}/content")
            assert content.content == text

        await asyncio.gather(*(one(number) for number in range(50)))


def question(text: str, *lines: str) -> bytes:
    body = json.dumps({"question": text}).encode()
    first = (f"POST {API}/query HTTP/1.1", "Host: test", "Content-Type: application/json")
    return "\r\n".join([*first, f"Content-Length: {len(body)}", *lines, "", ""]).encode() + body


async def reply_of(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    """The head's lines by name in small letters, with the status as `status`; and the body."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert len(fields) == len(lines)
    return {**fields, "status": first}, await reader.readexactly(int(fields["content-length"]))


async def test_a_reply_to_a_question_has_all_that_others_have(online: Online) -> None:
    """Whichever way it is sent; and the connection is kept."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", online.port)
        fields: dict[str, str] = {}
        for _ in range(2):
            writer.write(question("lamp", "X-Request-ID: mine"))
            fields, body = await reply_of(reader)
            assert fields["status"] == "HTTP/1.1 200 OK"
            assert json.loads(body) == {"answer": None, "sources": [], "degraded": []}
            assert fields["x-request-id"] == "mine"
            assert fields["content-type"] == "application/json"
            assert "connection" not in fields
        assert fields["cache-status"].startswith("citewell; hit")
        writer.write(f"GET {API}/documents HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        others, _ = await reply_of(reader)
        assert set(fields) - set(others) == {"cache-status"}
        assert set(others) - set(fields) <= {"vary"}
        writer.close()


async def test_who_wants_the_connection_closed_has_it_closed(online: Online) -> None:
    """Behind the whole reply."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", online.port)
        writer.write(question("lamp", "Connection: close"))
        fields, body = await reply_of(reader)
        assert (fields["connection"], bool(body)) == ("close", True)
        assert await reader.read() == b""
        writer.close()


async def test_questions_that_are_sent_at_once_are_answered_in_their_order(online: Online) -> None:
    """Each by its own reply."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", online.port)
        asked = [question(f"lamp {number}", f"X-Request-ID: {number}") for number in range(5)]
        writer.write(b"".join(asked) + f"GET {API}/documents HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        answered = [(await reply_of(reader))[0]["x-request-id"] for _ in asked]
        assert answered == [str(number) for number in range(5)]
        assert b"items" in (await reply_of(reader))[1]
        writer.close()


async def test_a_long_body_is_answered_as_others_are(online: Online) -> None:
    """What the rest of it is thrown away for sees the reply go out."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", online.port)
        padding = " " * 100_000
        body = json.dumps({"question": "lamp"}).encode() + padding.encode()
        writer.write(
            f"POST {API}/query HTTP/1.1\r\nHost: test\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        fields, told = await reply_of(reader)
        assert (fields["status"], json.loads(told)["sources"]) == ("HTTP/1.1 200 OK", [])
        writer.close()


async def test_who_has_gone_takes_nobody_with_him(online: Online) -> None:
    """A reply that nobody waits for any more is let go."""
    async with asyncio.timeout(20):
        for _ in range(5):
            _, gone = await asyncio.open_connection("127.0.0.1", online.port)
            gone.write(question("lamp"))
            await gone.drain()
            gone.transport.abort()
        reader, writer = await asyncio.open_connection("127.0.0.1", online.port)
        writer.write(question("lamp"))
        assert (await reply_of(reader))[0]["status"] == "HTTP/1.1 200 OK"
        writer.close()
