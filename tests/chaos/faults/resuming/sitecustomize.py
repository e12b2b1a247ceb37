"""Plants a fault: whoever takes a job up pays for all of its embeddings again.

Python imports this at the start of every process of the service, as PYTHONPATH names its folder.
"""

import sys

if sys.orig_argv[-1] == "worker":
    from citewell_adapters.pgvector.vectors import PgVectorStore

    async def nothing_staged(self, revision_id):
        """As if no slice had been committed."""

    PgVectorStore.staged = nothing_staged
