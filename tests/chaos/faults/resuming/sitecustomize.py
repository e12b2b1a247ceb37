"""Plants a fault: whoever takes a job up pays for all of its embeddings again.

Python imports this at the start of every process of the service, as PYTHONPATH names its folder.
"""

import sys

if sys.orig_argv[-1] == "worker":
    from citewell.model import RevisionId
    from citewell_adapters.pgvector.vectors import PgVectorStore

    async def nothing_staged(self: PgVectorStore, revision_id: RevisionId) -> None:
        """As if no slice had been committed."""

    setattr(PgVectorStore, "staged", nothing_staged)  # noqa: B010 - type checkers refuse the plain way
