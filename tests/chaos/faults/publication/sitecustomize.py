"""Plants a fault: the job ends in one transaction, and what it made appears in another, a while later.

Python imports this at the start of every process of the service, as PYTHONPATH names its folder.
"""

import sys

if sys.orig_argv[-1] == "worker":
    import asyncio

    from citewell.model import Publication
    from citewell_adapters.pgvector.vectors import PgVectorStore

    publish = PgVectorStore.publish

    async def publish_apart(self: PgVectorStore, publication: Publication) -> None:
        """Commits what came before in the unit of work, waits, and publishes."""
        async with self._database.connection() as connection:
            await connection.execute("COMMIT")
            await asyncio.sleep(1.0)
            await connection.execute("BEGIN")
        await publish(self, publication)

    setattr(PgVectorStore, "publish", publish_apart)  # noqa: B010 - type checkers refuse the plain way
