"""The contract of IndexedStore."""

from __future__ import annotations

import random

import pytest

from citewell.model import Scope
from citewell.ports import IndexedStore, VectorStore
from citewell.testing.stores import chunk
from citewell.testing.vectors import NewPublication, published, random_vector

__all__ = ["IndexedStoreContract"]


@pytest.mark.asyncio
class IndexedStoreContract:
    """Override `vectors` with an empty store, `indexed` with its other side, `new_publication` as there."""

    @pytest.fixture
    def vectors(self) -> VectorStore:
        raise NotImplementedError("override the fixture vectors")

    @pytest.fixture
    def indexed(self) -> IndexedStore:
        raise NotImplementedError("override the fixture indexed")

    @pytest.fixture
    def new_publication(self) -> NewPublication:
        raise NotImplementedError("override the fixture new_publication")

    async def test_the_nearest_are_those_of_a_search(
        self, vectors: VectorStore, indexed: IndexedStore, new_publication: NewPublication
    ) -> None:
        """The chunks that `search` finds, exactly or not, in the index or not yet."""
        numbers = random.Random(2)  # noqa: S311 - reproducible on purpose
        ids = []
        for number in range(4):
            publication = await new_publication(collection=str(number % 2))
            chunks = [chunk(n, vector=random_vector(numbers)) for n in range(10)]
            ids.append((await published(vectors, publication, chunks)).document_id)
        for _ in range(3):
            for scope in (Scope(), Scope("1"), Scope("none"), Scope(document_ids=(ids[0], ids[3]))):
                vector = random_vector(numbers)
                hits = await vectors.search(vector, k=7, scope=scope)
                for exact in (True, False):
                    found = await indexed.nearest(vector, k=7, scope=scope, exact=exact)
                    assert [each.ref for each in found.items] == [hit.ref for hit in hits]
                    assert [each.similarity for each in found.items] == [hit.similarity for hit in hits]
            await vectors.index(limit=15)

    async def test_a_sample_is_of_live_chunks(
        self, vectors: VectorStore, indexed: IndexedStore, new_publication: NewPublication
    ) -> None:
        """Each drawn by chance, once; of the collection, or of all."""
        assert await indexed.sample(None, limit=5) == []
        for name in ("one", "two"):
            texts = [chunk(n, text=f"{name} {n}") for n in range(6)]
            await published(vectors, await new_publication(collection=name), texts)
            await vectors.index(limit=4)
        await vectors.stage(await new_publication(collection="one"), [chunk(0, text="staged")])
        assert set(await indexed.sample("one", limit=100)) == {f"one {n}" for n in range(6)}
        assert len(set(await indexed.sample(None, limit=100))) == 12
        assert await indexed.sample("none", limit=5) == []
        drawn = [tuple(await indexed.sample(None, limit=5)) for _ in range(10)]
        assert {len(set(each)) for each in drawn} == {5}
        assert len(set(drawn)) > 1
