"""The contract of UnitOfWork, and what the contracts of the stores share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import pytest

from citewell.errors import DocumentNotFound, StaleLease
from citewell.model import (
    DEFAULT_COLLECTION,
    Box,
    Chunk,
    EmbeddedChunk,
    EmbeddingSpace,
    Failure,
    Lease,
    Page,
    PageBox,
    Progress,
    Scope,
    Span,
    Stage,
    Status,
    Submission,
)
from citewell.ports import (
    ContentLedger,
    DocumentStore,
    JobBoard,
    JobStore,
    PageStore,
    UnitOfWork,
    VectorStore,
)

__all__ = [
    "CONTRACT_SPACE",
    "Stores",
    "StoresContract",
    "chunk",
    "claimed",
    "submission",
    "unit_vector",
]

#: The space that the contracts expect a VectorStore to be made for.
CONTRACT_SPACE: Final = EmbeddingSpace("contract", 8)

#: Long enough that no lease runs out while a test is at work.
LEASE_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Stores:
    """Empty stores over the same data, with the unit of work that binds them."""

    documents: DocumentStore
    jobs: JobStore
    board: JobBoard
    ledger: ContentLedger
    pages: PageStore
    vectors: VectorStore
    unit_of_work: UnitOfWork


def submission(content: str, *, collection: str | None = DEFAULT_COLLECTION, **changes: Any) -> Submission:
    """A submission of a text file that holds `content`."""
    data = content.encode()
    values: dict[str, Any] = {
        "name": "notes.txt",
        "collection": collection,
        "media_type": "text/plain",
        "sha256": sha256(data).hexdigest(),
        "size_bytes": len(data),
    }
    return Submission(**(values | changes))


async def claimed(
    stores: Stores,
    content: str,
    *,
    collection: str = DEFAULT_COLLECTION,
    lease_seconds: float = LEASE_SECONDS,
    **changes: Any,
) -> Lease:
    """The lease of a new document's job."""
    submitted = await stores.documents.submit(submission(content, collection=collection, **changes))
    assert submitted.job_id is not None
    lease = await stores.jobs.claim(submitted.job_id, lease_seconds=lease_seconds)
    assert lease is not None
    return lease


def unit_vector(axis: int, *, dimensions: int = CONTRACT_SPACE.dimensions) -> list[float]:
    """The vector along one axis."""
    return [1.0 if position == axis else 0.0 for position in range(dimensions)]


def chunk(index: int, *, text: str = "", vector: list[float] | None = None) -> EmbeddedChunk:
    """A chunk with this index; along the axis of its number, if no vector is given."""
    text = text or f"passage {index}"
    return EmbeddedChunk(
        Chunk(index, Span(index * 100, index * 100 + len(text)), text, 1, 1, (), 2, _boxes(index)),
        unit_vector(index % CONTRACT_SPACE.dimensions) if vector is None else vector,
    )


def _boxes(index: int) -> tuple[PageBox, ...]:
    """Two lines on page 1, the second of which the next chunk has too."""
    tops = ((index + line) * 400 % 18_000 for line in (0, 1))
    return tuple(PageBox(1, Box(0.1, top / 20_000, 0.9, (top + 399) / 20_000)) for top in tops)


async def complete(stores: Stores, lease: Lease) -> None:
    await stores.jobs.complete(lease, page_count=1, chunk_count=1)


async def publish(stores: Stores, lease: Lease) -> None:
    await stores.vectors.publish(lease.publication)


Step = Callable[[Stores, Lease], Awaitable[None]]


async def end(stores: Stores, lease: Lease, steps: tuple[Step, Step]) -> None:
    """Ends the job in one unit of work."""
    async with stores.unit_of_work():
        for step in steps:
            await step(stores, lease)


class Undone(Exception):
    """Leaves a unit of work."""


