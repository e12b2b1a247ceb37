"""What users do all the while: upload, upload again, at once from many sides, replace, delete, cancel."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID, uuid4

from tests.chaos.client import Client
from tests.chaos.corpus import Upload
from tests.chaos.ledger import Entry, Ledger
from tests.chaos.outcomes import Kind, Violation

__all__ = ["Traffic"]

_TWINS: Final = 4
_NOTHING_FREE_SECONDS: Final = 0.2


class Traffic:
    """Several users who each do one thing after another until `stopping` is set.

    The same bytes are on their way in one collection at a time, so that it is known for whom the embedder
    was paid. Each round of uploads has a collection of its own. editions: what documents are replaced with.
    """

    def __init__(
        self,
        client: Client,
        ledger: Ledger,
        files: Sequence[Upload],
        editions: Sequence[Upload],
        *,
        seed: int,
        patience_seconds: float,
        replaces: bool,
        cancels: bool,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._files = files
        self._chance = random.Random(seed)
        self._patience_seconds = patience_seconds
        self._queue = self._endless()
        self._editions = itertools.cycle(editions)
        self._numbers = itertools.count(1)
        self._busy: set[str] = set()
        self.stopping = asyncio.Event()
        self.violations: list[Violation] = []
        acts: list[Callable[[Upload, str], Awaitable[None]]] = [
            self._plain,
            self._plain,
            self._again,
            self._twins,
            self._delete,
            self._upload_anew,
        ]
        acts += [self._replace] if replaces else []
        acts += [self._cancel] if cancels else []
        self._acts = acts

    async def user(self) -> None:
        """One user's day."""
        while not self.stopping.is_set():
            upload, collection = next(self._queue)
            if upload.sha256 in self._busy:
                await asyncio.sleep(_NOTHING_FREE_SECONDS)
                continue
            with self._keeping(upload):
                await self._chance.choice(self._acts)(upload, collection)

    def _endless(self) -> Iterator[tuple[Upload, str]]:
        """Every file again and again, each time with a collection that does not hold it yet."""
        for round_ in itertools.count(1):
            for upload in self._chance.sample(self._files, len(self._files)):
                yield upload, f"round-{round_}"

    @contextmanager
    def _keeping(self, upload: Upload) -> Iterator[None]:
        """Nobody else takes the upload meanwhile."""
        self._busy.add(upload.sha256)
        try:
            yield
        finally:
            self._busy.discard(upload.sha256)

    async def _plain(self, upload: Upload, collection: str) -> None:
        await self._end(await self._upload(upload, collection))

    async def _again(self, upload: Upload, collection: str) -> None:
        first = await self._upload(upload, collection)
        await self._end(first)
        await self._upload(upload, collection, expected=first.document_id)
        await self._end(first)

    async def _twins(self, upload: Upload, collection: str) -> None:
        entries = await asyncio.gather(*(self._upload(upload, collection) for _ in range(_TWINS)))
        ids = {entry.document_id for entry in entries}
        if len(ids) > 1:
            detail = f"{upload.name}, uploaded {_TWINS} times at once to {collection}, is {sorted(ids)}"
            self.violations.append(Violation(Kind.DUPLICATED, entries[0].document_id, detail))
        await self._end(entries[0])

    async def _delete(self, upload: Upload, collection: str) -> None:
        entry = await self._upload(upload, collection)
        if self._chance.random() < 0.5:
            await asyncio.sleep(self._chance.uniform(0.0, 3.0))
        else:
            await self._end(entry)
        await self._remove(entry)

    async def _upload_anew(self, upload: Upload, collection: str) -> None:
        await self._delete(upload, collection)
        await self._plain(upload, collection)

    async def _replace(self, upload: Upload, collection: str) -> None:
        identity, collection = uuid4(), f"replaced-{next(self._numbers)}"
        entry = await self._put(identity, upload, collection)
        for _ in range(2):
            if self._chance.random() < 0.5:
                await self._end(entry)
            entry = await self._put(identity, next(self._editions), collection)
        await self._end(entry)

    async def _cancel(self, upload: Upload, collection: str) -> None:
        entry = await self._upload(upload, collection)
        await asyncio.sleep(self._chance.uniform(0.0, 2.0))
        await self._client.act(entry.document_id, "cancel")
        # A reply may have been lost, so what counts is what the document says.
        while await self._status(entry) == "cancelled":
            entry.paid_anew = time.monotonic()
            await self._client.act(entry.document_id, "retry")
        await self._end(entry)

    async def _status(self, entry: Entry) -> str | None:
        """At its end, or None if it does not come to one in time."""
        document = await self._client.ended(entry.document_id, within_seconds=self._patience_seconds)
        return None if document is None else str(document["status"])

    async def _upload(self, upload: Upload, collection: str, *, expected: str | None = None) -> Entry:
        document_id = await self._client.upload(upload, collection=collection)
        if expected is not None and document_id != expected:
            detail = f"{upload.name} in {collection} is also {document_id}"
            self.violations.append(Violation(Kind.DUPLICATED, expected, detail))
        return self._ledger.accepted(document_id, collection=collection, sha256=upload.sha256)

    async def _put(self, identity: UUID, upload: Upload, collection: str) -> Entry:
        if (entry := self._ledger.get(str(identity))) is not None:
            entry.offered.add(upload.sha256)
        document_id = await self._client.replace(identity, upload, collection=collection)
        return self._ledger.accepted(document_id, collection=collection, sha256=upload.sha256)

    async def _end(self, entry: Entry) -> None:
        """Wait for the end, within limits: what does not end is found by the checks."""
        if (status := await self._status(entry)) is not None:
            self._ledger.has_ended(entry, ready=status == "ready")

    async def _remove(self, entry: Entry) -> None:
        entry.delete_asked = time.monotonic()
        await self._client.delete(entry.document_id)
        entry.deleted = time.monotonic()
        if not entry.ended:
            self._ledger.has_ended(entry, ready=False)
