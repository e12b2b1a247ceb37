"""Forgetting bytes that no document has any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from citewell.ports import BlobStore, ContentLedger, ImageCache, UnitOfWork

__all__ = ["CollectContents"]

_AT_ONCE: Final = 100


class CollectContents:
    """Looks at bytes that are suspected to be orphans, and deletes those that are.

    The suspicion is recorded together with whatever caused it, and is gone only after the bytes are: a
    process that is killed in between leaves it to the next one. images: those of the bytes go with them.
    """

    def __init__(
        self,
        *,
        ledger: ContentLedger,
        blobs: BlobStore,
        unit_of_work: UnitOfWork,
        images: ImageCache | None = None,
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._unit_of_work = unit_of_work
        self._images = images

    async def __call__(self, hashes: Iterable[str] | None = None) -> int:
        """How many were deleted: of these, or of those whose time to look has come."""
        suspects = await self._ledger.suspected(limit=_AT_ONCE) if hashes is None else hashes
        return sum([await self._collect(sha256) for sha256 in suspects])

    async def _collect(self, sha256: str) -> bool:
        async with self._unit_of_work():
            # Who is about to use the bytes waits here, or has used them already.
            await self._ledger.lock(sha256)
            used = await self._ledger.is_used(sha256)
            if not used:
                await self._blobs.delete(sha256)
                if self._images is not None:
                    await self._images.forget(sha256)
            await self._ledger.clear(sha256)
        return not used
