"""What readiness asks of each part."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from citewell.errors import ContentMissing, StoreUnavailable
from citewell.ports import BlobStore

if TYPE_CHECKING:
    from dramatiq.brokers.redis import RedisBroker

    from citewell_adapters.pgvector import PgDatabase

__all__ = ["Probe", "blobs_probe", "database_probe", "queue_probe"]

#: Bytes with this hash cannot be kept, so that nothing is read.
_NOTHING: Final = "0" * 64

#: Answers with a word on the part's state; raises, with a sentence for people, if the part is not ready.
Probe = Callable[[], Awaitable[str]]


def database_probe(database: PgDatabase) -> Probe:
    """Whether the database answers and its schema is up to date."""
    from citewell_migrations import schema_at_head

    async def probe() -> str:
        async with database.spare_connection() as connection:
            version = connection.info.server_version
            if not await schema_at_head(connection):
                raise StoreUnavailable("the schema is not up to date: run `citewell migrate`")
        return f"PostgreSQL {version // 10_000}.{version % 10_000}, schema up to date"

    return probe


def queue_probe(broker: RedisBroker) -> Probe:
    """Whether the job queue's server answers."""
    from citewell_adapters.dramatiq import ping

    async def probe() -> str:
        return await ping(broker)

    return probe


def blobs_probe(blobs: BlobStore) -> Probe:
    """Whether the blob store answers."""

    async def probe() -> str:
        try:
            async for _ in blobs.read(_NOTHING):
                pass
        except ContentMissing:
            pass  # it says so, so it answers
        return "answers"

    return probe
