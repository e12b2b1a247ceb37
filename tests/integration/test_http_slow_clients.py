"""Callers that read or send slowly, on PostgreSQL: they hold no connection of the pool."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import httpx
from tests.conftest import MigratedDatabase
from tests.http_app import API, BOUNDARY, http_scope, part
from tests.processes import process, settings_on

from citewell_entrypoints.http import create_app

POOL = 2
FORM = (b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode())
TEXT = "\n\n".join(f"The lamp number {number} is seen far over the sea." for number in range(500))


class Slow:
    """A caller that reads only the beginning of a reply, or sends only that of its body."""

    def __init__(self, method: str, path: str, *headers: tuple[bytes, bytes], begins: bytes = b"") -> None:
        self.scope = http_scope(method, path, *headers)
        self._begins = begins
        self.is_stuck = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if self._begins:
            piece, self._begins = self._begins, b""
            return {"type": "http.request", "body": piece, "more_body": True}
        if self.scope["method"] != "GET":
            self.is_stuck.set()
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            self.is_stuck.set()
            await asyncio.sleep(3600)


async def test_slow_callers_hold_no_connection(tmp_path: Path, migrated_database: MigratedDatabase) -> None:
    """Of each kind more than the pool has connections; a question is answered all the same."""
    settings = settings_on(await migrated_database(), tmp_path, database_pool_size=POOL, recall_sample=0.0)
    async with process(settings) as running, AsyncExitStack() as stack:
        document = f"{API}/documents/{await running.add(TEXT)}"
        waiting, _ = await running.submit("This one waits for a worker.")
        app = cast("Any", create_app(running.api))
        upload = part("file", b"The lamp", filename="a.txt")[:-2]
        slow = [
            caller
            for _ in range(POOL + 1)
            for caller in (
                Slow("GET", f"{document}/content"),
                Slow("GET", f"{document}/text"),
                Slow("GET", f"{document}/chunks"),
                Slow("GET", f"{API}/documents/{waiting.id}/events"),
                Slow("POST", f"{API}/documents", FORM, begins=upload),
                Slow("POST", f"{API}/query", begins=b'{"question":'),
            )
        ]
        for caller in slow:
            task = asyncio.create_task(app(caller.scope, caller.receive, caller.send))
            stack.push_async_callback(_cancelled, task)
        async with asyncio.timeout(20):
            for caller in slow:
                await caller.is_stuck.wait()
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
        )
        began = time.monotonic()
        found = await client.post(f"{API}/query", json={"question": "lamp"})
        assert found.status_code == 200, found.text
        assert len(found.json()["sources"]) == 5
        # Whoever waits for a connection that is held waits for five seconds.
        assert time.monotonic() - began < 4


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
