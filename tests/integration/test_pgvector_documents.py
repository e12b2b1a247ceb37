"""What the tables keep, what a delete leaves, and what concurrent work may not do to either."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.conftest import MigratedDatabase
from tests.pgstores import PgStores, next_revision, open_pg_stores, rows

from citewell.errors import DocumentNotFound, InvalidInput, StaleLease
from citewell.model import DocumentId, Failure, JobId, Lease, Page, Progress, Scope, Stage, Status
from citewell.testing.stores import LEASE_SECONDS, chunk, claimed, submission, unit_vector


@pytest_asyncio.fixture(loop_scope="session")
async def stores(migrated_database: MigratedDatabase) -> AsyncIterator[PgStores]:
    async with open_pg_stores(await migrated_database()) as stores:
        yield stores


async def ingested(stores: PgStores, content: str, *, collection: str = "default", chunks: int = 3) -> Lease:
    """A document that is READY."""
    lease = await claimed(stores, content, collection=collection)
    await stage(stores, lease, chunks=chunks)
    await end(stores, lease, chunks=chunks)
    return lease


async def stage(stores: PgStores, lease: Lease, *, chunks: int = 3) -> None:
    await stores.pages.add(lease.revision_id, [Page(1, 0, lease.sha256)])
    staged = [chunk(n, text=f"{lease.revision_id}/{n}") for n in range(chunks)]
    await stores.vectors.stage(lease.publication, staged)


async def end(stores: PgStores, lease: Lease, *, chunks: int = 3) -> None:
    async with stores.unit_of_work():
        await stores.jobs.complete(lease, page_count=1, chunk_count=chunks)
        await stores.vectors.publish(lease.publication)


async def delete(stores: PgStores, document_id: DocumentId) -> None:
    async with stores.unit_of_work():
        await stores.vectors.delete(document_id)
        await stores.documents.delete(document_id)


async def claim_newest(stores: PgStores, document_id: DocumentId) -> Lease:
    [(job_id,)] = await rows(
        stores.database, "SELECT id FROM jobs WHERE document_id = %(id)s", id=document_id
    )
    lease = await stores.jobs.claim(JobId(job_id), lease_seconds=LEASE_SECONDS)
    assert lease is not None
    return lease


async def leftovers(stores: PgStores) -> dict[str, int]:
    """The tables that hold rows, but for those that a document does not own."""
    names = await rows(
        stores.database,
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
    )
    # Suspected bytes are looked at by and by; events go with their document.
    kept = {"citewell_migrations", "collections", "content_suspects", "embedding_spaces"}
    counts: dict[str, int] = {}
    for (name,) in names:
        [(count,)] = await rows(stores.database, f"SELECT count(*) FROM {name}")  # noqa: S608 - a name of ours
        if count and name not in kept:
            counts[name] = count
    return counts


async def collection(stores: PgStores, name: str = "default") -> tuple[int, int]:
    """Version and number of live chunks."""
    query = "SELECT version, chunk_count FROM collections WHERE name = %(name)s"
    [(version, chunk_count)] = await rows(stores.database, query, name=name)
    return version, chunk_count


async def test_a_delete_leaves_no_row_behind(stores: PgStores) -> None:
    """Whatever was live, staged or under way, and whichever store is asked to delete."""
    for delete_vectors in (True, False):
        lease = await ingested(stores, "live")
        await next_revision(stores, lease.document_id)
        await stage(stores, await claim_newest(stores, lease.document_id))
        if delete_vectors:
            await stores.vectors.delete(lease.document_id)
            assert (await collection(stores))[1] == 0
        await stores.documents.delete(lease.document_id)
        assert await leftovers(stores) == {}


async def test_a_new_revision_replaces_the_former_one_with_all_it_had(stores: PgStores) -> None:
    """Pages, chunks and vectors of the former revision go in the moment in which the new one is live."""
    former = await ingested(stores, "former")
    await next_revision(stores, former.document_id)
    new = await claim_newest(stores, former.document_id)
    await stage(stores, new, chunks=2)
    [before] = {
        hit.chunk.text.split("/")[0]
        for hit in await stores.vectors.search(unit_vector(0), k=9, scope=Scope())
    }
    assert before == str(former.revision_id)
    await end(stores, new, chunks=2)
    hits = await stores.vectors.search(unit_vector(0), k=9, scope=Scope())
    assert {hit.chunk.text for hit in hits} == {f"{new.revision_id}/0", f"{new.revision_id}/1"}
    document = await stores.documents.get(former.document_id)
    assert (document.revision_id, document.sha256) == (new.revision_id, new.sha256)
    assert await stores.pages.read(former.revision_id) == []
    assert not await stores.ledger.is_used(former.sha256)
    kept = {"chunks": 2, "documents": 1, "jobs": 1, "pages": 1, "revisions": 1}
    kept |= {"document_events": 6, "unindexed_words": 1}
    assert await leftovers(stores) == {**kept, "staged_vectors": 2, "unindexed": 1}
    assert await stores.vectors.index(limit=9) == 2
    assert await leftovers(stores) == {**kept, "vectors_1": 2}


async def test_a_revision_that_was_live_before_a_failure_stays_live(stores: PgStores) -> None:
    """The document is FAILED, and still found as it was."""
    live = await ingested(stores, "live")
    await next_revision(stores, live.document_id)
    lease = await claim_newest(stores, live.document_id)
    await stage(stores, lease)
    async with stores.unit_of_work():
        await stores.jobs.fail(lease, Failure("unreadable", "damaged"))
        await stores.vectors.discard(lease.revision_id)
    document = await stores.documents.get(live.document_id)
    assert (document.status, document.revision_id) == (Status.FAILED, live.revision_id)
    assert len(await stores.vectors.search(unit_vector(0), k=9, scope=Scope())) == 3
    assert await stores.pages.read(live.revision_id) == [Page(1, 0, live.sha256)]


async def test_a_replaced_job_is_stale(stores: PgStores) -> None:
    """A worker that was still at the former revision publishes nothing."""
    former = await claimed(stores, "former")
    await stage(stores, former)
    await next_revision(stores, former.document_id)
    with pytest.raises(StaleLease):
        await end(stores, former)
    assert (await stores.documents.get(former.document_id)).revision_id is None


async def test_every_visible_change_bumps_the_version_of_its_collection(stores: PgStores) -> None:
    """Publication, replacement and deletion do; what nobody can see does not."""
    await ingested(stores, "other", collection="other")
    other = await collection(stores, "other")
    lease = await claimed(stores, "text")
    await stage(stores, lease)
    assert await collection(stores) == (0, 0)
    await end(stores, lease)
    published = await collection(stores)
    assert published == (1, 3)
    await next_revision(stores, lease.document_id)
    new = await claim_newest(stores, lease.document_id)
    await stage(stores, new, chunks=5)
    assert await collection(stores) == published
    await end(stores, new, chunks=5)
    version, chunk_count = await collection(stores)
    assert (version > published[0], chunk_count) == (True, 5)
    while await stores.vectors.index(limit=2):
        assert await collection(stores) == (version, chunk_count)
    await delete(stores, lease.document_id)
    assert (await collection(stores))[0] > version
    assert (await collection(stores))[1] == 0
    assert await collection(stores, "other") == other


async def test_a_job_that_ends_does_not_hold_up_others_of_its_collection(stores: PgStores) -> None:
    """The collection's row is locked last: only when the vectors are in their table."""
    slow, fast = await claimed(stores, "slow"), await claimed(stores, "fast")
    for lease in (slow, fast):
        await stage(stores, lease)
    completed = asyncio.Event()

    async def end_other() -> None:
        await completed.wait()
        await end(stores, fast)

    other = asyncio.create_task(end_other())
    async with stores.unit_of_work():
        await stores.jobs.complete(slow, page_count=1, chunk_count=3)
        completed.set()
        await other
        await stores.vectors.publish(slow.publication)
    assert (await collection(stores))[1] == 6


