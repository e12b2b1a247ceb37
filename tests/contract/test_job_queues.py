"""Every JobQueue keeps the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from citewell.errors import QueueUnavailable, StoreUnavailable
from citewell.memory import MemoryJobQueue
from citewell.model import JobId
from citewell.ports import JobQueue
from citewell.testing.queue import Heard, JobQueueContract, OpenQueue
from citewell_adapters.dramatiq import DramatiqConsumer, DramatiqJobQueue, build_broker, ping

Handler = Callable[[JobId], Awaitable[object]]


class TestMemoryJobQueue(JobQueueContract):
    @pytest.fixture
    def open_queue(self) -> OpenQueue:
        return MemoryJobQueue


class TestDramatiqJobQueue(JobQueueContract):
    @pytest.fixture
    def open_queue(self, valkey_url: str) -> OpenQueue:
        namespace = uuid4().hex

        @asynccontextmanager
        async def open_(handler: Handler) -> AsyncIterator[JobQueue]:
            broker = build_broker(valkey_url, namespace=namespace)
            try:
                async with DramatiqConsumer(broker, handler, concurrency=4):
                    yield DramatiqJobQueue(broker)
            finally:
                broker.close()

        return open_

    async def test_a_transient_error_of_the_handler_brings_the_job_again(self, open_queue: OpenQueue) -> None:
        """A store that is away for a moment loses no announcement."""
        heard, calls = Heard(), 0

        async def handler(job_id: JobId) -> None:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise StoreUnavailable
            await heard(job_id)

        job_id = JobId(uuid4())
        async with open_queue(handler) as queue:
            await queue.announce(job_id)
            await heard.until(job_id)

    async def test_an_announcement_is_heard_at_once(
        self, open_queue: OpenQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever waits for one need not look again and again."""
        monkeypatch.setattr("citewell_adapters.dramatiq.broker._WAIT_SECONDS", 4.0)
        heard, job_id = Heard(), JobId(uuid4())
        async with open_queue(heard) as queue:
            await asyncio.sleep(0.5)
            await queue.announce(job_id)
            await asyncio.wait_for(heard.until(job_id), 2)

    async def test_a_stopping_consumer_cancels_its_handlers(self, open_queue: OpenQueue) -> None:
        """A worker that stops puts its work down instead of losing it."""
        began, cancelled = asyncio.Event(), asyncio.Event()

        async def handler(job_id: JobId) -> None:
            began.set()
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                cancelled.set()
                raise

        async with open_queue(handler) as queue:
            await queue.announce(JobId(uuid4()))
            await asyncio.wait_for(began.wait(), 20)
        assert cancelled.is_set()

    async def test_what_is_fetched_while_the_consumer_stops_comes_again(self, open_queue: OpenQueue) -> None:
        """A job that a stopping worker gives back is announced while its consumer still fetches."""
        heard, again, began = Heard(), JobId(uuid4()), asyncio.Event()

        async def handler(job_id: JobId) -> None:
            began.set()
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                await queue.announce(again)
                await asyncio.sleep(0.5)  # long enough for the idle threads to fetch it
                raise

        async with open_queue(handler) as queue:
            await queue.announce(JobId(uuid4()))
            await asyncio.wait_for(began.wait(), 20)
        async with open_queue(heard):
            await heard.until(again)

    async def test_what_is_announced_while_nobody_listens_waits(self, open_queue: OpenQueue) -> None:
        """Let one worker hear of the job, at least once."""
        heard, job_id = Heard(), JobId(uuid4())
        async with open_queue(heard) as queue:
            pass
        await queue.announce(job_id)
        async with open_queue(heard):
            await heard.until(job_id)

    async def test_an_absent_server_is_an_unavailable_queue(self) -> None:
        """Raises QueueUnavailable if the announcement could not be left."""
        broker = build_broker("redis://127.0.0.1:1/0")
        with pytest.raises(QueueUnavailable):
            await DramatiqJobQueue(broker).announce(JobId(uuid4()))
        with pytest.raises(QueueUnavailable):
            await ping(broker)
        broker.close()

    async def test_a_silent_server_keeps_only_the_first_waiting(self) -> None:
        """Announcements that follow a failure fail at once: a silent server does not hold up uploads."""
        connections = 0

        async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await reader.read()
            writer.close()

        async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
            broker = build_broker(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
            broker.client.connection_pool.connection_kwargs["socket_timeout"] = 0.2
            queue = DramatiqJobQueue(broker)
            tries = []
            for _ in range(20):
                with pytest.raises(QueueUnavailable):
                    await queue.announce(JobId(uuid4()))
                tries.append(connections)
            broker.close()
        assert tries == [tries[0]] * 20
