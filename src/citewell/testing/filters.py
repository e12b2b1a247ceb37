"""The contract of a VectorStore's filters: how they follow the metadata of documents."""

from __future__ import annotations

from typing import Any

import pytest

from citewell.filtering import matches, parse_filter
from citewell.model import DocumentId, Lease, Scope
from citewell.testing.stores import Stores, chunk, claimed, publish, submission, unit_vector

__all__ = ["FilterContract"]

#: What the documents of the collection have. Every filter lets some of them through.
_METADATA: tuple[dict[str, Any], ...] = (
    {},
    {"year": 2019, "lang": "en", "tags": ["a", "b"]},
    {"year": 2021, "lang": "de", "draft": True},
    {"year": 2023.5, "lang": "en", "author": {"name": "Ann"}},
    {"year": "2021", "lang": None, "tags": []},
)

_FILTERS: tuple[dict[str, Any], ...] = (
    {"lang": "en"},
    {"year": {"gte": 2020, "lt": 2024}},
    {"year": {"ne": 2021}},
    {"year": {"gt": "2020"}},
    {"tags": {"in": ["b", "c"]}},
    {"lang": {"nin": ["en", "de"]}},
    {"author.name": "Ann"},
    {"not": {"draft": True}},
    {"or": [{"draft": True}, {"lang": "en", "year": {"lt": 2020}}]},
    {"and": [{"lang": {"in": ["en", "de"]}}, {"not": {"year": 2019}}]},
)


async def live(stores: Stores, content: str, **submitted: Any) -> Lease:
    """The lease under which a new document of one chunk was published."""
    lease = await claimed(stores, content, **submitted)
    await stores.vectors.stage(lease.publication, [chunk(0)])
    await go_live(stores, lease)
    return lease


async def go_live(stores: Stores, lease: Lease) -> None:
    async with stores.unit_of_work():
        await publish(stores, lease)
        await stores.jobs.complete(lease, page_count=1, chunk_count=1)


async def found(
    stores: Stores, given: dict[str, Any], *, k: int = 50, collection: str | None = "default"
) -> list[DocumentId]:
    """The documents of the hits."""
    scope = Scope(collection, filter=parse_filter(given))
    hits = await stores.vectors.search(unit_vector(0), k=k, scope=scope)
    assert all(hit.similarity == 1 for hit in hits)
    return [hit.document_id for hit in hits]


@pytest.mark.asyncio
class FilterContract:
    """Override `stores` with empty stores; the vector store is one of CONTRACT_SPACE."""

    @pytest.fixture
    def stores(self) -> Stores:
        raise NotImplementedError("override the fixture stores")

    async def test_a_filter_lets_through_what_matches(self, stores: Stores) -> None:
        """As `citewell.filtering.matches` says, with or without a collection or documents."""
        ids = [
            (await live(stores, str(number), metadata=metadata)).document_id
            for number, metadata in enumerate(_METADATA)
        ]
        await live(stores, "elsewhere", collection="other", metadata={"lang": "en"})
        for given in _FILTERS:
            condition = parse_filter(given)
            expected = [
                id_ for id_, metadata in zip(ids, _METADATA, strict=True) if matches(condition, metadata)
            ]
            assert expected
            assert await found(stores, given) == sorted(expected)
            for chosen in (ids[:1], ids[1:4]):
                scope = Scope(document_ids=tuple(chosen), filter=condition)
                hits = await stores.vectors.search(unit_vector(0), k=9, scope=scope)
                assert {hit.document_id for hit in hits} == set(expected) & set(chosen)
        assert len(await found(stores, {"lang": "en"}, collection=None)) == 3
        assert await found(stores, {"lang": "fr"}) == []

    async def test_a_filter_costs_no_results(self, stores: Stores) -> None:
        """As many as are asked for, whenever so many match."""
        for number in range(12):
            await live(stores, str(number), metadata={"even": number % 2 == 0})
        for k in (1, 5, 6, 7):
            assert len(await found(stores, {"even": True}, k=k)) == min(k, 6)
            assert len(await found(stores, {"even": {"ne": False}}, k=k)) == min(k, 6)

    async def test_a_filter_follows_a_change_of_the_metadata(self, stores: Stores) -> None:
        """The same bytes under an id change the metadata at once."""
        lease = await live(stores, "one", metadata={"lang": "en"})
        await stores.documents.submit(
            submission("one", document_id=lease.document_id, metadata={"lang": "de", "year": 1})
        )
        assert await found(stores, {"lang": "en"}) == []
        assert await found(stores, {"lang": "de", "year": 1}) == [lease.document_id]

    async def test_a_filter_goes_by_what_is_live(self, stores: Stores) -> None:
        """New metadata come with the publication of the revision that they came with."""
        former = await live(stores, "one", metadata={"lang": "en"})
        submitted = await stores.documents.submit(
            submission("two", document_id=former.document_id, metadata={"lang": "de"})
        )
        assert submitted.job_id is not None
        assert await found(stores, {"lang": "en"}) == [former.document_id]
        assert await found(stores, {"lang": "de"}) == []
        lease = await stores.jobs.claim(submitted.job_id, lease_seconds=60.0)
        assert lease is not None
        await stores.vectors.stage(lease.publication, [chunk(0)])
        await go_live(stores, lease)
        assert await found(stores, {"lang": "en"}) == []
        assert await found(stores, {"lang": "de"}) == [former.document_id]

    async def test_a_deleted_document_is_let_through_by_no_filter(self, stores: Stores) -> None:
        """Nothing of it can be found."""
        lease = await live(stores, "one", metadata={"lang": "en"})
        async with stores.unit_of_work():
            await stores.vectors.delete(lease.document_id)
            await stores.documents.delete(lease.document_id)
        assert await found(stores, {"lang": "en"}) == []
        assert await found(stores, {"lang": {"ne": "de"}}) == []
