"""The contract of VectorStore."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from array import array
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Protocol
from uuid import uuid4

import pytest

from citewell.errors import DimensionMismatch
from citewell.model import (
    DEFAULT_COLLECTION,
    Box,
    Chunk,
    ChunkRef,
    DocumentId,
    EmbeddedChunk,
    PageBox,
    Publication,
    RevisionId,
    Scope,
    Span,
    Vector,
)
from citewell.ports import VectorStore
from citewell.testing.stores import CONTRACT_SPACE, chunk, unit_vector

__all__ = ["NewPublication", "VectorStoreContract"]

#: Stores may keep half-precision numbers.
_TOLERANCE = 2e-3

_EVERYTHING = Scope()


class NewPublication(Protocol):
    """Gives what publishing a revision needs; nothing of it is staged yet."""

    async def __call__(
        self, *, collection: str = DEFAULT_COLLECTION, replacing: Publication | None = None
    ) -> Publication:
        """The first revision of a new document, or the next revision of the document of `replacing`."""
        ...


def random_vector(numbers: random.Random, *, dimensions: int = CONTRACT_SPACE.dimensions) -> list[float]:
    """A point of the unit sphere, each as likely as the others."""
    vector = [numbers.gauss(0, 1) for _ in range(dimensions)]
    length = math.hypot(*vector)
    return [value / length for value in vector]


def cosine(one: Vector, other: Vector) -> float:
    """The cosine of two unit vectors."""
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


async def published(
    vectors: VectorStore, publication: Publication, chunks: Sequence[EmbeddedChunk]
) -> Publication:
    """The publication, after these chunks were staged and published under it."""
    await vectors.stage(publication, chunks)
    await vectors.publish(publication)
    return publication


async def found(
    vectors: VectorStore, vector: Vector, *, scope: Scope = _EVERYTHING, k: int = 50
) -> list[ChunkRef]:
    """The names of the hits, best first."""
    return [hit.ref for hit in await vectors.search(vector, k=k, scope=scope)]


@pytest.mark.asyncio
class VectorStoreContract:
    """Override `vectors` with an empty store of CONTRACT_SPACE.

    Override `new_publication` if documents and revisions must exist before they have chunks.
    """

    @pytest.fixture
    def vectors(self) -> VectorStore:
        raise NotImplementedError("override the fixture vectors")

    @pytest.fixture
    def new_publication(self) -> NewPublication:
        revision_ids = itertools.count(1)

        async def invent(
            *, collection: str = DEFAULT_COLLECTION, replacing: Publication | None = None
        ) -> Publication:
            revision_id = RevisionId(next(revision_ids))
            if replacing is not None:
                return replace(replacing, revision_id=revision_id)
            content = sha256(str(revision_id).encode()).hexdigest()
            return Publication(DocumentId(uuid4()), revision_id, "notes.txt", collection, content)

        return invent

    async def test_an_empty_store_finds_nothing(self, vectors: VectorStore) -> None:
        """All if there are fewer."""
        assert await vectors.search(unit_vector(0), k=5, scope=_EVERYTHING) == []

    async def test_staged_chunks_are_not_found(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Keep these chunks for a later `publish`; nothing of them can be found yet."""
        publication = await new_publication()
        await vectors.stage(publication, [chunk(0), chunk(1)])
        for scope in (_EVERYTHING, Scope("default"), Scope(document_ids=(publication.document_id,))):
            assert await found(vectors, unit_vector(0), scope=scope) == []
        assert await vectors.chunks(publication.document_id, limit=9) == []

    async def test_chunks_come_back_as_they_were_staged(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Whoever reads or finds them gets all that they were, the boxes on their pages too."""
        publication = await new_publication()
        boxes = (
            PageBox(7, Box(0.0, 0.12345, 0.5, 0.99995)),
            PageBox(7, Box(0.00005, 0.0, 1.0, 1.0)),
            PageBox(70_000, Box(0.25, 0.5, 0.25, 0.5)),
        )
        whole = Chunk(0, Span(5, 16), "Ünïcode — 💡", 7, 70_000, ("Part", "Chapter"), 3, boxes)
        bare = Chunk(1, Span(16, 19), "end", 70_000, 70_000, (), 1)
        staged = [EmbeddedChunk(each, unit_vector(each.index)) for each in (whole, bare)]
        await vectors.stage(publication, staged[:1])
        assert await vectors.staged(publication.revision_id) == whole
        await vectors.stage(publication, staged[1:])
        await vectors.publish(publication)
        assert await vectors.chunks(publication.document_id, limit=9) == [whole, bare]
        hits = await vectors.search(unit_vector(0), k=2, scope=_EVERYTHING)
        assert [hit.chunk for hit in hits] == [whole, bare]

    async def test_staging_an_index_again_replaces_it(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Staging a chunk index again replaces what was staged under it."""
        publication = await new_publication()
        await vectors.stage(publication, [chunk(0), chunk(1)])
        again = chunk(1, text="another text", vector=unit_vector(5))
        await vectors.stage(publication, [again])
        await vectors.publish(publication)
        assert await vectors.chunks(publication.document_id, limit=9) == [chunk(0).chunk, again.chunk]
        [hit] = await vectors.search(unit_vector(5), k=1, scope=_EVERYTHING)
        assert hit.chunk == again.chunk

    async def test_a_vector_of_other_dimensions_stages_nothing(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """A vector of other dimensions raises DimensionMismatch and stages nothing of the call."""
        publication = await new_publication()
        for vector in (unit_vector(0, dimensions=7), unit_vector(0, dimensions=9), []):
            with pytest.raises(DimensionMismatch):
                await vectors.stage(publication, [chunk(0), replace(chunk(1), vector=vector)])
        assert await vectors.staged(publication.revision_id) is None

    async def test_staged_chunks_are_known_up_to_the_first_gap(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """The last of the chunks staged from index 0 on without a gap, None if there is none."""
        publication = await new_publication()
        assert await vectors.staged(publication.revision_id) is None
        for indexes, count in [([1, 2], 0), ([0], 3), ([5, 6, 3], 4), ([], 4), ([4, 0], 7)]:
            await vectors.stage(publication, [chunk(index) for index in indexes])
            last = chunk(count - 1).chunk if count else None
            assert await vectors.staged(publication.revision_id) == last

    async def test_published_chunks_are_found_as_they_were_staged(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Make the staged chunks of the revision its document's live chunks."""
        whole = Chunk(0, Span(7, 30), "Ein „Satz“ — 🦉\n\t'\"\\ %s {x}", 3, 4, ("A § 1", "", "β\nγ"), 17)
        publication = await published(
            vectors, await new_publication(), [EmbeddedChunk(whole, unit_vector(3)), chunk(1)]
        )
        assert await vectors.chunks(publication.document_id, limit=9) == [whole, chunk(1).chunk]
        [hit] = await vectors.search(unit_vector(3), k=1, scope=_EVERYTHING)
        assert hit.chunk == whole

    async def test_a_hit_tells_where_it_is_from(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """A publication comes with what a search tells of it."""
        publication = await published(vectors, await new_publication(collection="reports"), [chunk(0)])
        [hit] = await vectors.search(unit_vector(0), k=1, scope=_EVERYTHING)
        assert hit.ref == ChunkRef(publication.document_id, 0)
        assert (hit.document_name, hit.collection) == (publication.document_name, "reports")
        assert hit.sha256 == publication.sha256

    async def test_a_publication_replaces_what_was_live_of_the_document(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """What was live of the document before is gone in the same moment."""
        former = await published(vectors, await new_publication(), [chunk(n) for n in range(3)])
        new = await new_publication(replacing=former)
        texts = [chunk(n, text=f"new {n}") for n in range(2)]
        await published(vectors, new, texts)
        assert await vectors.chunks(former.document_id, limit=9) == [each.chunk for each in texts]
        hits = await vectors.search(unit_vector(0), k=9, scope=_EVERYTHING)
        assert {hit.chunk.text for hit in hits} == {"new 0", "new 1"}

    async def test_a_revision_may_be_published_again(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Make the staged chunks of the revision its document's live chunks."""
        publication = await published(vectors, await new_publication(), [chunk(n) for n in range(3)])
        await published(vectors, publication, [chunk(0), chunk(1)])
        assert [each.index for each in await vectors.chunks(publication.document_id, limit=9)] == [0, 1]
        assert len(await found(vectors, unit_vector(0))) == 2

    async def test_a_publication_leaves_other_documents_alone(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """What was live of the document before is gone: of this document alone."""
        other = await published(vectors, await new_publication(), [chunk(0)])
        waiting = await new_publication()
        await vectors.stage(waiting, [chunk(0), chunk(1)])
        await published(vectors, await new_publication(), [chunk(0)])
        assert len(await vectors.chunks(other.document_id, limit=9)) == 1
        assert await vectors.staged(waiting.revision_id) == chunk(1).chunk

    async def test_nothing_stays_staged_after_a_publication(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Nothing stays staged."""
        publication = await published(vectors, await new_publication(), [chunk(0), chunk(1)])
        assert await vectors.staged(publication.revision_id) is None

    async def test_publishing_a_live_revision_again_changes_nothing(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Publishing a revision that is live already and has nothing staged changes nothing."""
        publication = await published(vectors, await new_publication(), [chunk(0), chunk(1)])
        await vectors.publish(publication)
        assert len(await vectors.chunks(publication.document_id, limit=9)) == 2

    async def test_a_revision_without_chunks_leaves_none_live(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """What was live of the document before is gone."""
        former = await published(vectors, await new_publication(), [chunk(0)])
        await vectors.publish(await new_publication(replacing=former))
        assert await found(vectors, unit_vector(0)) == []
        assert await vectors.chunks(former.document_id, limit=9) == []

    async def test_a_search_sees_a_revision_whole_or_not_at_all(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """All at once."""
        live = await published(vectors, await new_publication(), [chunk(n, text="0") for n in range(6)])
        over = asyncio.Event()
        seen: list[set[str]] = []

        async def search() -> None:
            while not over.is_set():
                hits = await vectors.search(unit_vector(0), k=9, scope=_EVERYTHING)
                assert len(hits) == 6
                seen.append({hit.chunk.text for hit in hits})
                await asyncio.sleep(0)

        async def publish() -> None:
            former = live
            for version in range(1, 9):
                former = await new_publication(replacing=former)
                await published(vectors, former, [chunk(n, text=str(version)) for n in range(6)])
            over.set()

        await asyncio.gather(search(), publish())
        assert all(len(texts) == 1 for texts in seen)

    @pytest.mark.parametrize("seed", range(5))
    async def test_the_nearest_chunks_are_found_best_first(
        self, vectors: VectorStore, new_publication: NewPublication, seed: int
    ) -> None:
        """The `k` live chunks of the scope nearest to `vector` by cosine, best first."""
        numbers = random.Random(seed)  # noqa: S311 - reproducible on purpose
        live: dict[Publication, list[EmbeddedChunk]] = {}
        for collection in ("one", "two", "one", "three"):
            publication = await new_publication(collection=collection)
            live[publication] = [
                chunk(n, vector=random_vector(numbers)) for n in range(numbers.randint(1, 30))
            ]
            await published(vectors, publication, live[publication])
        documents = tuple(publication.document_id for publication in live)
        for scope in (
            _EVERYTHING,
            Scope("one"),
            Scope("three"),
            Scope(document_ids=documents[1:2]),
            Scope(document_ids=documents[1:]),
            Scope("one", documents[1:]),
        ):
            question = random_vector(numbers)
            similarities = {
                ChunkRef(publication.document_id, each.chunk.index): cosine(each.vector, question)
                for publication, chunks in live.items()
                if scope.collection in {None, publication.collection}
                and (scope.document_ids is None or publication.document_id in scope.document_ids)
                for each in chunks
            }
            for k in (1, 7, 100):
                hits = await vectors.search(question, k=k, scope=scope)
                expected = sorted(similarities.values(), reverse=True)[:k]
                assert [hit.similarity for hit in hits] == pytest.approx(expected, abs=_TOLERANCE)
                assert [similarities[hit.ref] for hit in hits] == pytest.approx(expected, abs=_TOLERANCE)
                assert hits == sorted(hits, key=lambda hit: (-hit.similarity, hit.ref))

    async def test_a_similarity_is_a_cosine(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Nearest by cosine, in [-1, 1]."""
        opposite = [-value for value in unit_vector(0)]
        aslant = [0.6, 0.8, *unit_vector(0)[2:]]
        axes = [unit_vector(0), aslant, unit_vector(1), opposite]
        await published(vectors, await new_publication(), [chunk(n, vector=v) for n, v in enumerate(axes)])
        hits = await vectors.search(unit_vector(0), k=9, scope=_EVERYTHING)
        assert [hit.chunk.index for hit in hits] == [0, 1, 2, 3]
        assert [hit.similarity for hit in hits] == pytest.approx([1, 0.6, 0, -1], abs=_TOLERANCE)
        assert all(0 <= hit.score <= 1 for hit in hits)

    async def test_equal_scores_come_by_chunk_ref(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Equal scores by ChunkRef."""
        same = random_vector(random.Random(1))  # noqa: S311 - reproducible on purpose
        refs: list[ChunkRef] = []
        for _ in range(3):
            publication = await new_publication()
            await published(vectors, publication, [chunk(n, vector=same) for n in (2, 0, 1)])
            refs += [ChunkRef(publication.document_id, n) for n in range(3)]
        for scope in (_EVERYTHING, Scope("default"), Scope(document_ids=tuple(r.document_id for r in refs))):
            assert await found(vectors, same, scope=scope) == sorted(refs)
            assert await found(vectors, same, scope=scope, k=4) == sorted(refs)[:4]

    async def test_a_question_of_other_dimensions_is_refused(self, vectors: VectorStore) -> None:
        """A vector of other dimensions raises DimensionMismatch."""
        for dimensions in (7, 9):
            with pytest.raises(DimensionMismatch):
                await vectors.search(unit_vector(0, dimensions=dimensions), k=1, scope=_EVERYTHING)

    async def test_any_sequence_of_numbers_is_a_vector(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """A vector is a sequence of floats."""
        kinds: list[Vector] = [tuple(unit_vector(0)), array("f", unit_vector(1)), array("d", unit_vector(2))]
        chunks = [EmbeddedChunk(chunk(n).chunk, vector) for n, vector in enumerate(kinds)]
        await published(vectors, await new_publication(), chunks)
        for index, vector in enumerate(kinds):
            [hit] = await vectors.search(vector, k=1, scope=_EVERYTHING)
            assert hit.chunk.index == index

    async def test_a_vector_of_zeros_breaks_nothing(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """All if there are fewer: also a vector of zeros, whose similarity to anything is -1."""
        nowhere, opposite = [0.0] * CONTRACT_SPACE.dimensions, [-value for value in unit_vector(0)]
        texts = [nowhere, unit_vector(0), nowhere, opposite]
        publication = await published(
            vectors, await new_publication(), [chunk(n, vector=v) for n, v in enumerate(texts)]
        )
        for scope in (_EVERYTHING, Scope("default"), Scope(document_ids=(publication.document_id,))):
            hits = await vectors.search(unit_vector(0), k=9, scope=scope)
            assert [(hit.chunk.index, hit.similarity) for hit in hits] == [(1, 1), (0, -1), (2, -1), (3, -1)]
            hits = await vectors.search(nowhere, k=9, scope=scope)
            assert [(hit.chunk.index, hit.similarity) for hit in hits] == [(n, -1) for n in range(4)]

    async def test_a_scope_of_unknown_names_finds_nothing(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """A scope that names nothing known finds nothing."""
        publication = await published(vectors, await new_publication(collection="one"), [chunk(0)])
        await published(vectors, await new_publication(collection="two"), [chunk(0)])
        unknown = DocumentId(uuid4())
        for scope in (
            Scope("unknown"),
            Scope(document_ids=(unknown,)),
            Scope(document_ids=(unknown, DocumentId(uuid4()))),
            Scope(document_ids=()),
            Scope("two", (publication.document_id,)),
            Scope("unknown", (publication.document_id,)),
        ):
            assert await found(vectors, unit_vector(0), scope=scope) == []

    async def test_a_document_named_twice_counts_once(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """The live chunks of the scope."""
        publication = await published(vectors, await new_publication(), [chunk(0)])
        scope = Scope(document_ids=(publication.document_id, publication.document_id))
        assert await found(vectors, unit_vector(0), scope=scope) == [ChunkRef(publication.document_id, 0)]

    async def test_chunks_are_read_page_by_page(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Up to `limit` live chunks of the document by index, those past index `after`."""
        chunks = [chunk(n) for n in range(7)]
        publication = await published(vectors, await new_publication(), chunks[::-1])
        await published(vectors, await new_publication(), [chunk(0)])
        read: list[Chunk] = []
        while page := await vectors.chunks(
            publication.document_id, after=read[-1].index if read else -1, limit=3
        ):
            assert len(page) <= 3
            read += page
        assert read == [each.chunk for each in chunks]
        assert await vectors.chunks(DocumentId(uuid4()), limit=9) == []

    async def test_indexing_changes_nothing_that_is_found(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """No search finds more or less for it, before, meanwhile or after."""
        numbers = random.Random(5)  # noqa: S311 - reproducible on purpose
        publications = [await new_publication(collection=name) for name in ("one", "two", "one")]
        for publication in publications:
            await published(vectors, publication, [chunk(n, vector=random_vector(numbers)) for n in range(7)])
        question, ids = random_vector(numbers), [each.document_id for each in publications]

        async def everything() -> list[object]:
            scopes = (_EVERYTHING, Scope("one"), Scope(document_ids=(ids[1],)), Scope("one", tuple(ids)))
            return [
                *[await vectors.search(question, k=k, scope=scope) for scope in scopes for k in (3, 50)],
                *[await vectors.chunks(document_id, after=2, limit=9) for document_id in ids],
                *[await vectors.staged(publication.revision_id) for publication in publications],
            ]

        before, total = await everything(), 0
        while moved := await vectors.index(limit=4):
            total += moved
            assert moved <= 4
            assert await everything() == before
        assert total in {0, 21}
        assert await vectors.index(limit=4) == 0

    async def test_a_few_may_wait_for_the_index(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """If more than `spare` wait."""
        await published(vectors, await new_publication(), [chunk(n) for n in range(5)])
        assert await vectors.index(limit=9, spare=5) == 0
        assert await vectors.index(limit=2, spare=4) in {0, 2}
        assert await vectors.index(limit=9, spare=3) == 0
        assert len(await found(vectors, unit_vector(0))) == 5

    @pytest.mark.parametrize("indexed", range(4))
    async def test_what_waits_for_the_index_is_live_like_the_rest(
        self, vectors: VectorStore, new_publication: NewPublication, indexed: int
    ) -> None:
        """Replaced, deleted and published again as a whole; discarding forgets what is staged alone."""
        replaced, deleted, again = [
            await published(vectors, await new_publication(), [chunk(n) for n in range(3)]) for _ in range(3)
        ]
        await vectors.index(limit=3 * indexed + 1)
        for publication in (replaced, deleted, again):
            await vectors.discard(publication.revision_id)
            assert await vectors.staged(publication.revision_id) is None
            assert len(await vectors.chunks(publication.document_id, limit=9)) == 3
        new = await published(vectors, await new_publication(replacing=replaced), [chunk(4)])
        await vectors.delete(deleted.document_id)
        await published(vectors, again, [chunk(0), chunk(2)])
        expected = sorted(
            [ChunkRef(new.document_id, 4), *(ChunkRef(again.document_id, index) for index in (0, 2))]
        )
        for _ in range(2):
            assert sorted(await found(vectors, unit_vector(0))) == expected
            assert [each.index for each in await vectors.chunks(again.document_id, limit=9)] == [0, 2]
            await vectors.index(limit=9)

    async def test_discarded_chunks_are_not_staged_any_more(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Forget what is staged for the revision; nothing staged is no error."""
        publication, other = await new_publication(), await new_publication()
        for each in (publication, other):
            await vectors.stage(each, [chunk(0), chunk(1)])
        await vectors.discard(publication.revision_id)
        await vectors.discard(publication.revision_id)
        assert await vectors.staged(publication.revision_id) is None
        assert await vectors.staged(other.revision_id) == chunk(1).chunk
        await published(vectors, publication, [chunk(0)])
        assert len(await vectors.chunks(publication.document_id, limit=9)) == 1

    async def test_discarding_leaves_live_chunks_alone(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Forget what is staged."""
        publication = await published(vectors, await new_publication(), [chunk(0), chunk(1)])
        await vectors.discard(publication.revision_id)
        assert len(await vectors.chunks(publication.document_id, limit=9)) == 2
        assert len(await found(vectors, unit_vector(0))) == 2

    async def test_a_deleted_document_leaves_nothing(
        self, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Forget every chunk of the document, live or staged."""
        publication = await published(vectors, await new_publication(), [chunk(0)])
        other = await published(vectors, await new_publication(), [chunk(0)])
        following = await new_publication(replacing=publication)
        await vectors.stage(following, [chunk(0), chunk(1)])
        await vectors.delete(publication.document_id)
        assert await found(vectors, unit_vector(0)) == [ChunkRef(other.document_id, 0)]
        assert await vectors.chunks(publication.document_id, limit=9) == []
        assert await vectors.staged(following.revision_id) is None

    async def test_deleting_an_unknown_document_is_no_error(self, vectors: VectorStore) -> None:
        """A missing id is no error."""
        await vectors.delete(DocumentId(uuid4()))
