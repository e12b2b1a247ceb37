"""Advisory locks by name, held until the transaction ends."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from citewell_adapters.pgvector.database import Connection

__all__ = ["lock_until_end"]

_LOCK: Final = "SELECT pg_advisory_xact_lock(%(key)s::bigint)"


async def lock_until_end(connection: Connection, *name: str) -> None:
    """Until the transaction ends, no other one passes here with the same name.

    What the wait was for is visible only to the statements after this one.
    """
    digest = blake2b("\0".join(("citewell", *name)).encode(), digest_size=8).digest()
    await connection.execute(_LOCK, {"key": int.from_bytes(digest, signed=True)})
