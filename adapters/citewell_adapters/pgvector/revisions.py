"""Holding a revision in place while something is added to it."""

from __future__ import annotations

from typing import Final

from citewell.errors import StaleLease
from citewell.model import RevisionId
from citewell_adapters.pgvector.database import Connection

__all__ = ["lock_revision"]

# revisions_pkey, documents_pkey
_LOCK: Final = """
SELECT 1 FROM revisions AS r JOIN documents AS d ON d.id = r.document_id
WHERE r.id = %(revision_id)s
FOR KEY SHARE OF d
"""


async def lock_revision(connection: Connection, revision_id: RevisionId) -> None:
    """Keep the revision's document from being deleted until the transaction ends.

    Raises StaleLease if it is gone: whoever still works on it has lost the job with it.
    """
    cursor = await connection.execute(_LOCK, {"revision_id": revision_id})
    if await cursor.fetchone() is None:
        raise StaleLease(f"revision {revision_id} is gone: its document was deleted or replaced")
