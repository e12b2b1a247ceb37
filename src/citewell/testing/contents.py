"""The contract of ContentLedger."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Final

import pytest

from citewell.testing.stores import LEASE_SECONDS, Stores, claimed, submission

__all__ = ["ContentLedgerContract"]

_HASH: Final = sha256(b"text").hexdigest()


@pytest.mark.asyncio
class ContentLedgerContract:
    """Override `stores` with empty stores; besides the ledger, documents and jobs are used."""

    @pytest.fixture
    def stores(self) -> Stores:
        raise NotImplementedError("override the fixture stores")

    async def test_content_is_used_as_long_as_a_document_has_it(self, stores: Stores) -> None:
        """Whether any revision of any document has these bytes."""
        assert not await stores.ledger.is_used(_HASH)
        document = (await stores.documents.submit(submission("text"))).document
        assert await stores.ledger.is_used(_HASH)
        await stores.documents.delete(document.id)
        assert not await stores.ledger.is_used(_HASH)

    async def test_an_unlocked_copy_is_used_too(self, stores: Stores) -> None:
        """As its upload or as its unlocked copy."""
        document = (await stores.documents.submit(submission("a", unlocked_sha256=_HASH))).document
        assert await stores.ledger.is_used(_HASH)
        await stores.documents.delete(document.id)
        assert not await stores.ledger.is_used(_HASH)

    async def test_locked_content_lets_one_unit_of_work_pass(self, stores: Stores) -> None:
        """Until the unit of work ends, no other unit of work passes here with the same hash."""
        order: list[str] = []
        locked = asyncio.Event()

        async def first() -> None:
            async with stores.unit_of_work():
                await stores.ledger.lock(_HASH)
                locked.set()
                await asyncio.sleep(0.2)
                order.append("the first is done")

        async def second() -> None:
            await locked.wait()
            async with stores.unit_of_work():
                await stores.ledger.lock(_HASH)
                order.append("the second passes")

        await asyncio.gather(first(), second())
        assert order == ["the first is done", "the second passes"]

    async def test_a_suspicion_is_remembered_until_it_is_cleared(self, stores: Stores) -> None:
        """Hashes whose time to look has come."""
        assert await stores.ledger.suspected(limit=9) == []
        await stores.ledger.suspect(_HASH)
        assert await stores.ledger.suspected(limit=9) == [_HASH]
        await stores.ledger.clear(_HASH)
        assert await stores.ledger.suspected(limit=9) == []
        await stores.ledger.clear(_HASH)

    async def test_a_suspicion_waits_for_its_time(self, stores: Stores) -> None:
        """After so long; a later call counts."""
        await stores.ledger.suspect(_HASH, after_seconds=LEASE_SECONDS)
        assert await stores.ledger.suspected(limit=9) == []
        await stores.ledger.suspect(_HASH, after_seconds=0.02)
        await asyncio.sleep(0.05)
        assert await stores.ledger.suspected(limit=9) == [_HASH]

    async def test_suspicions_are_bounded(self, stores: Stores) -> None:
        """Up to `limit` hashes."""
        hashes = [sha256(f"{n}".encode()).hexdigest() for n in range(3)]
        for each in hashes:
            await stores.ledger.suspect(each)
        assert len(await stores.ledger.suspected(limit=2)) == 2
        assert set(await stores.ledger.suspected(limit=9)) == set(hashes)

    async def test_the_bytes_of_a_deleted_document_are_suspected(self, stores: Stores) -> None:
        """A DocumentStore does so for the bytes of each revision that it drops."""
        unlocked = sha256(b"unlocked").hexdigest()
        document = (await stores.documents.submit(submission("text", unlocked_sha256=unlocked))).document
        assert await stores.ledger.suspected(limit=9) == []
        await stores.documents.delete(document.id)
        assert set(await stores.ledger.suspected(limit=9)) == {_HASH, unlocked}

    async def test_the_bytes_of_a_replaced_revision_are_suspected(self, stores: Stores) -> None:
        """A JobStore does so for the bytes of each revision that it drops."""
        lease = await claimed(stores, "text")
        await stores.jobs.complete(lease, page_count=1, chunk_count=1)
        submitted = await stores.documents.submit(submission("new", document_id=lease.document_id))
        assert await stores.ledger.suspected(limit=9) == []
        assert submitted.job_id is not None
        again = await stores.jobs.claim(submitted.job_id, lease_seconds=LEASE_SECONDS)
        assert again is not None
        await stores.jobs.complete(again, page_count=1, chunk_count=1)
        assert await stores.ledger.suspected(limit=9) == [_HASH]

    async def test_a_suspicion_that_waits_is_not_hastened(self, stores: Stores) -> None:
        """Somebody may be about to use the bytes again."""
        document = (await stores.documents.submit(submission("text"))).document
        await stores.ledger.suspect(_HASH, after_seconds=LEASE_SECONDS)
        await stores.documents.delete(document.id)
        assert await stores.ledger.suspected(limit=9) == []
