"""The life of a job, over in-memory stores."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes import FormFeedParser, WordEmbedder
from tests.house import House

from citewell.errors import (
    EmbedderUnavailable,
    EmbeddingRejected,
    PasswordRequired,
    SpaceMismatch,
    StaleLease,
)
from citewell.memory import MemoryVectorStore
from citewell.model import (
    Chunk,
    Document,
    EmbeddedChunk,
    Failure,
    Heading,
    Mode,
    ParsedPage,
    Publication,
    RevisionId,
    Scope,
    SearchOptions,
    Status,
)
from citewell.ports import EmbeddingRole
from citewell.usecases import IngestPolicy

TEXT = b"The ferry leaves at nine. It is blue and slow.\fThe museum is closed on Mondays. Bring a coat."


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def state(house: House, document: Document) -> Document:
    return await house.documents.get(document.id)


async def test_an_ingested_document_is_ready_and_found(house: House) -> None:
    """Pages and chunks are counted, and a question finds its page."""
    document, job_id = await house.uploaded_job(TEXT)
    await house.ingest(job_id)
    ready = await state(house, document)
    assert (ready.status, ready.stage, ready.page_count) == (Status.READY, None, 2)
    assert ready.chunk_count == len(await house.vectors.chunks(document.id, limit=100))
    best = (await house.search("museum closed Mondays"))[0]
    assert best.document_id == document.id
    assert best.chunk.last_page == 2


async def test_a_chunk_is_the_text_at_its_span(house: House) -> None:
    """The text of a chunk is the revision's text at its span."""
    document, job_id = await house.uploaded_job(TEXT * 20)
    await house.ingest(job_id)
    revision_id = (await state(house, document)).revision_id
    assert revision_id is not None
    text = "".join(page.text for page in await house.pages.read(revision_id))
    chunks = await house.vectors.chunks(document.id, limit=1000)
    assert len(chunks) > 20
    assert all(chunk.text == chunk.span.of(text) for chunk in chunks)


async def test_the_context_reaches_the_embedder_and_the_words(tmp_path: Path) -> None:
    """Title and headings are embedded and analysed with a chunk, within the window, and not shown."""

    class Headed(FormFeedParser):
        async def parse(
            self, path: Path, *, media_type: str, password: str | None = None, skip: int = 0
        ) -> AsyncGenerator[ParsedPage, None]:
            async for page in super().parse(path, media_type=media_type, password=password, skip=skip):
                yield replace(page, headings=(Heading(0, 1, "Timetable of the harbour"),))

    house = House(tmp_path, parser=Headed())
    house.embedder.max_tokens = 16
    submitted = await house.upload(TEXT, name="Isle_of_Mull_2022.txt")
    assert submitted.job_id is not None
    await house.ingest(submitted.job_id)
    chunks = await house.vectors.chunks(submitted.document.id, limit=100)
    assert len(house.embedder.embedded) == len(chunks) == 2
    for chunk, embedded in zip(chunks, house.embedder.embedded, strict=True):
        context, _, passage = embedded.rpartition("\n\n")
        assert passage == chunk.text in TEXT.decode()
        assert context.startswith("Isle of Mull 2022")
        assert house.embedder.count_tokens(embedded) <= 16
    for question in ("Mull", "timetable"):
        found = await house.searching(
            question, scope=Scope(), top_k=100, options=SearchOptions(mode=Mode.LEXICAL)
        )
        assert {hit.chunk for hit in found.hits} == set(chunks)
        assert not any(question in hit.chunk.text for hit in found.hits)


async def test_nothing_is_found_before_the_job_has_ended(tmp_path: Path) -> None:
    """A query sees a document whole or not at all."""
    seen: list[int] = []
    house = House(tmp_path)

    class Watching(WordEmbedder):
        async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[list[float]]:
            vectors = await super().embed(texts, role=role)
            if role == "passage":
                seen.append(len(await house.search("ferry")))
            return vectors

    house.embedder = Watching()
    _, job_id = await house.uploaded_job(TEXT * 20)
    await house.ingest(job_id)
    assert len(seen) > 1
    assert set(seen) == {0}
    assert await house.search("ferry")


