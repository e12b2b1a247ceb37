"""The broker, with its middleware spelled out: announcements are small, many, and may be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import dramatiq.errors
import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.middleware import Retries
from redis.backoff import NoBackoff
from redis.retry import Retry

from citewell.errors import QueueUnavailable, Reason, Transient

__all__ = ["ACTOR", "QUEUE", "asked_in_time", "build_broker", "ping"]

T = TypeVar("T")

QUEUE: Final = "ingest"
ACTOR: Final = "ingest_document"

_CONNECT_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 5.0
#: The longest that a caller waits; the call itself may hang on in its thread for both times above, twice.
_PATIENCE_SECONDS: Final = 2.0
#: Of its own: calls of a server that does not answer must not take the threads that others need.
_THREADS: Final = ThreadPoolExecutor(max_workers=4, thread_name_prefix="citewell-queue")
_MIN_BACKOFF_MS: Final = 1_000
_MAX_BACKOFF_MS: Final = 60_000
#: So long a consumer waits for an announcement before it sees to what else there is.
_WAIT_SECONDS: Final = 0.2


def build_broker(url: str, *, namespace: str = "citewell") -> RedisBroker:
    """A broker at `redis://…`, `rediss://…` or `unix://…`; nothing is connected yet.

    An announcement whose job could not even be claimed, because the store was away, is tried again for as
    long as it takes; everything else about a job's life is decided by the job's own state.
    """
    client = redis.Redis.from_url(
        url,
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_timeout=_ANSWER_SECONDS,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 1),
    )
    retries = Retries(
        min_backoff=_MIN_BACKOFF_MS,
        max_backoff=_MAX_BACKOFF_MS,
        retry_when=lambda _, error: isinstance(error, Transient),
    )
    broker = _Broker(  # type: ignore[no-untyped-call]
        client=client, namespace=namespace, middleware=[retries]
    )
    broker.declare_queue(QUEUE)
    return broker


class _WaitingConsumer(_RedisConsumer):
    """Fetches what is announced at once; Dramatiq's own looks for it now and then."""

    def __next__(self) -> Any:
        patience = self.timeout
        if waits := not self.message_cache and self.outstanding_message_count < self.prefetch:
            self._wait()
        # Whoever has waited does not sleep on top of it.
        self.timeout = 0 if waits else patience
        try:
            return super().__next__()  # type: ignore[no-untyped-call]
        finally:
            self.timeout = patience

    def _wait(self) -> None:
        """Return once there is something in the queue, but soon in any case."""
        queue = f"{self.broker.namespace}:{self.queue_name}"
        try:
            # To its own place: of all that waits for an item, only this takes none away.
            self.broker.client.blmove(queue, queue, _WAIT_SECONDS, "LEFT", "LEFT")
        except redis.ConnectionError as error:
            raise dramatiq.errors.ConnectionClosed(error) from None  # type: ignore[no-untyped-call]


class _Broker(RedisBroker):
    @property
    def consumer_class(self) -> type[_WaitingConsumer]:
        return _WaitingConsumer


async def ping(broker: RedisBroker) -> str:
    """The server's name and version. Raises QueueUnavailable."""
    info: dict[str, Any] = await asked_in_time(lambda: broker.client.info("server"))
    name = info.get("server_name", "redis")
    return f"{name} {info.get(f'{name}_version', info.get('redis_version', '?'))}"


async def asked_in_time(call: Callable[[], T]) -> T:
    """What the call gives, made in a thread. Raises QueueUnavailable, after two seconds at most."""
    try:
        with _translated():
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(_THREADS, call)
    except TimeoutError as error:
        raise QueueUnavailable("the job queue did not answer in time", reason=Reason.TIMEOUT) from error


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of the client and of Dramatiq's connection as QueueUnavailable."""
    try:
        yield
    except (redis.RedisError, dramatiq.errors.BrokerConnectionError, OSError) as error:
        if isinstance(error, TimeoutError):
            raise
        raise QueueUnavailable(f"the job queue does not answer: {type(error).__name__}") from error