async def test_names_and_metadata_that_the_database_cannot_hold_are_invalid_input(stores: PgStores) -> None:
    """InvalidInput instead of an error of the vendor's, and nothing recorded."""
    unstorable: tuple[dict[str, Any], ...] = (
        {"name": "a\0b"},
        {"name": "a\ud800b"},
        {"metadata": {"key": "a\0b"}},
        {"metadata": {"a\0b": 1}},
        {"metadata": {"key": float("nan")}},
    )
    for changes in unstorable:
        with pytest.raises(InvalidInput):
            await stores.documents.submit(submission("text", **changes))
    assert await leftovers(stores) == {}


async def test_a_failure_with_a_message_of_any_bytes_is_recorded(stores: PgStores) -> None:
    """What a damaged file puts into a message must not keep its job from failing."""
    lease = await claimed(stores, "text")
    await stores.jobs.fail(lease, Failure("unreadable", "bad \0 and \ud800"))
    error = (await stores.documents.get(lease.document_id)).error
    assert error == Failure("unreadable", "bad \N{REPLACEMENT CHARACTER} and ?")


async def test_content_is_locked_in_a_unit_of_work_alone(stores: PgStores) -> None:
    """Elsewhere the lock would be gone at once, which nobody can want."""
    with pytest.raises(RuntimeError):
        await stores.ledger.lock("00" * 32)


