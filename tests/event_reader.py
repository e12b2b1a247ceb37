"""A reader of server-sent events that takes a message only once there is room for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

__all__ = ["EventReader", "reading_events"]


@dataclass
class EventReader:
    """Asks an application with `body`, and reads what is sent, message by message."""

    body: bytes = b""
    sent: asyncio.Queue[dict[str, Any]] = field(default_factory=lambda: asyncio.Queue(maxsize=1))
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pings: int = 0
    is_asked: bool = False

    async def receive(self) -> dict[str, Any]:
        if not self.is_asked:
            self.is_asked = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def begin(self) -> None:
        head = await self._next()
        self.status = int(head["status"])
        self.headers = {name.decode(): value.decode() for name, value in head["headers"]}

    async def raw(self) -> str | None:
        """The next piece that is sent, None at the end."""
        message = await self._next()
        return message["body"].decode() if message.get("more_body") else None

    async def event(self) -> dict[str, Any] | None:
        """The fields of the next event, None at the end."""
        while (piece := await self.raw()) is not None:
            fields = dict(line.split(": ", 1) for line in piece.strip().splitlines() if line[0] != ":")
            self.pings += piece == ": ping\n\n"
            if "event" in fields:
                return {**fields, "data": json.loads(fields["data"])}
        return None

    async def rest(self) -> list[dict[str, Any]]:
        """All events until the end."""
        events = []
        while (event := await self.event()) is not None:
            events.append(event)
        return events

    async def named(self) -> tuple[str, Any] | None:
        """Name and data of the next event, None at the end."""
        event = await self.event()
        return None if event is None else (event["event"], event["data"])

    async def rest_named(self) -> list[tuple[str, Any]]:
        """Names and data of all events until the end."""
        return [(event["event"], event["data"]) for event in await self.rest()]

    async def _next(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            return await self.sent.get()


@asynccontextmanager
async def reading_events(
    application: Any, scope: dict[str, Any], body: bytes = b""
) -> AsyncIterator[EventReader]:
    """A reader whose head has come; gone at the end."""
    reader = EventReader(body)
    task = asyncio.create_task(application(scope, reader.receive, reader.sent.put))
    try:
        await reader.begin()
        yield reader
    finally:
        reader.gone.set()
        async with asyncio.timeout(10):
            await task
