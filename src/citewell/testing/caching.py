"""The contracts of Cache and VersionStore."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest

from citewell.filtering import parse_filter
from citewell.lexical import WordEncoder
from citewell.model import DocumentId, Lease, Scope, ScopeVersion
from citewell.ports import Cache, LexicalStore, VersionStore
from citewell.testing.stores import Stores, chunk, claimed, complete, publish, submission

__all__ = ["CacheContract", "VersionStoreContract"]

_LONG = 60.0


@pytest.mark.asyncio
class CacheContract:
    """Override `cache` with an open, empty one that has room for a kilobyte at least."""

    @pytest.fixture
    def cache(self) -> Cache:
        raise NotImplementedError("override the fixture cache")

    async def test_what_was_put_is_there(self, cache: Cache) -> None:
        """Of what was put under the key the last that could be kept."""
        await cache.put("a", b"one", ttl_seconds=_LONG)
        await cache.put("b", bytes(range(256)), ttl_seconds=_LONG)
        await cache.put("a", b"two", ttl_seconds=_LONG)
        assert await cache.get("a") == b"two"
        assert await cache.get("b") == bytes(range(256))

    async def test_no_bytes_are_bytes_too(self, cache: Cache) -> None:
        """Of what was put under the key, or None."""
        await cache.put("a", b"", ttl_seconds=_LONG)
        assert await cache.get("a") == b""

    async def test_what_was_not_put_is_not_there(self, cache: Cache) -> None:
        """Or None."""
        await cache.put("a", b"one", ttl_seconds=_LONG)
        assert await cache.get("A") is None

    async def test_what_is_over_is_not_there(self, cache: Cache) -> None:
        """For so long at most."""
        await cache.put("short", b"one", ttl_seconds=0.05)
        await cache.put("long", b"two", ttl_seconds=_LONG)
        await asyncio.sleep(0.1)
        assert await cache.get("short") is None
        assert await cache.get("long") == b"two"

    @pytest.mark.parametrize("ttl_seconds", [0.0, -1.0])
    async def test_no_time_keeps_nothing(self, cache: Cache, ttl_seconds: float) -> None:
        """Not at all if that is not above 0."""
        await cache.put("a", b"one", ttl_seconds=ttl_seconds)
        assert await cache.get("a") is None

    async def test_what_is_too_large_costs_nothing(self, cache: Cache) -> None:
        """What it cannot keep it does not have: no call fails for that."""
        await cache.put("huge", bytes(1 << 24), ttl_seconds=_LONG)
        assert await cache.get("huge") in (None, bytes(1 << 24))
        await cache.put("a", b"one", ttl_seconds=_LONG)
        assert await cache.get("a") == b"one"

    async def test_calls_may_overlap(self, cache: Cache) -> None:
        """Calls may overlap."""
        keys = [str(number) for number in range(8)]
        await asyncio.gather(*(cache.put(key, key.encode(), ttl_seconds=_LONG) for key in keys))
        found = await asyncio.gather(*(cache.get(key) for key in keys))
        assert {None, *(key.encode() for key in keys)} >= set(found)


@pytest.mark.asyncio
class VersionStoreContract:
    """Override `stores` with empty ones, and `versions` and `lexical` with those over the same data."""

    @pytest.fixture
    def stores(self) -> Stores:
        raise NotImplementedError("override the fixture stores")

    @pytest.fixture
    def versions(self) -> VersionStore:
        raise NotImplementedError("override the fixture versions")

    @pytest.fixture
    def lexical(self) -> LexicalStore:
        raise NotImplementedError("override the fixture lexical")

    async def test_a_publication_changes_what_it_is_found_in(
        self, stores: Stores, versions: VersionStore
    ) -> None:
        """Once a search in the scope could find something else the texts are others: a publication."""
        other = await live(stores, "other", collection="elsewhere")
        lease = await claimed(stores, "one")
        await stores.vectors.stage(lease.publication, [chunk(0)])
        scopes = [Scope(), Scope("default"), of(lease)]
        untouched = [Scope("elsewhere"), of(other), Scope("nothing-there")]
        before, same = await versions.versions(scopes), await versions.versions(untouched)
        await go_live(stores, lease)
        assert all_changed(before, await versions.versions(scopes))
        assert await versions.versions(untouched) == same

    async def test_where_nothing_changes_versions_stay(self, stores: Stores, versions: VersionStore) -> None:
        """What is staged, or waits for its worker, is no change."""
        lease = await live(stores, "one")
        scopes = [Scope(), Scope("default"), of(lease)]
        before = await versions.versions(scopes)
        another = await claimed(stores, "two")
        await stores.vectors.stage(another.publication, [chunk(0)])
        assert await versions.versions(scopes) == before

    async def test_a_replacement_is_a_change(self, stores: Stores, versions: VersionStore) -> None:
        """A replacement."""
        lease = await live(stores, "one")
        scopes = [Scope(), Scope("default"), of(lease)]
        before = await versions.versions(scopes)
        await replaced(stores, lease, "two")
        assert all_changed(before, await versions.versions(scopes))

    async def test_a_delete_is_a_change(self, stores: Stores, versions: VersionStore) -> None:
        """A delete."""
        lease = await live(stores, "one")
        scopes = [Scope(), Scope("default"), of(lease)]
        before = await versions.versions(scopes)
        await deleted(stores, lease.document_id)
        assert all_changed(before, await versions.versions(scopes))

    async def test_another_name_is_a_change(self, stores: Stores, versions: VersionStore) -> None:
        """Another name or other metadata of what is live."""
        lease = await live(stores, "one")
        scopes = [Scope(), Scope("default"), of(lease)]
        before = await versions.versions(scopes)
        await stores.documents.submit(submission("one", document_id=lease.document_id, name="other.txt"))
        renamed = await versions.versions(scopes)
        assert all_changed(before, renamed)
        await stores.documents.submit(
            submission("one", document_id=lease.document_id, name="other.txt", metadata={"lang": "en"})
        )
        assert all_changed(renamed, await versions.versions(scopes))

    async def test_words_that_come_later_are_a_change(
        self, stores: Stores, versions: VersionStore, lexical: LexicalStore
    ) -> None:
        """Words that were added later."""
        lease = await live(stores, "one")
        scopes = [Scope(), Scope("default"), of(lease)]
        before = await versions.versions(scopes)
        assert await lexical.encode(WordEncoder()) == 1
        assert all_changed(before, await versions.versions(scopes))

    async def test_what_is_undone_changes_nothing(self, stores: Stores, versions: VersionStore) -> None:
        """What is undone changes nothing; what is done afterwards has a version of its own."""
        lease = await claimed(stores, "one")
        await stores.vectors.stage(lease.publication, [chunk(0)])
        scopes = [Scope(), Scope("default"), of(lease)]
        before = await versions.versions(scopes)
        inside: list[ScopeVersion] = []

        async def undone() -> None:
            async with stores.unit_of_work():
                await complete(stores, lease)
                await publish(stores, lease)
                inside.extend(await versions.versions(scopes))
                raise _Undone

        with pytest.raises(_Undone):
            await undone()
        assert all_changed(before, inside)
        assert await versions.versions(scopes) == before

    async def test_others_do_not_change_a_document(self, stores: Stores, versions: VersionStore) -> None:
        """Where the scope names documents, `documents` stays the same; `counts` changes with all of them."""
        one, other = await live(stores, "one"), await live(stores, "other")
        elsewhere = await live(stores, "elsewhere", collection="elsewhere")
        scopes = [of(one), of(one, elsewhere), of(elsewhere)]
        before = await versions.versions(scopes)
        await deleted(stores, other.document_id)
        after = await versions.versions(scopes)
        assert [each.documents for each in after] == [each.documents for each in before]
        same = [now.counts == then.counts for now, then in zip(after, before, strict=True)]
        assert same == [False, False, True]

    async def test_a_document_that_comes_back_is_new(self, stores: Stores, versions: VersionStore) -> None:
        """They are ones that they never were before."""
        lease = await live(stores, "one")
        seen = set()
        for content in ("two", "three"):
            seen.add((await versions.versions([of(lease)]))[0].documents)
            await deleted(stores, lease.document_id)
            lease = await claimed(stores, content, document_id=lease.document_id)
            await stores.vectors.stage(lease.publication, [chunk(0)])
            await go_live(stores, lease)
        seen.add((await versions.versions([of(lease)]))[0].documents)
        assert len(seen) == 3

    async def test_every_scope_has_a_version(self, stores: Stores, versions: VersionStore) -> None:
        """For each scope, in their order; those with nothing in them too; the filter does not matter."""
        lease = await live(stores, "one")
        missing = Scope(document_ids=(DocumentId(uuid4()),))
        scopes = [
            Scope("nothing-there"),
            Scope(document_ids=()),
            missing,
            of(lease),
            Scope(),
            Scope("default"),
        ]
        found = await versions.versions(scopes)
        assert list(await versions.versions(scopes[::-1])) == list(found)[::-1]
        assert [(await versions.versions([scope]))[0] for scope in scopes] == list(found)
        filtered = Scope("default", filter=parse_filter({"lang": "en"}))
        assert await versions.versions([filtered]) == await versions.versions([Scope("default")])
        assert await versions.versions([]) == []


class _Undone(Exception):
    """Leaves a unit of work."""


def of(*leases: Lease) -> Scope:
    """These documents."""
    return Scope(document_ids=tuple(lease.document_id for lease in leases))


def all_changed(before: Sequence[ScopeVersion], after: Sequence[ScopeVersion]) -> bool:
    """Whether each version is another one in both respects."""
    pairs = zip(before, after, strict=True)
    return all(then.documents != now.documents and then.counts != now.counts for then, now in pairs)


async def go_live(stores: Stores, lease: Lease) -> None:
    """Complete the job and publish, as a worker does."""
    async with stores.unit_of_work():
        await complete(stores, lease)
        await publish(stores, lease)


async def live(stores: Stores, content: str, *, collection: str = "default") -> Lease:
    """The lease of a document that is live, with one chunk of these words."""
    lease = await claimed(stores, content, collection=collection)
    await stores.vectors.stage(lease.publication, [chunk(0, text=content)])
    await go_live(stores, lease)
    return lease


async def replaced(stores: Stores, lease: Lease, content: str) -> None:
    """Another revision takes the place of what is live."""
    new = await claimed(stores, content, collection=lease.collection, document_id=lease.document_id)
    await stores.vectors.stage(new.publication, [chunk(0, text=content)])
    await go_live(stores, new)


async def deleted(stores: Stores, document_id: DocumentId) -> None:
    """The document with all it has."""
    async with stores.unit_of_work():
        await stores.vectors.delete(document_id)
        await stores.documents.delete(document_id)