async def test_a_document_without_text_fails_with_no_text(house: House) -> None:
    """Permanent failures end FAILED with a code."""
    document, job_id = await house.uploaded_job(b" \n\f \n")
    await house.ingest(job_id)
    failed = await state(house, document)
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert failed.error.code == "no_text"


async def test_a_parser_failure_leaves_nothing_staged(tmp_path: Path) -> None:
    """What was staged before the failure is forgotten."""
    house = House(tmp_path, parser=FormFeedParser(failure=PasswordRequired()))
    document, job_id = await house.uploaded_job(TEXT * 20)
    await house.ingest(job_id)
    failed = await state(house, document)
    assert failed.error == Failure("password_required", str(PasswordRequired()))
    assert await house.search("ferry") == ()


async def test_an_embedder_that_refuses_fails_the_document(house: House) -> None:
    """Trying again what is refused for good would never end."""
    house.embedder.failures = [EmbeddingRejected("no such model")]
    document, job_id = await house.uploaded_job(TEXT)
    await house.ingest(job_id)
    assert (await state(house, document)).error == Failure("embedding_rejected", "no such model")


async def test_a_transient_failure_gives_the_job_back_with_a_growing_delay(house: House) -> None:
    """Transient failures retry with backoff, and succeed when the cause is gone."""
    house.embedder.failures = [EmbedderUnavailable() for _ in range(5)]
    document, job_id = await house.uploaded_job(TEXT)
    delays = []
    for _ in range(5):
        await house.ingest(job_id)
        waiting = await state(house, document)
        assert waiting.status is Status.QUEUED
        await house.ingest(job_id)
        assert (await state(house, document)).attempts == waiting.attempts, "claimed before its time"
        delays.append(house.queue.announced[-1][1])
        house.clock.advance(delays[-1])
    assert delays == [2.0, 2.0, 4.0, 8.0, 16.0]
    await house.ingest(job_id)
    assert (await state(house, document)).status is Status.READY


async def test_patience_is_bounded(house: House) -> None:
    """What is away for a long time fails the document in the end, however often it was tried."""
    house.embedder.failures = [EmbedderUnavailable("the model is away")] * 50
    document, job_id = await house.uploaded_job(TEXT)
    for _ in range(12):
        await house.ingest(job_id)
        house.clock.advance(1000)
    failed = await state(house, document)
    assert (failed.status, failed.attempts) == (Status.FAILED, 12)
    assert failed.error is not None
    assert failed.error.code == "attempts_exhausted"
    assert "the model is away" in failed.error.message


async def test_a_defect_is_tried_again_and_does_not_tell_its_details(house: House) -> None:
    """An unexpected error loses no job, and its text stays in the log."""
    house.embedder.failures = [RuntimeError("secret detail")] * 5
    document, job_id = await house.uploaded_job(TEXT)
    # In the first attempt the pages are read, which is progress.
    for _ in range(4):
        await house.ingest(job_id)
        house.clock.advance(1000)
    failed = await state(house, document)
    assert failed.error is not None
    assert failed.error.code == "attempts_exhausted"
    assert "secret" not in failed.error.message


async def test_a_worker_that_dies_each_time_is_counted(house: House) -> None:
    """Attempts are counted before the work starts, so a file that kills its worker ends FAILED."""
    document, job_id = await house.uploaded_job(TEXT)
    for _ in range(house.policy.max_attempts):
        assert await house.jobs.claim(job_id, lease_seconds=10) is not None
        house.clock.advance(11)
    await house.ingest(job_id)
    failed = await state(house, document)
    assert failed.error is not None
    assert failed.error.code == "attempts_exhausted"


async def test_a_job_is_worked_on_by_one_worker(house: House) -> None:
    """A job that is held is not claimed again while its lease runs."""
    document, job_id = await house.uploaded_job(TEXT)
    lease = await house.jobs.claim(job_id, lease_seconds=60)
    assert lease is not None
    await house.ingest(job_id)
    assert (await state(house, document)).attempts == 1
    assert house.embedder.embedded == []


