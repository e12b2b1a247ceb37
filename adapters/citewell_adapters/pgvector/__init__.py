"""The stores on PostgreSQL with pgvector, through psycopg 3.

The tables come from `citewell_migrations`. Open a PgDatabase first; the stores share its pool, and its
`unit_of_work` binds them together.
"""

from citewell_adapters.pgvector.board import PgJobBoard
from citewell_adapters.pgvector.building import LiveChunk
from citewell_adapters.pgvector.contents import PgContentLedger
from citewell_adapters.pgvector.database import PgDatabase
from citewell_adapters.pgvector.documents import PgDocumentStore
from citewell_adapters.pgvector.jobs import PgJobStore
from citewell_adapters.pgvector.pages import PgPageStore
from citewell_adapters.pgvector.passages import PgPassageStore
from citewell_adapters.pgvector.space_store import PgSpaces, SpaceState
from citewell_adapters.pgvector.spaces import OpenedSpace, Origin
from citewell_adapters.pgvector.vectors import PgVectorStore
from citewell_adapters.pgvector.versions import PgVersionStore

__all__ = [
    "LiveChunk",
    "OpenedSpace",
    "Origin",
    "PgContentLedger",
    "PgDatabase",
    "PgDocumentStore",
    "PgJobBoard",
    "PgJobStore",
    "PgPageStore",
    "PgPassageStore",
    "PgSpaces",
    "PgVectorStore",
    "PgVersionStore",
    "SpaceState",
]
