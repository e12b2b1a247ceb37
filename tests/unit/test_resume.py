"""Going on where the worker before was killed: the same result, and nothing paid for twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from tests.fakes import FormFeedParser, WordEmbedder
from tests.house import House

from citewell.memory import MemoryDatabase, MemoryJobStore, MemoryVectorStore
from citewell.model import Chunk, Document, Lease, Page, ParsedPage, Progress, Status
from citewell.ports import EmbeddingRole
from citewell.usecases import IngestPolicy
from citewell.usecases.heartbeat import Heartbeat

TEXT = "\f".join(
    f"Page {number} tells of the ferry. It leaves at {number}. The museum is near and closed on day {number}."
    for number in range(1, 31)
).encode()


class Killed(BaseException):
    """Ends the worker without letting it put anything down."""


class DyingEmbedder(WordEmbedder):
    """Dies before the call with this number (from 1); None never dies."""

    def __init__(self, *, at: int | None) -> None:
        super().__init__()
        self.at = at
        self.calls = 0

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[list[float]]:
        self.calls += 1
        if self.calls == self.at:
            raise Killed
        return await super().embed(texts, role=role)


async def result(house: House, document: Document) -> tuple[list[Chunk], list[Page], Document]:
    """What a document has come to, without its times and attempts."""
    ready = await house.documents.get(document.id)
    assert ready.status is Status.READY
    assert ready.revision_id is not None
    pages = list(await house.pages.read(ready.revision_id))
    return list(await house.vectors.chunks(document.id, limit=1000)), pages, ready


async def undisturbed(folder: Path) -> tuple[list[Chunk], list[Page], Document, int]:
    house = House(folder)
    house.embedder = embedder = DyingEmbedder(at=None)
    document, job_id = await house.uploaded_job(TEXT)
    await house.ingest(job_id)
    return *await result(house, document), embedder.calls


@pytest.mark.parametrize("at", range(1, 12))
async def test_a_killed_worker_costs_no_committed_embedding(tmp_path: Path, at: int) -> None:
    """Whenever it dies, the next one embeds what was not committed, and the result is the same."""
    chunks, pages, whole, calls = await undisturbed(tmp_path)
    assert calls > 11
    house = House(tmp_path)
    house.embedder = first = DyingEmbedder(at=at)
    document, job_id = await house.uploaded_job(TEXT)
    with pytest.raises(Killed):
        await house.ingest(job_id)
    house.clock.advance(house.policy.lease_seconds)
    house.embedder = second = DyingEmbedder(at=None)
    await house.ingest(job_id)
    again = await result(house, document)
    assert again[:2] == (chunks, pages)
    assert (again[2].page_count, again[2].chunk_count) == (whole.page_count, whole.chunk_count)
    assert first.embedded + second.embedded == [chunk.text for chunk in chunks]


@pytest.mark.parametrize("after", range(0, 31, 3))
async def test_pages_that_are_kept_are_not_read_again(tmp_path: Path, after: int) -> None:
    """The parser is asked for those behind the kept ones alone, wherever it stopped."""
    chunks, pages, _, _ = await undisturbed(tmp_path)
    asked: list[int] = []

    class DyingParser(FormFeedParser):
        async def parse(self, path: Path, **options: Any) -> AsyncGenerator[ParsedPage, None]:
            asked.append(options["skip"])
            count = 0
            async with contextlib.aclosing(super().parse(path, **options)) as parsed:
                async for page in parsed:
                    if len(asked) == 1 and count == after:
                        raise Killed
                    count += 1
                    yield page

    house = House(tmp_path, parser=DyingParser())
    document, job_id = await house.uploaded_job(TEXT)
    if after < 30:
        with pytest.raises(Killed):
            await house.ingest(job_id)
        house.clock.advance(house.policy.lease_seconds)
    await house.ingest(job_id)
    assert (await result(house, document))[:2] == (chunks, pages)
    assert asked[0] == 0
    # Slices of 4, 8 and 16 pages; the last page is known to be complete only with the next one.
    kept = max((end for end in (4, 12, 28) if end < after), default=0)
    assert asked[1:] == ([] if after == 30 else [kept])


async def test_progress_does_not_go_back(tmp_path: Path) -> None:
    """Whoever follows the document sees it go on from where it was."""
    house = House(tmp_path)
    house.embedder = DyingEmbedder(at=8)
    document, job_id = await house.uploaded_job(TEXT)
    with pytest.raises(Killed):
        await house.ingest(job_id)
    house.clock.advance(house.policy.lease_seconds)
    house.embedder = DyingEmbedder(at=None)
    await house.ingest(job_id)
    told = [event.progress for event in await house.documents.events(document.id, limit=1000)]
    done = [(progress.pages_done, progress.chunks_done) for progress in told]
    assert done == sorted(done)
    assert told[0] == Progress()
    assert told[-1].chunks_done == told[-1].chunks_total


async def test_a_long_document_lets_others_go_first(tmp_path: Path) -> None:
    """When its turn is over and somebody waits, it is given back, and goes on later."""
    house = House(tmp_path, policy=IngestPolicy(turn_seconds=0.0))
    long, long_job = await house.uploaded_job(TEXT)
    short, short_job = await house.uploaded_job(b"The ferry is blue.")
    await house.ingest(long_job)
    waiting = await house.documents.get(long.id)
    assert (waiting.status, waiting.attempts) == (Status.QUEUED, 0)
    assert waiting.progress.pages_done > 0
    assert house.queue.announced[-1] == (long_job, 0.0)
    house.policy = IngestPolicy()
    await house.ingest(short_job)
    assert (await house.documents.get(short.id)).status is Status.READY
    await house.ingest(long_job)
    chunks, _, _, _ = await undisturbed(tmp_path)
    assert (await result(house, long))[0] == chunks


async def test_a_document_goes_on_as_long_as_nobody_waits(tmp_path: Path) -> None:
    """There is nothing to be had from giving it back."""
    house = House(tmp_path, policy=IngestPolicy(turn_seconds=0.0))
    document, job_id = await house.uploaded_job(TEXT)
    await house.ingest(job_id)
    assert (await house.documents.get(document.id)).status is Status.READY


async def test_a_long_document_comes_to_its_end_however_many_wait(tmp_path: Path) -> None:
    """Each turn ends after something was committed, so turns cannot go on for ever."""
    house = House(tmp_path, policy=IngestPolicy(turn_seconds=0.0))
    document, job_id = await house.uploaded_job(TEXT)
    await house.upload(b"Somebody waits all the time.")
    chunks, _, _, calls = await undisturbed(tmp_path)
    turns = 0
    while not (await house.documents.get(document.id)).status.is_end:
        await house.ingest(job_id)
        turns += 1
        assert turns < 3 * calls
    assert turns > 3
    assert (await result(house, document))[0] == chunks


class Endless:
    """Something that is waited for and never comes."""

    def __init__(self) -> None:
        self.began = asyncio.Event()

    async def __call__(self) -> None:
        self.began.set()
        await asyncio.sleep(3600)


def stuck_in_parsing(house: House, endless: Endless) -> None:
    class Parser(FormFeedParser):
        async def parse(self, path: Path, **options: Any) -> AsyncGenerator[ParsedPage, None]:
            async with contextlib.aclosing(super().parse(path, **options)) as parsed:
                async for page in parsed:
                    yield page
                    if page.number == 20:
                        await endless()

    house.parser = Parser()


def stuck_in_embedding(house: House, endless: Endless) -> None:
    class Embedder(WordEmbedder):
        async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[list[float]]:
            await endless()
            return await super().embed(texts, role=role)

    house.embedder = Embedder()


def stuck_in_publishing(house: House, endless: Endless) -> None:
    class Vectors(MemoryVectorStore):
        async def index(self, *, limit: int, spare: int = 0) -> int:
            await endless()
            return await super().index(limit=limit, spare=spare)

    house.vectors = Vectors(house.database, house.embedder.space)


@pytest.mark.parametrize("ended_by", ["cancel", "delete", "replace"])
@pytest.mark.parametrize("stuck", [stuck_in_parsing, stuck_in_embedding, stuck_in_publishing])
async def test_work_is_let_go_of_in_every_stage(
    tmp_path: Path, stuck: Callable[[House, Endless], None], ended_by: str
) -> None:
    """The heartbeat notices within its pause, whatever the work is waiting for, and nothing stays staged."""
    house, endless = House(tmp_path, policy=IngestPolicy(lease_seconds=0.2)), Endless()
    stuck(house, endless)
    document, job_id = await house.uploaded_job(TEXT)
    task = asyncio.create_task(house.ingest(job_id))
    await endless.began.wait()
    if ended_by == "cancel":
        await house.cancel(document.id)
        assert (await house.documents.get(document.id)).status is Status.CANCELLED
    elif ended_by == "delete":
        await house.delete(document.id)
    else:
        await house.upload(b"other bytes", collection=None, document_id=document.id)
    await asyncio.wait_for(task, timeout=5)
    async with house.database.tables() as tables:
        assert not tables.staged
        assert not tables.pages
        assert not tables.live


def test_cancelling_is_noticed_within_five_seconds() -> None:
    """However long the lease is: the pause of the heartbeat bounds it."""
    lease_seconds = [5.0, 30.0, 3600.0]
    house_jobs, lease = MemoryJobStore(MemoryDatabase()), cast("Lease", None)
    pauses = [Heartbeat(house_jobs, lease, lease_seconds=each).pause_seconds for each in lease_seconds]
    assert max(pauses) <= 2.0
    assert pauses[0] < 5.0 / 2


async def test_a_heartbeat_holds_the_job_through_a_long_call(tmp_path: Path) -> None:
    """A slow embedder is no reason to give the job to another worker."""
    house = House(tmp_path, policy=IngestPolicy(lease_seconds=0.2))
    claims: list[object] = []

    class Slow(WordEmbedder):
        async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[list[float]]:
            if not claims:
                for _ in range(10):
                    await asyncio.sleep(0.06)
                    house.clock.advance(0.06)
                    claims.append(await house.jobs.claim(job_id, lease_seconds=60))
            return await super().embed(texts, role=role)

    house.embedder = Slow()
    document, job_id = await house.uploaded_job(TEXT)
    await house.ingest(job_id)
    assert claims == [None] * 10
    assert (await house.documents.get(document.id)).status is Status.READY
