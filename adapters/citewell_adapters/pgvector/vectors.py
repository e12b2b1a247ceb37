"""VectorStore on PostgreSQL with pgvector."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from operator import itemgetter
from types import TracebackType
from typing import Any, Final, LiteralString, Self

from psycopg import errors

from citewell.errors import DimensionMismatch, SpaceMismatch
from citewell.model import (
    Candidate,
    Candidates,
    Chunk,
    DocumentId,
    EmbeddedChunk,
    EmbeddingSpace,
    Hit,
    Publication,
    RevisionId,
    Scope,
    SearchPlan,
    Vector,
)
from citewell.ports import LexicalEncoder
from citewell_adapters.pgvector.arrays import bigint_array, int_array
from citewell_adapters.pgvector.chunk_rows import CHUNK_TABLE, chunk_from, pack_chunk
from citewell_adapters.pgvector.copying import copy_rows, pack_row
from citewell_adapters.pgvector.database import Connection, PgDatabase
from citewell_adapters.pgvector.halfvec import HalfVector, half_vector, pack_half
from citewell_adapters.pgvector.indexing import index_batch, index_revision
from citewell_adapters.pgvector.lexical import (
    delete_terms,
    discard_terms,
    encode_some,
    fold_changes,
    index_terms,
    index_terms_of,
    publish_terms,
    stage_terms,
)
from citewell_adapters.pgvector.nearest import MAX_EXACT_CHUNKS, MAX_EXACT_MATCHING
from citewell_adapters.pgvector.packing import pack_bigint, pack_int
from citewell_adapters.pgvector.revisions import lock_revision
from citewell_adapters.pgvector.spaces import OpenedSpace, Origin, hold_space, open_space
from citewell_adapters.pgvector.vector_sql import (
    DELETE_CHUNKS,
    DELETE_STAGED,
    DISCARD_VECTORS,
    HITS,
    LAST_STAGED,
    LOCK_DOCUMENT,
    LOCK_FOR_DELETE,
    PRUNE_CHUNKS,
    STAGED_TABLE,
    UNSTAGE,
    SpaceStatements,
)
from citewell_adapters.pgvector.versions import FOUND_ANEW

__all__ = ["PgVectorStore"]

#: Of a row of the statement for candidates.
_CANDIDATE: Final = itemgetter(*range(len(Candidate._fields)))


class PgVectorStore:
    """The VectorStore, LexicalStore and IndexedStore ports.

    Vectors are halfvec, those of one space in a narrow table of their own, under HNSW; words are under GIN.
    Opening it makes `space` the database's active one. A revision's chunks do not change once it is live:
    staging it again with other texts would show before the publication. A vector of zeros has similarity -1
    to all, itself included, so it comes last. Collections of up to `max_exact_chunks`, and what a filter lets
    through of up to `max_exact_matching`, are searched exactly. Once another space is active, because another
    process has opened the database with it, without any vector then, or has made it active, every call that
    has to do with vectors raises SpaceMismatch and changes nothing. One that writes leaves its unit of work
    as it was; one that reads spoils it. Once the space has another kind of index, searches that may go by it
    raise SpaceMismatch, and nothing else does.
    """

    def __init__(
        self,
        database: PgDatabase,
        space: EmbeddingSpace,
        *,
        origin: Origin | None = None,
        opened: OpenedSpace | None = None,
        max_exact_chunks: int = MAX_EXACT_CHUNKS,
        max_exact_matching: int = MAX_EXACT_MATCHING,
    ) -> None:
        """origin: noted for whoever has to make vectors of the space.

        opened: the space as it is, if it is not to be made active but searched, inactive or on trial.
        """
        self._database = database
        self._space = space
        self._origin = origin
        self._as_it_is = opened
        self._max_exact_chunks = max_exact_chunks
        self._max_exact_matching = max_exact_matching
        self._opened: SpaceStatements | None = None

    async def __aenter__(self) -> Self:
        """Raises SpaceMismatch if the database holds vectors of another space."""
        space = self._as_it_is or await open_space(self._database, self._space, origin=self._origin)
        self._opened = SpaceStatements.of(
            space,
            max_exact_chunks=self._max_exact_chunks,
            max_exact_matching=self._max_exact_matching,
            view=self._database.search_ef,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened = None

    async def stage(self, publication: Publication, chunks: Sequence[EmbeddedChunk]) -> None:
        """See the port. Raises StaleLease if the revision is gone."""
        revision_id, space_id = publication.revision_id, self._statements.space_id
        chunks = list({embedded.chunk.index: embedded for embedded in chunks}.values())
        texts = [pack_chunk(revision_id, embedded.chunk) for embedded in chunks]
        vectors = [
            pack_row(
                pack_bigint(revision_id),
                pack_int(space_id),
                pack_int(embedded.chunk.index),
                pack_half(self._checked(embedded.vector)),
            )
            for embedded in chunks
        ]
        indexes = [embedded.chunk.index for embedded in chunks]
        parameters = {"revision_id": revision_id, "space_id": space_id, "indexes": indexes}
        async with self._transaction() as connection:
            # Staged again, a live revision's vectors must not mix with those that wait for the index.
            await index_revision(connection, self._statements.indexing, revision_id)
            await index_terms_of(connection, revision_id)
            await lock_revision(connection, revision_id)
            await connection.execute(UNSTAGE, parameters)
            await copy_rows(connection, CHUNK_TABLE, texts)
            await copy_rows(connection, STAGED_TABLE, vectors)
            await stage_terms(connection, revision_id, chunks)

    async def staged(self, revision_id: RevisionId) -> Chunk | None:
        parameters = {"revision_id": revision_id, "space_id": self._statements.space_id}
        async with self._connection() as connection:
            row = await (await connection.execute(LAST_STAGED, parameters, binary=True)).fetchone()
            return chunk_from(row) if row else None

    async def publish(self, publication: Publication) -> None:
        """See the port. Does nothing if the document is gone: so is what was staged for it.

        Takes some milliseconds, however long the document is: vectors and words stay where they are until
        `index` moves them. Words of a former revision that are in the index cost 0.2 ms a chunk.
        """
        parameters: dict[str, object] = {
            "document_id": publication.document_id,
            "revision_id": publication.revision_id,
            "space_id": self._statements.space_id,
        }
        async with self._transaction() as connection:
            row = await (await connection.execute(LOCK_DOCUMENT, parameters)).fetchone()
            if row is None:
                return
            parameters["collection_id"] = row[0]
            row = await (await connection.execute(self._statements.is_news, parameters)).fetchone()
            if row is None or not row[0]:
                return
            await publish_terms(connection, parameters)
            cursor = await connection.execute(self._statements.publish, parameters)
            added, removed, again = await cursor.fetchone() or (0, 0, False)
            if again:
                await connection.execute(PRUNE_CHUNKS, parameters)
            if added or removed:
                await connection.execute(FOUND_ANEW, {**parameters, "change": added - removed})

    async def search(self, vector: Vector, *, k: int, scope: Scope) -> Sequence[Hit]:
        half = self._half(vector)
        if scope.document_ids is not None and not scope.document_ids:
            return []
        query, parameters = self._statements.nearest.choose(scope, k=k)
        parameters["vector"] = half
        return list(map(_hit, await self._fetch(query, parameters)))

    async def candidates(
        self, vector: Vector | None, words: Sequence[Sequence[int]], *, k: int, scope: Scope
    ) -> Candidates:
        half = None if vector is None else self._half(vector)
        if scope.document_ids is not None and not scope.document_ids:
            return Candidates((), 0.0, SearchPlan(exact=True))
        query, parameters = self._statements.candidates.choose(scope, words, k=k, dense=half is not None)
        return await self._candidates(query, {**parameters, "vector": half})

    async def nearest(self, vector: Vector, *, k: int, scope: Scope, exact: bool) -> Candidates:
        if not exact:
            return await self.candidates(vector, (), k=k, scope=scope)
        half = self._half(vector)
        if scope.document_ids is not None and not scope.document_ids:
            return Candidates((), 0.0, SearchPlan(exact=True))
        query, parameters = self._statements.recall.exact(scope, k=k)
        return await self._candidates(query, {**parameters, "vector": half})

    async def sample(self, collection: str | None, *, limit: int) -> Sequence[str]:
        parameters = {"collection": collection, "limit": limit}
        async with self._connection() as connection:
            cursor = await connection.execute(self._statements.recall.sample, parameters, binary=True)
            return [text async for (text,) in cursor]

    async def _candidates(self, query: bytes, parameters: Mapping[str, object]) -> Candidates:
        rows = await self._fetch(query, parameters)
        # Where nothing was found, one row tells how it was looked for.
        items = tuple(map(Candidate._make, map(_CANDIDATE, rows))) if rows and rows[0][0] is not None else ()
        # There is always a row; with no scope to search in there is none.
        *_, highest, exact, topped_up, matched = rows[0] if rows else (0.0, None, False, None)
        plan = None if exact is None else SearchPlan(exact, topped_up, matched)
        return Candidates(items, highest if items else 0.0, plan)

    async def hits(self, candidates: Sequence[Candidate]) -> Sequence[Hit | None]:
        parameters = {
            "revision_ids": bigint_array([candidate.revision_id for candidate in candidates]),
            "indexes": int_array([candidate.chunk_index for candidate in candidates]),
        }
        hits: list[Hit | None] = [None] * len(candidates)
        for place, *row in await self._fetch(HITS, parameters):
            similarity = candidates[place - 1].similarity
            hits[place - 1] = _hit((-1.0 if similarity is None else similarity, *row))
        return hits

    async def encode(self, encoder: LexicalEncoder) -> int:
        """See the port. One transaction, which a publication or a delete of its document waits for."""
        async with self._transaction() as connection:
            return await encode_some(connection, encoder)

    async def chunks(self, document_id: DocumentId, *, after: int = -1, limit: int) -> Sequence[Chunk]:
        parameters = {"document_id": document_id, "after": after, "limit": limit}
        async with self._connection() as connection:
            cursor = await connection.execute(self._statements.chunks, parameters, binary=True)
            return [chunk_from(row) for row in await cursor.fetchall()]

    async def index(self, *, limit: int, spare: int = 0) -> int:
        """See the port. One transaction, which a publication or a delete of its documents waits for.

        Moves the words of as many chunks too, and adds to the counts of words what others left.
        """
        async with self._transaction() as connection:
            await fold_changes(connection)
            moved = await index_batch(connection, self._statements.indexing, limit=limit, spare=spare)
            if moved or not spare:
                moved = max(moved, await index_terms(connection, limit=limit))
            return moved

    async def discard(self, revision_id: RevisionId) -> None:
        parameters = {"revision_id": revision_id, "space_id": self._statements.space_id}
        async with self._transaction() as connection:
            await connection.execute(DISCARD_VECTORS, parameters)
            await connection.execute(self._statements.discard_chunks, parameters)
            await discard_terms(connection, revision_id)

    async def delete(self, document_id: DocumentId) -> None:
        parameters: dict[str, object] = {
            "document_id": document_id,
            "space_id": self._statements.space_id,
        }
        async with self._transaction() as connection:
            row = await (await connection.execute(LOCK_FOR_DELETE, parameters)).fetchone()
            if row is None:
                return
            parameters["collection_id"] = row[0]
            await delete_terms(connection, parameters)
            row = await (await connection.execute(self._statements.delete_live, parameters)).fetchone()
            await connection.execute(DELETE_STAGED, parameters)
            await connection.execute(DELETE_CHUNKS, parameters)
            if row and row[0]:
                await connection.execute(FOUND_ANEW, {**parameters, "change": -row[0]})

    async def _fetch(
        self, query: LiteralString | bytes, parameters: Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        with self._served():
            return await self._database.fetch(query, parameters)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with self._served():
            async with self._database.connection() as connection:
                yield connection

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        space_id = self._statements.space_id
        with self._served():
            async with self._database.transaction() as connection:
                if not await hold_space(connection, space_id, active=True):
                    raise self._no_longer_served()
                yield connection

    @contextmanager
    def _served(self) -> Iterator[None]:
        """Raises SpaceMismatch if another process has put another space in the place of ours."""
        try:
            yield
        except (errors.UndefinedTable, errors.ForeignKeyViolation) as error:
            # Revisions and documents are locked before anything refers to them, so it is the space.
            raise self._no_longer_served() from error

    def _no_longer_served(self) -> SpaceMismatch:
        return SpaceMismatch(f"the database no longer serves {self._space}: start again")

    @property
    def _statements(self) -> SpaceStatements:
        if self._opened is None:
            raise RuntimeError("the vector store is not open: use `async with store:`")
        return self._opened

    def _half(self, vector: Vector) -> HalfVector:
        return half_vector(self._checked(vector))

    def _checked(self, vector: Vector) -> Vector:
        if len(vector) != self._space.dimensions:
            raise DimensionMismatch(f"a vector of {len(vector)} dimensions does not fit {self._space}")
        return vector


def _hit(row: tuple[Any, ...]) -> Hit:
    similarity, document_id, document_name, collection, sha256 = row[:5]
    return Hit(document_id, document_name, collection, sha256, chunk_from(row[5:]), similarity)