async def test_a_stale_worker_publishes_nothing(tmp_path: Path) -> None:
    """Whoever was taken for dead finds its lease gone and leaves the document to the other."""
    house = House(tmp_path, policy=IngestPolicy(lease_seconds=5))

    class Overtaken(WordEmbedder):
        async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[list[float]]:
            if role == "passage" and not self.embedded:
                house.clock.advance(6)
                assert await house.jobs.claim(job_id, lease_seconds=60) is not None
            return await super().embed(texts, role=role)

    house.embedder = Overtaken()
    document, job_id = await house.uploaded_job(TEXT)
    await house.ingest(job_id)
    assert (await state(house, document)).status is Status.PROCESSING
    assert await house.search("ferry") == ()


async def test_a_delete_wins_over_a_running_ingest(tmp_path: Path) -> None:
    """A worker that is still at it finds its lease stale."""
    house = House(tmp_path)

    class Deleting(WordEmbedder):
        async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[list[float]]:
            if role == "passage" and not self.embedded:
                await house.delete(document.id)
            return await super().embed(texts, role=role)

    house.embedder = Deleting()
    document, job_id = await house.uploaded_job(TEXT)
    await house.ingest(job_id)
    assert await house.documents.list(limit=10) == []
    assert await house.search("ferry") == ()
    assert not await house.ledger.is_used(document.sha256)


async def test_a_stopped_worker_gives_its_job_back_at_once(tmp_path: Path) -> None:
    """Another worker may go on without waiting for the lease to run out."""
    house, began = House(tmp_path), asyncio.Event()

    class Endless(WordEmbedder):
        async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[list[float]]:
            began.set()
            await asyncio.sleep(3600)
            raise AssertionError

    house.embedder = Endless()
    document, job_id = await house.uploaded_job(TEXT)
    task = asyncio.create_task(house.ingest(job_id))
    await began.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    waiting = await state(house, document)
    assert (waiting.status, waiting.attempts) == (Status.QUEUED, 0)
    house.embedder = WordEmbedder()
    await house.ingest(job_id)
    assert (await state(house, document)).status is Status.READY


async def test_an_ended_lease_cannot_report(house: House) -> None:
    """Every call that takes a Lease raises StaleLease once the job has ended."""
    _, job_id = await house.uploaded_job(TEXT)
    lease = await house.jobs.claim(job_id, lease_seconds=60)
    assert lease is not None
    await house.jobs.fail(lease, Failure("unreadable", "damaged"))
    with pytest.raises(StaleLease):
        await house.jobs.complete(lease, page_count=1, chunk_count=1)


async def test_a_job_is_given_back_where_the_store_goes_over_to_another_space(tmp_path: Path) -> None:
    """Uncounted and at once; whoever takes it up begins with no chunk and counts rightly."""
    house = House(tmp_path)
    document, job_id = await house.uploaded_job(TEXT * 20)
    vectors = house.vectors
    begun: list[RevisionId] = []
    left = 2

    class Leaving(MemoryVectorStore):
        async def stage(self, publication: Publication, chunks: Sequence[EmbeddedChunk]) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                begun.append(publication.revision_id)
                raise SpaceMismatch
            await vectors.stage(publication, chunks)

        async def staged(self, revision_id: RevisionId) -> Chunk | None:
            return await vectors.staged(revision_id)

    house.vectors = Leaving(house.database, house.embedder.space)
    with pytest.raises(SpaceMismatch):
        await house.ingest(job_id)
    waiting = await state(house, document)
    assert (waiting.status, waiting.attempts) == (Status.QUEUED, 0)
    assert house.queue.announced[-1] == (job_id, 0.0)
    house.vectors = vectors
    # The switch forgets what was staged for the former space.
    assert waiting.progress.chunks_done > 0
    await vectors.discard(begun[0])
    await house.ingest(job_id)
    ready = await state(house, document)
    assert ready.status is Status.READY
    assert ready.chunk_count == len(await house.vectors.chunks(document.id, limit=100)) > 8
