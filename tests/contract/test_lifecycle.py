"""The life of a document, walked at random over every store: what the table allows happens, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from tests.house import memory_stores
from tests.pgstores import cloned_database, open_pg_stores

from citewell.errors import Conflict, StaleLease
from citewell.lifecycle import TRANSITIONS, Event, after, sources, successor
from citewell.model import (
    DocumentId,
    EmbeddedChunk,
    Failure,
    JobId,
    Lease,
    Page,
    Progress,
    RevisionId,
    Scope,
    Stage,
    Status,
)
from citewell.testing.stores import LEASE_SECONDS, Stores, chunk, submission, unit_vector

T = TypeVar("T")
OpenStores = Callable[[], AbstractAsyncContextManager[Stores]]

#: How many chunks a revision has in this test.
CHUNKS = 2


def test_the_table_leads_from_every_state_to_an_end() -> None:
    """Whatever happens, a document can come to READY, FAILED or CANCELLED, and be queued again."""
    for begin in Status:
        reached, waiting = {begin}, [begin]
        while waiting:
            state = waiting.pop()
            following = {to for (at, _), to in TRANSITIONS.items() if at is state} - reached
            reached |= following
            waiting += following
        assert reached >= {Status.READY, Status.FAILED, Status.CANCELLED, Status.QUEUED}


def test_an_event_that_the_table_does_not_hold_is_refused() -> None:
    """Raises Conflict, with a sentence that says in which states it may happen."""
    with pytest.raises(
        Conflict, match="the document is ready; cancel is for one that is queued or processing"
    ):
        after(Status.READY, Event.CANCEL)
    for event in Event:
        assert all(after(status, event) is successor(event) for status in sources(event))
        for status in set(Status) - set(sources(event)):
            with pytest.raises(Conflict):
                after(status, event)


@dataclass
class Course:
    """What a document should be: its state, its newest and its live bytes, and who may work on it."""

    status: Status
    content: str
    live: str | None = None
    job_id: JobId | None = None
    lease: Lease | None = None
    staged: int = 0
    revisions: set[RevisionId] = field(default_factory=set)


@dataclass(frozen=True)
class Ground:
    """Where lives are led: opens empty stores, in this loop."""

    open_stores: OpenStores
    loop: asyncio.AbstractEventLoop


class Lives(RuleBasedStateMachine):
    """Documents and the leases that were ever given; every lease but the newest is stale."""

    ground: ClassVar[Ground]

    documents = Bundle("documents")
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.context = self.ground.open_stores()
        self.stores = self.run(self.context.__aenter__())
        self.courses: dict[DocumentId, Course] = {}
        self.held: set[JobId] = set()
        self.contents = 0

    def teardown(self) -> None:
        self.run(self.context.__aexit__(None, None, None))

    def run(self, work: Awaitable[T]) -> T:
        async def waited() -> T:
            return await work

        return self.ground.loop.run_until_complete(waited())

    def new_content(self) -> str:
        self.contents += 1
        return f"content {self.contents}"

    @rule(target=documents)
    def submit(self) -> DocumentId:
        content = self.new_content()
        submitted = self.run(self.stores.documents.submit(submission(content)))
        id_ = submitted.document.id
        self.courses[id_] = Course(Status.QUEUED, content, job_id=submitted.job_id)
        return id_

    @rule(id_=documents)
    def submit_again(self, id_: DocumentId) -> None:
        """The same bytes queue what has ended badly, and change nothing else."""
        course = self.courses[id_]
        submitted = self.run(self.stores.documents.submit(submission(course.content)))
        assert submitted.document.id == id_
        if course.status in sources(Event.RETRY):
            self.queue_anew(course, submitted.job_id)
        else:
            assert submitted.job_id is None

    @rule(id_=documents)
    def replace(self, id_: DocumentId) -> None:
        course, content = self.courses[id_], self.new_content()
        submitted = self.run(self.stores.documents.submit(submission(content, document_id=id_)))
        if submitted.superseded is not None:
            self.run(self.stores.vectors.discard(submitted.superseded))
        course.content = content
        self.queue_anew(course, submitted.job_id)

    def queue_anew(self, course: Course, job_id: JobId | None) -> None:
        assert job_id is not None
        course.status, course.job_id, course.lease, course.staged = Status.QUEUED, job_id, None, 0

    @rule(target=leases, id_=documents, seconds=st.sampled_from([0.0, LEASE_SECONDS]))
    def claim(self, id_: DocumentId, seconds: float) -> Any:
        """A lease of 0 seconds has run out when the next claim comes."""
        course = self.courses[id_]
        assert course.job_id is not None
        lease = self.run(self.stores.jobs.claim(course.job_id, lease_seconds=seconds))
        held = course.lease is not None and course.lease.job_id in self.held
        if course.status not in sources(Event.CLAIM) or held:
            assert lease is None
            return multiple()
        assert lease is not None
        course.status, course.lease = after(course.status, Event.CLAIM), lease
        course.revisions.add(lease.revision_id)
        (self.held.add if seconds else self.held.discard)(lease.job_id)
        return lease

    def tell(self, lease: Lease, call: Awaitable[None]) -> bool:
        """Whether the call was heard: if the lease is not the one that counts, StaleLease is raised."""
        course = self.courses.get(lease.document_id)
        counts = course is not None and course.lease == lease and course.status in sources(Event.PUBLISH)
        if counts:
            self.run(call)
        else:
            with pytest.raises(StaleLease):
                self.run(call)
        return counts

    @rule(lease=leases)
    def stage_slice(self, lease: Lease) -> None:
        """A slice and its report are committed together, or not at all."""
        course = self.courses.get(lease.document_id)
        done = course.staged if course else 0

        async def work() -> None:
            async with self.stores.unit_of_work():
                progress = Progress(1, 1, done + 1, CHUNKS)
                await self.stores.jobs.report(
                    lease, stage=Stage.EMBEDDING, progress=progress, lease_seconds=LEASE_SECONDS
                )
                await self.stores.pages.add(lease.revision_id, [Page(1, 0, lease.sha256)])
                await self.stores.vectors.stage(lease.publication, [self.embedded(lease, done)])

        if done < CHUNKS and self.tell(lease, work()):
            assert course is not None
            course.staged += 1
            self.held.add(lease.job_id)

    def embedded(self, lease: Lease, index: int) -> EmbeddedChunk:
        return chunk(index, text=f"{lease.sha256}/{index}", vector=unit_vector(index))

    @rule(lease=leases)
    def publish(self, lease: Lease) -> None:
        course = self.courses.get(lease.document_id)
        if course is not None and course.lease == lease and course.staged < CHUNKS:
            return

        async def work() -> None:
            async with self.stores.unit_of_work():
                await self.stores.jobs.complete(lease, page_count=1, chunk_count=CHUNKS)
                await self.stores.vectors.publish(lease.publication)

        if self.tell(lease, work()):
            assert course is not None
            course.status = after(course.status, Event.PUBLISH)
            course.live, course.lease, course.staged = course.content, None, 0

    @rule(lease=leases)
    def fail(self, lease: Lease) -> None:
        async def work() -> None:
            async with self.stores.unit_of_work():
                await self.stores.jobs.fail(lease, Failure("unreadable", "damaged"))
                await self.stores.vectors.discard(lease.revision_id)
                await self.stores.pages.discard(lease.revision_id)

        if self.tell(lease, work()):
            course = self.courses[lease.document_id]
            course.status, course.lease, course.staged = after(course.status, Event.FAIL), None, 0

    @rule(lease=leases)
    def give_back(self, lease: Lease) -> None:
        if self.tell(lease, self.stores.jobs.defer(lease, seconds=0.0)):
            course = self.courses[lease.document_id]
            course.status, course.lease = after(course.status, Event.GIVE_BACK), None

    @rule(id_=documents)
    def cancel(self, id_: DocumentId) -> None:
        course = self.courses[id_]

        async def work() -> None:
            async with self.stores.unit_of_work():
                unpublished = await self.stores.board.cancel(id_)
                if unpublished is not None:
                    await self.stores.vectors.discard(unpublished)
                    await self.stores.pages.discard(unpublished)

        if self.allowed(course, Event.CANCEL, work()):
            course.lease, course.staged = None, 0

    @rule(id_=documents)
    def retry(self, id_: DocumentId) -> None:
        course = self.courses[id_]

        async def work() -> None:
            course.job_id = await self.stores.board.retry(id_)

        if self.allowed(course, Event.RETRY, work()):
            course.lease = None

    def allowed(self, course: Course, event: Event, call: Awaitable[None]) -> bool:
        """Whether the table holds the event; the store has to agree."""
        if course.status not in sources(event):
            with pytest.raises(Conflict):
                self.run(call)
            return False
        self.run(call)
        course.status = after(course.status, event)
        return True

    @rule(id_=consumes(documents))
    def delete(self, id_: DocumentId) -> None:
        async def work() -> None:
            async with self.stores.unit_of_work():
                await self.stores.vectors.delete(id_)
                await self.stores.documents.delete(id_)

        self.run(work())
        course = self.courses.pop(id_)
        assert not self.run(self.stores.ledger.is_used(submission(course.content).sha256))
        for revision_id in course.revisions:
            assert self.run(self.stores.pages.read(revision_id)) == []
            assert self.run(self.stores.vectors.staged(revision_id)) is None

    @rule(limit=st.integers(1, 3))
    def index(self, limit: int) -> None:
        """Nothing that anybody sees."""
        self.run(self.stores.vectors.index(limit=limit))

    @invariant()
    def every_document_is_in_its_state(self) -> None:
        found = self.run(self.stores.documents.list(limit=1000))
        assert {document.id: document.status for document in found} == {
            id_: course.status for id_, course in self.courses.items()
        }
        for document in found:
            events = self.run(self.stores.documents.events(document.id, limit=1000))
            assert events[-1].status is document.status

    @invariant()
    def every_live_revision_is_found_whole_and_nothing_else(self) -> None:
        hits = self.run(self.stores.vectors.search(unit_vector(0), k=1000, scope=Scope()))
        found: dict[DocumentId, set[str]] = {}
        for hit in hits:
            found.setdefault(hit.document_id, set()).add(hit.chunk.text)
        assert found == {
            id_: {f"{submission(course.live).sha256}/{index}" for index in range(CHUNKS)}
            for id_, course in self.courses.items()
            if course.live is not None
        }

    @invariant()
    def staged_is_only_what_is_in_work(self) -> None:
        for course in self.courses.values():
            for revision_id in course.revisions:
                last = self.run(self.stores.vectors.staged(revision_id))
                is_newest = course.lease is not None and course.lease.revision_id == revision_id
                if is_newest and course.status in sources(Event.CLAIM):
                    assert (last.index + 1 if last else 0) == course.staged
                elif course.status.is_end:
                    assert last is None


def walk(open_stores: OpenStores, *, examples: int) -> None:
    """Many lives at random, over stores that are empty at the beginning of each."""
    loop = asyncio.new_event_loop()
    machine = type("Walk", (Lives,), {"ground": Ground(open_stores, loop)})
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )
    finally:
        loop.close()


def test_lives_in_memory() -> None:
    """The in-memory stores follow the table."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Stores]:
        yield memory_stores()

    walk(opened, examples=100)


@pytest.fixture
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    with cloned_database(postgres_url, template=migrated_template) as url:
        yield url


def test_lives_on_postgresql(database_url: str) -> None:
    """The stores on PostgreSQL follow the table."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Stores]:
        async with open_pg_stores(database_url) as stores:
            async with stores.database.connection() as connection:
                await connection.execute("DELETE FROM documents")
                await connection.execute("DELETE FROM content_suspects")
            yield stores

    walk(opened, examples=20)