async def test_a_search_during_a_publication_sees_the_former_state(stores: PgStores) -> None:
    """All at once, and not before the unit of work ends."""
    lease = await claimed(stores, "text")
    await stage(stores, lease)
    published = asyncio.Event()

    async def look() -> int:
        await published.wait()
        return len(await stores.vectors.search(unit_vector(0), k=9, scope=Scope()))

    outside = asyncio.create_task(look())
    async with stores.unit_of_work():
        await stores.jobs.complete(lease, page_count=1, chunk_count=3)
        await stores.vectors.publish(lease.publication)
        published.set()
        assert await outside == 0
    assert len(await stores.vectors.search(unit_vector(0), k=9, scope=Scope())) == 3


@pytest.mark.parametrize("seed", range(3))
async def test_deletes_and_workers_at_once_do_not_lock_each_other_out(stores: PgStores, seed: int) -> None:
    """Each call ends well, or as stale or not found; never in a deadlock, never with something left."""
    numbers = random.Random(seed)

    async def work(lease: Lease) -> None:
        try:
            for _ in range(3):
                async with stores.unit_of_work():
                    for step in numbers.sample([stage, report], k=2):
                        await step(stores, lease)
                await asyncio.sleep(numbers.random() / 100)
            async with stores.unit_of_work():
                if numbers.random() < 0.5:
                    await stores.vectors.publish(lease.publication)
                    await stores.jobs.complete(lease, page_count=1, chunk_count=3)
                else:
                    await stores.jobs.complete(lease, page_count=1, chunk_count=3)
                    await stores.vectors.publish(lease.publication)
        except StaleLease:
            return

    async def delete_all() -> None:
        await asyncio.sleep(numbers.random() / 20)
        for document in await stores.documents.list(limit=100):
            try:
                await delete(stores, document.id)
            except DocumentNotFound:
                continue

    leases = [await claimed(stores, str(number)) for number in range(8)]
    await asyncio.gather(
        *map(work, leases), *(delete_all() for _ in range(3)), *(index(stores, numbers) for _ in range(2))
    )
    for document in await stores.documents.list(limit=100):
        assert document.status is Status.READY
        await delete(stores, document.id)
    assert await leftovers(stores) == {}
    assert (await collection(stores))[1] == 0


async def index(stores: PgStores, numbers: random.Random) -> None:
    for _ in range(40):
        await stores.vectors.index(limit=numbers.randint(1, 5))
        await asyncio.sleep(numbers.random() / 200)


async def report(stores: PgStores, lease: Lease) -> None:
    await stores.jobs.report(
        lease, stage=Stage.EMBEDDING, progress=Progress(1, 1, 3, None), lease_seconds=LEASE_SECONDS
    )