@pytest.mark.asyncio
class StoresContract:
    """Override `stores` with empty stores; the vector store is one of CONTRACT_SPACE."""

    @pytest.fixture
    def stores(self) -> Stores:
        raise NotImplementedError("override the fixture stores")

    async def test_all_of_a_unit_of_work_takes_effect_at_its_end(self, stores: Stores) -> None:
        """Everything that stores do inside takes effect together at its end."""
        async with stores.unit_of_work():
            lease = await claimed(stores, "one")
            await stores.pages.add(lease.revision_id, [Page(1, 0, "one")])
            await stores.vectors.stage(lease.publication, [chunk(0)])
        assert (await stores.documents.get(lease.document_id)).status is Status.PROCESSING
        assert await stores.pages.read(lease.revision_id) == [Page(1, 0, "one")]
        assert await stores.vectors.staged(lease.revision_id) == chunk(0).chunk

    async def test_what_is_done_inside_is_seen_inside(self, stores: Stores) -> None:
        """Everything that stores do inside takes effect together."""
        async with stores.unit_of_work():
            lease = await claimed(stores, "one")
            await stores.vectors.stage(lease.publication, [chunk(0)])
            await publish(stores, lease)
            assert await stores.ledger.is_used(lease.sha256)
            assert len(await stores.vectors.search(unit_vector(0), k=1, scope=Scope())) == 1

    async def test_an_exception_undoes_all_of_a_unit_of_work(self, stores: Stores) -> None:
        """Or not at all if an exception leaves it."""
        before = await claimed(stores, "before")
        made: list[Lease] = []

        async def work() -> None:
            async with stores.unit_of_work():
                made.append(await claimed(stores, "one"))
                await stores.pages.add(made[0].revision_id, [Page(1, 0, "one")])
                await stores.pages.add(before.revision_id, [Page(1, 0, "two")])
                await stores.vectors.stage(before.publication, [chunk(0)])
                await publish(stores, before)
                await stores.jobs.fail(before, Failure("no_text", "no text"))
                raise Undone

        with pytest.raises(Undone):
            await work()
        with pytest.raises(DocumentNotFound):
            await stores.documents.get(made[0].document_id)
        assert (await stores.documents.get(before.document_id)).status is Status.PROCESSING
        assert await stores.pages.read(before.revision_id) == []
        assert await stores.vectors.staged(before.revision_id) is None
        assert await stores.vectors.search(unit_vector(0), k=1, scope=Scope()) == []

    async def test_an_undone_delete_leaves_the_document_as_it_was(self, stores: Stores) -> None:
        """Or not at all if an exception leaves it."""
        lease = await claimed(stores, "one")
        await stores.vectors.stage(lease.publication, [chunk(0)])
        await publish(stores, lease)

        async def work() -> None:
            async with stores.unit_of_work():
                await stores.vectors.delete(lease.document_id)
                await stores.documents.delete(lease.document_id)
                raise Undone

        with pytest.raises(Undone):
            await work()
        assert (await stores.documents.get(lease.document_id)).id == lease.document_id
        assert len(await stores.vectors.chunks(lease.document_id, limit=5)) == 1

    @pytest.mark.parametrize("steps", [(complete, publish), (publish, complete)])
    async def test_a_job_ends_and_its_revision_goes_live_together(
        self, stores: Stores, steps: tuple[Step, Step]
    ) -> None:
        """Everything takes effect together, in whichever order it is done."""
        lease = await claimed(stores, "one")
        await stores.vectors.stage(lease.publication, [chunk(0)])
        await end(stores, lease, steps)
        document = await stores.documents.get(lease.document_id)
        assert (document.status, document.revision_id) == (Status.READY, lease.revision_id)
        assert len(await stores.vectors.search(unit_vector(0), k=1, scope=Scope())) == 1

    @pytest.mark.parametrize("steps", [(complete, publish), (publish, complete)])
    async def test_a_stale_lease_publishes_nothing(self, stores: Stores, steps: tuple[Step, Step]) -> None:
        """Every call that takes a Lease raises StaleLease if the job was claimed again."""
        stale = await claimed(stores, "one", lease_seconds=0.0)
        await stores.vectors.stage(stale.publication, [chunk(0)])
        assert await stores.jobs.claim(stale.job_id, lease_seconds=LEASE_SECONDS) is not None
        with pytest.raises(StaleLease):
            await end(stores, stale, steps)
        assert await stores.vectors.search(unit_vector(0), k=1, scope=Scope()) == []
        assert await stores.vectors.staged(stale.revision_id) == chunk(0).chunk
        assert (await stores.documents.get(stale.document_id)).status is Status.PROCESSING

    async def test_a_worker_finds_a_deleted_document_gone(self, stores: Stores) -> None:
        """Every call that takes a Lease raises StaleLease if the job is gone."""
        lease = await claimed(stores, "one")
        await stores.vectors.stage(lease.publication, [chunk(0)])
        async with stores.unit_of_work():
            await stores.vectors.delete(lease.document_id)
            await stores.documents.delete(lease.document_id)
        with pytest.raises(StaleLease):
            await stores.jobs.report(
                lease, stage=Stage.EMBEDDING, progress=Progress(), lease_seconds=LEASE_SECONDS
            )
        with pytest.raises(StaleLease):
            await end(stores, lease, (complete, publish))
        assert await stores.vectors.search(unit_vector(0), k=1, scope=Scope()) == []

    async def test_units_of_work_do_not_nest(self, stores: Stores) -> None:
        """Units of work do not nest: a second one is an error, not a wait without end."""

        async def nest() -> None:
            async with stores.unit_of_work(), stores.unit_of_work():
                pass

        with pytest.raises(RuntimeError):
            await nest()
        assert await stores.documents.list(limit=1) == []

    async def test_units_of_work_follow_each_other(self, stores: Stores) -> None:
        """Units of work do not nest; one after another is the use of them."""
        for content in ("one", "two"):
            async with stores.unit_of_work():
                await claimed(stores, content)
        assert len(await stores.documents.list(limit=10)) == 2
